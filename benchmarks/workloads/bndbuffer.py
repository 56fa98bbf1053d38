"""Bounded buffer: producers, consumers, and a manager that lets a producer produce only while there is room.

Source: Savina 10, `bndbuffer`, at cost 0. The other way to bound a buffer is in `backpressure`.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.generator import Random16
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, WrongAnswerError, expect

__all__ = ["BNDBUFFER"]

PRODUCE, END = "produce", "end"

STEP = math.log(Random16(0).next_double() + 0.01)
"""What an item's value is more than that of the item before it, at cost 0."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many producers, consumers, items of each producer, and places in the buffer."""

    producers: int
    consumers: int
    items: int
    buffer: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Items consumed, the sum of their values, how many different ones, how often more were pending."""

    consumed: int
    total: float
    different: int
    overfull: int


def check(size: Size, answer: Answer) -> None:
    """Each item was consumed once, and the buffer never held more than it may."""
    expect("items consumed", answer.consumed, size.producers * size.items)
    expect("different items", answer.different, size.producers * size.items)
    total = size.producers * STEP * size.items * (size.items + 1) / 2
    if not math.isclose(answer.total, total, rel_tol=1e-9):
        raise WrongAnswerError(f"sum of values: expected {total}, found {answer.total}")
    expect("times that the buffer was overfull", answer.overfull, 0)


def messages(size: Size, answer: Answer) -> int:
    """Count PRODUCE and item both ways, item and availability for a consumer, and the ends."""
    return 4 * size.producers * size.items + 2 * size.producers + size.consumers


Item = tuple[int, int, float, Address]  # the producer's number, the item's, its value, whom to ask for more


class Producer(Role):
    def __init__(self, number: int, size: Size, manager: Address) -> None:
        self.number = number
        self.items = size.items
        self.manager = manager
        self.produced = 0
        self.value = 0.0

    def receive(self, message: Any) -> None:
        if self.produced == self.items:
            self.manager(END)
            self.stop()
            return
        self.produced += 1
        self.value += STEP
        self.manager((self.number, self.produced, self.value, self.me))


class Consumer(Role):
    def __init__(self, manager: Address, consumed: list[Item]) -> None:
        self.manager = manager
        self.consumed = consumed

    def receive(self, message: Any) -> None:
        if message is END:
            self.stop()
            return
        self.consumed.append(message)
        self.manager((self.me,))


class Manager(Role):
    """Gets an item from a producer, (consumer,) from a free consumer, END from a producer at its end."""

    def __init__(self, size: Size, runtime: Runtime) -> None:
        self.size = size
        self.report = runtime.report
        self.consumed: list[Item] = []
        self.free: deque[Address] = deque()
        self.held_back: deque[Address] = deque()
        self.pending: deque[Item] = deque()
        self.overfull = 0
        self.producing = size.producers

    async def receive(self, message: Any) -> None:
        if message is None:
            await self.begin()
        elif message is END:
            self.producing -= 1
            self.end_if_done()
        elif len(message) == 1:
            self.consumer_is_free(message[0])
        else:
            self.item_is_there(message)

    async def begin(self) -> None:
        for _ in range(self.size.consumers):
            self.free.append(await self.spawn(Consumer, self.me, self.consumed))
        for number in range(self.size.producers):
            producer = await self.spawn(Producer, number, self.size, self.me)
            producer(PRODUCE)

    def item_is_there(self, item: Item) -> None:
        if self.free:
            self.free.popleft()(item)
        else:
            self.pending.append(item)
            self.overfull += len(self.pending) > self.size.buffer
        # Every producer that is not held back may have one more item on its way.
        if len(self.pending) >= self.size.buffer - self.size.producers:
            self.held_back.append(item[3])
        else:
            item[3](PRODUCE)

    def consumer_is_free(self, consumer: Address) -> None:
        if not self.pending:
            self.free.append(consumer)
            self.end_if_done()
            return
        consumer(self.pending.popleft())
        if self.held_back:
            self.held_back.popleft()(PRODUCE)

    def end_if_done(self) -> None:
        if self.producing or len(self.free) < self.size.consumers:
            return
        for consumer in self.free:
            consumer(END)
        total = math.fsum(item[2] for item in self.consumed)
        different = len({item[:2] for item in self.consumed})
        self.report(Answer(len(self.consumed), total, different, self.overfull))
        self.stop()


async def play(size: Size, runtime: Runtime) -> None:
    manager = await runtime.spawn(Manager, size, runtime)
    manager(None)


BNDBUFFER = Workload(
    name="bndbuffer",
    group=Group.B,
    about="40 producers, 40 consumers, a manager between",
    full=Size(40, 40, 1_000, 50),
    quick=Size(4, 3, 20, 6),
    messages=messages,
    check=check,
    programs=programs(play),
)
