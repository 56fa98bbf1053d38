"""Sorted list: many workers insert into, look into and measure one sorted list, a request at a time each.

Source: Savina 9, `concsll`; the list is bisected, not walked.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.harness.generator import Random16
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["CONCSLL"]

WRITE_PERCENT = 10
SIZE_PERCENT = 1

INSERT, CONTAINS, SIZE, END = "insert", "contains", "size", "end"

Request = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Size:
    """How many workers, and how many requests of each."""

    workers: int
    requests: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Requests of each kind that the list handled, the sum of its values, and whether they are in order."""

    inserts: int
    contains: int
    sizes: int
    total: int
    in_order: bool


@cache
def requests_of(worker: int, size: Size) -> Sequence[Request]:
    """Draw the requests of a worker; drawn once, so that drawing is no part of the figure."""
    random = Random16(worker + size.requests + WRITE_PERCENT + SIZE_PERCENT)
    return [draw(random) for _ in range(size.requests)]


def draw(random: Random16) -> Request:
    """Draw one request."""
    percent = random.next_below(100)
    if percent < SIZE_PERCENT:
        return (SIZE, 0)
    return (INSERT if percent < SIZE_PERCENT + WRITE_PERCENT else CONTAINS, random.next_int())


def check(size: Size, answer: Answer) -> None:
    """Every request was handled once, and the list holds what was inserted, in order."""
    drawn = [request for worker in range(size.workers) for request in requests_of(worker, size)]
    inserted = [value for kind, value in drawn if kind is INSERT]
    expect("inserts", answer.inserts, len(inserted))
    expect("contains", answer.contains, sum(kind is CONTAINS for kind, _ in drawn))
    expect("sizes", answer.sizes, sum(kind is SIZE for kind, _ in drawn))
    expect("sum of the list", answer.total, sum(inserted))
    expect("in order", answer.in_order, True)  # noqa: FBT003 - the value looked for


class SortedList(Role):
    def __init__(self, report: Address) -> None:
        self.values: list[int] = []
        self.handled = {INSERT: 0, CONTAINS: 0, SIZE: 0, END: 0}
        self.report = report

    def receive(self, message: Any) -> None:
        kind, value, reply_to = message
        self.handled[kind] += 1
        if kind is CONTAINS:
            place = bisect_left(self.values, value)
            reply_to(place < len(self.values) and self.values[place] == value)
        elif kind is INSERT:
            insort(self.values, value)
            reply_to(value)
        elif kind is SIZE:
            reply_to(len(self.values))
        else:
            self.finish()

    def finish(self) -> None:
        handled = self.handled
        in_order = all(before <= after for before, after in zip(self.values, self.values[1:], strict=False))
        self.report(Answer(handled[INSERT], handled[CONTAINS], handled[SIZE], sum(self.values), in_order))
        self.stop()


class Worker(Role):
    def __init__(self, number: int, size: Size, sorted_list: Address, master: Address) -> None:
        self.requests = iter(requests_of(number, size))
        self.sorted_list = sorted_list
        self.master = master

    def receive(self, message: Any) -> None:
        request = next(self.requests, None)
        if request is None:
            self.master(END)
            self.stop()
        else:
            self.sorted_list((*request, self.me))


class Master(Role):
    def __init__(self, size: Size, runtime: Runtime) -> None:
        self.size = size
        self.report = runtime.report
        self.working = size.workers
        self.sorted_list: Address

    async def receive(self, message: Any) -> None:
        if message is END:
            self.working -= 1
            if self.working == 0:
                self.sorted_list((END, 0, None))
            return
        self.sorted_list = await self.spawn(SortedList, self.report)
        for number in range(self.size.workers):
            worker = await self.spawn(Worker, number, self.size, self.sorted_list, self.me)
            worker(None)


async def play(size: Size, runtime: Runtime) -> None:
    master = await runtime.spawn(Master, size, runtime)
    master(None)


CONCSLL = Workload(
    name="concsll",
    group=Group.B,
    about="20 workers on one sorted list",
    full=Size(20, 2_000),
    quick=Size(3, 100),
    messages=lambda size, answer: 2 * size.workers * size.requests,
    check=check,
    programs=programs(play),
)
