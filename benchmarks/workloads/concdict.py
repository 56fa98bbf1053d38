"""Concurrent dictionary: many workers read from and write to one dictionary actor, a request at a time each.

Source: Savina 8, `concdict`; the dictionary starts empty here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.harness.generator import JavaRandom
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["CONCDICT"]

WRITE_PERCENT = 10

Request = tuple[int, int | None]  # a key, and the value to write or None to read


@dataclass(frozen=True, slots=True)
class Size:
    """How many workers, and how many requests of each."""

    workers: int
    requests: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Replies that were right, writes among them, and the entries at the end."""

    right_replies: int
    writes: int
    entries: int


@cache
def requests_of(worker: int, size: Size) -> Sequence[Request]:
    """Draw the requests of a worker; drawn once, so that drawing is no part of the figure."""
    random = JavaRandom(worker + size.requests + WRITE_PERCENT)
    requests: list[Request] = []
    for _ in range(size.requests):
        write = random.next_below(100) < WRITE_PERCENT
        key = random.next_int()
        requests.append((key, random.next_int() if write else None))
    return requests


def check(size: Size, answer: Answer) -> None:
    """Every request was answered, and every write is in the dictionary."""
    writes = [
        key for worker in range(size.workers) for key, value in requests_of(worker, size) if value is not None
    ]
    expect("right replies", answer.right_replies, size.workers * size.requests)
    expect("writes", answer.writes, len(writes))
    expect("entries", answer.entries, len(set(writes)))


class Dictionary(Role):
    def __init__(self) -> None:
        self.entries: dict[int, int] = {}

    def receive(self, message: Any) -> None:
        key, value, reply_to = message
        if reply_to is None:
            value(len(self.entries))  # the end: the value is where the size goes
        elif value is None:
            reply_to(self.entries.get(key))
        else:
            self.entries[key] = value
            reply_to(value)


class Worker(Role):
    def __init__(self, number: int, size: Size, dictionary: Address, master: Address) -> None:
        self.requests = iter(requests_of(number, size))
        self.dictionary = dictionary
        self.master = master
        self.written: int | None = None
        self.right = self.writes = 0
        self.started = False

    def receive(self, message: Any) -> None:
        if self.started:
            self.right += self.written is None or message == self.written
        self.started = True
        request = next(self.requests, None)
        if request is None:
            self.master((self.right, self.writes))
            self.stop()
            return
        key, self.written = request
        self.writes += self.written is not None
        self.dictionary((key, self.written, self.me))


class Master(Role):
    def __init__(self, size: Size, runtime: Runtime) -> None:
        self.size = size
        self.report = runtime.report
        self.working = size.workers
        self.right = self.writes = 0

    async def receive(self, message: Any) -> None:
        if message is None:
            self.dictionary = await self.spawn(Dictionary)
            for number in range(self.size.workers):
                worker = await self.spawn(Worker, number, self.size, self.dictionary, self.me)
                worker(None)
        elif isinstance(message, tuple):
            self.right += message[0]
            self.writes += message[1]
            self.working -= 1
            if self.working == 0:
                self.dictionary((0, self.me, None))
        else:
            self.report(Answer(self.right, self.writes, message))


async def play(size: Size, runtime: Runtime) -> None:
    master = await runtime.spawn(Master, size, runtime)
    master(None)


CONCDICT = Workload(
    name="concdict",
    group=Group.B,
    about="20 workers on one dictionary",
    full=Size(20, 5_000),
    quick=Size(3, 100),
    messages=lambda size, answer: 2 * size.workers * size.requests,
    check=check,
    programs=programs(play),
)
