"""Bitonic sort: a static network of comparators, splitters and joiners, through which the values flow.

A merge stage is a row of steps; a step splits its input into runs, sends each run to a partition, and
joins what comes out in order. A partition of more than two values compares each value of its first half
with the one at the same place of the second.

Source: Savina, `bitonicsort`, without the actors that only hand on what they get.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect
from benchmarks.workloads.radixsort import drawn

__all__ = ["BITONICSORT"]

END = None


@dataclass(frozen=True, slots=True)
class Size:
    """How many values; a power of two."""

    values: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The values as they came out, and how many comparisons were made."""

    values: Sequence[int]
    comparisons: int


def comparisons(size: Size) -> int:
    """Count the comparisons of a bitonic network."""
    stages = size.values.bit_length() - 1
    return stages * (stages + 1) // 2 * (size.values // 2)


def check(size: Size, answer: Answer) -> None:
    """The values came out in order, by as many comparisons as the network has."""
    expect("sorted values", list(answer.values), sorted(drawn(size.values)))
    expect("comparisons", answer.comparisons, comparisons(size))


def messages(size: Size, answer: Answer) -> int:
    """Count the hops: a value makes five in a step, but three in the last step of a stage."""
    stages = size.values.bit_length() - 1
    return size.values * (1 + 3 * stages + 5 * stages * (stages - 1) // 2)


class Splitter(Role):
    """Hands runs of values to its receivers in turn."""

    def __init__(self, run: int, receivers: Sequence[Address]) -> None:
        self.run = self.left = run
        self.receivers = receivers
        self.turn = 0

    def receive(self, message: Any) -> None:
        if message is END:
            for receiver in self.receivers:
                receiver(END)
            self.stop()
            return
        self.receivers[self.turn](message)
        self.left -= 1
        if self.left == 0:
            self.left = self.run
            self.turn = (self.turn + 1) % len(self.receivers)


class Tagged:
    """An address that says from which place a value comes."""

    __slots__ = ("address", "place")

    def __init__(self, place: int, address: Address) -> None:
        self.place = place
        self.address = address

    def __call__(self, value: Any) -> None:
        self.address(END if value is END else (self.place, value))


class Joiner(Role):
    """Gets (place, value) from several senders, hands runs of values on, of one sender after another."""

    def __init__(self, run: int, senders: int, following: Address | Tagged) -> None:
        self.run = self.left = run
        self.arrived: list[deque[int]] = [deque() for _ in range(senders)]
        self.open = senders
        self.following = following
        self.turn = 0

    def receive(self, message: Any) -> None:
        if message is END:
            self.open -= 1
            if self.open == 0:
                self.following(END)
                self.stop()
            return
        place, value = message
        self.arrived[place].append(value)
        while self.arrived[self.turn]:
            self.following(self.arrived[self.turn].popleft())
            self.left -= 1
            if self.left == 0:
                self.left = self.run
                self.turn = (self.turn + 1) % len(self.arrived)


class Comparator(Role):
    """Takes two values, hands them on rising (`sign` 1) or falling (-1)."""

    def __init__(self, sign: int, following: Tagged, count: list[int]) -> None:
        self.sign = sign
        self.following = following
        self.count = count
        self.first: int | None = None

    def receive(self, message: Any) -> None:
        if message is END:
            self.following(END)
            self.stop()
        elif self.first is None:
            self.first = message
        else:
            self.count[0] += 1
            in_order = (message - self.first) * self.sign >= 0
            self.following(self.first if in_order else message)
            self.following(message if in_order else self.first)
            self.first = None


class Network:
    """Builds the network from its end to its beginning."""

    def __init__(self, runtime: Runtime, size: Size) -> None:
        self.runtime = runtime
        self.values = size.values
        self.count = [0]

    async def build(self, following: Address) -> Address:
        """Build all stages; give the address of the first step."""
        order = self.values
        while order >= 2:
            following = await self.stage(order, following)
            order //= 2
        return following

    async def stage(self, order: int, following: Address) -> Address:
        """Build the steps of a stage, which merges runs to runs of `order`, rising and falling."""
        length = 2
        while length <= order:
            following = await self.step(order, length, following)
            length *= 2
        return following

    async def step(self, order: int, length: int, following: Address) -> Address:
        parts = self.values // length
        joiner = await self.runtime.spawn(Joiner, length, parts, following)
        entries = []
        for place in range(parts):
            sign = 1 if place * length // order % 2 == 0 else -1
            entries.append(await self.partition(length, sign, Tagged(place, joiner)))
        return await self.runtime.spawn(Splitter, length, entries)

    async def partition(self, length: int, sign: int, following: Tagged) -> Address:
        """Build what compares each value of the first half of a run with its like in the second."""
        if length == 2:
            return await self.runtime.spawn(Comparator, sign, following, self.count)
        half = length // 2
        joiner = await self.runtime.spawn(Joiner, 1, half, following)
        entries = [
            await self.runtime.spawn(Comparator, sign, Tagged(place, joiner), self.count)
            for place in range(half)
        ]
        return await self.runtime.spawn(Splitter, 1, entries)


class Result(Role):
    def __init__(self, count: list[int], report: Address) -> None:
        self.count = count
        self.report = report
        self.values: list[int] = []

    def receive(self, message: Any) -> None:
        if message is END:
            self.report(Answer(self.values, self.count[0]))
            self.stop()
        else:
            self.values.append(message)


class Source(Role):
    def __init__(self, size: Size, following: Address) -> None:
        self.size = size
        self.following = following

    def receive(self, message: Any) -> None:
        for value in drawn(self.size.values):
            self.following(value)
        self.following(END)
        self.stop()


async def play(size: Size, runtime: Runtime) -> None:
    network = Network(runtime, size)
    first = await network.build(await runtime.spawn(Result, network.count, runtime.report))
    source = await runtime.spawn(Source, size, first)
    source(None)


BITONICSORT = Workload(
    name="bitonicsort",
    group=Group.B,
    about="a static network of comparators",
    full=Size(256),
    quick=Size(16),
    messages=messages,
    check=check,
    programs=programs(play),
)
