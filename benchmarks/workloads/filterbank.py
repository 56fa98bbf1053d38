"""Filter bank: every value goes through all channels, pipelines of delays and filters, and is joined again.

Source: Savina, `filterbank`. The filter reads its ring buffer from the start, not from the oldest value,
so it is no convolution; to correct it would give other numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["FILTERBANK"]

END = None
HIGHEST = 1000


@dataclass(frozen=True, slots=True)
class Size:
    """How many channels, coefficients of a filter, and values."""

    channels: int
    columns: int
    values: int


def coefficients(size: Size, channel: int) -> tuple[list[float], list[float]]:
    """Give the coefficients of the two filters of a channel."""
    columns, channels = size.columns, size.channels
    first = [float(i * columns + channel * channels + channel + i + channel + 1) for i in range(columns)]
    second = [float(i * channel + channel * channel + channel + i) for i in range(columns)]
    return first, second


def check(size: Size, found: Sequence[float]) -> None:
    """Check that the bank gives what one channel after another gives, added up."""
    channels = [list(through_channel(size, channel)) for channel in range(size.channels)]
    expect("values out", list(found), [sum(column) for column in zip(*channels, strict=True)])


def through_channel(size: Size, channel: int) -> Iterator[float]:
    """Send all values through the stages of one channel, without any actor."""
    first, second = coefficients(size, channel)
    values = delayed(size, (float(number % HIGHEST) for number in range(size.values)))
    sampled = (
        value if place % size.columns == 0 else 0.0 for place, value in enumerate(filtered(first, values))
    )
    return filtered(second, delayed(size, sampled))


def delayed(size: Size, values: Iterator[float]) -> Iterator[float]:
    kept = [0.0] * (size.columns - 1)
    for value in values:
        kept.append(value)
        yield kept.pop(0)


def filtered(coefficients: Sequence[float], values: Iterator[float]) -> Iterator[float]:
    ring = [0.0] * len(coefficients)
    for place, value in enumerate(values):
        ring[place % len(ring)] = value
        if place >= len(ring) - 1:
            yield sum(a * b for a, b in zip(ring, reversed(coefficients), strict=True))


def messages(size: Size, found: Sequence[float]) -> int:
    """Count the hops of the values; the two filters of a channel hand nothing on until they are full."""
    full = size.columns - 1
    per_channel = 3 * size.values + 3 * (size.values - full) + 2 * (size.values - 2 * full)
    return 3 * size.values + size.channels * per_channel + 2 * (size.values - 2 * full)


class Producer(Role):
    def __init__(self, size: Size) -> None:
        self.left = size.values

    def receive(self, message: Any) -> None:
        source: Address = message
        if self.left == 0:
            source(END)
            self.stop()
        else:
            self.left -= 1
            source("boot")


class Stage(Role):
    """An actor with one that follows; the end goes through it."""

    def __init__(self, following: Address) -> None:
        self.following = following

    def receive(self, message: Any) -> None:
        if message is END:
            self.following(END)
            self.stop()
        else:
            self.handle(message)

    def handle(self, value: Any) -> None:
        """Handle a value."""
        raise NotImplementedError


class Source(Stage):
    def __init__(self, producer: Address, following: Address) -> None:
        super().__init__(following)
        self.producer = producer
        self.number = 0

    def handle(self, value: Any) -> None:
        self.following(float(self.number))
        self.number = (self.number + 1) % HIGHEST
        self.producer(self.me)


class Branches(Role):
    def __init__(self, channels: Sequence[Address]) -> None:
        self.channels = channels

    def receive(self, message: Any) -> None:
        for channel in self.channels:
            channel(message)
        if message is END:
            self.stop()


class Bank(Stage):
    def handle(self, value: Any) -> None:
        self.following(value)


class Delay(Stage):
    def __init__(self, length: int, following: Address) -> None:
        super().__init__(following)
        self.kept = [0.0] * length
        self.place = 0

    def handle(self, value: Any) -> None:
        self.following(self.kept[self.place])
        self.kept[self.place] = value
        self.place = (self.place + 1) % len(self.kept)


class Filter(Stage):
    def __init__(self, coefficients: Sequence[float], following: Address) -> None:
        super().__init__(following)
        self.coefficients = list(reversed(coefficients))
        self.ring = [0.0] * len(coefficients)
        self.place = 0
        self.full = False

    def handle(self, value: Any) -> None:
        self.ring[self.place] = value
        self.place += 1
        if self.place == len(self.ring):
            self.place = 0
            self.full = True
        if self.full:
            self.following(sum(a * b for a, b in zip(self.ring, self.coefficients, strict=True)))


class Sample(Stage):
    def __init__(self, rate: int, following: Address) -> None:
        super().__init__(following)
        self.rate = rate
        self.place = 0

    def handle(self, value: Any) -> None:
        self.following(value if self.place == 0 else 0.0)
        self.place = (self.place + 1) % self.rate


class Tag(Stage):
    def __init__(self, channel: int, following: Address) -> None:
        super().__init__(following)
        self.channel = channel

    def handle(self, value: Any) -> None:
        self.following((self.channel, value))


class Integrator(Role):
    """Puts the values of all channels together, the n-th of each with the n-th of the others."""

    def __init__(self, channels: int, following: Address) -> None:
        self.open = self.channels = channels
        self.following = following
        self.rows: list[dict[int, float]] = []

    def receive(self, message: Any) -> None:
        if message is END:
            self.open -= 1
            if self.open == 0:
                self.following(END)
                self.stop()
            return
        channel, value = message
        row = next((row for row in self.rows if channel not in row), None)
        if row is None:
            row = {}
            self.rows.append(row)
        row[channel] = value
        if len(self.rows[0]) == self.channels:
            self.following(self.rows.pop(0))


class Combine(Stage):
    def handle(self, value: Any) -> None:
        self.following(sum(value.values()))


class Sink(Role):
    def __init__(self, report: Address) -> None:
        self.found: list[float] = []
        self.report = report

    def receive(self, message: Any) -> None:
        if message is END:
            self.report(self.found)
            self.stop()
        else:
            self.found.append(message)


async def new_channel(size: Size, runtime: Runtime, channel: int, integrator: Address) -> Address:
    """Make the actors of one channel, from its end to its beginning."""
    first, second = coefficients(size, channel)
    following = await runtime.spawn(Tag, channel, integrator)
    following = await runtime.spawn(Filter, second, following)
    following = await runtime.spawn(Delay, size.columns - 1, following)
    following = await runtime.spawn(Sample, size.columns, following)
    following = await runtime.spawn(Filter, first, following)
    following = await runtime.spawn(Delay, size.columns - 1, following)
    return await runtime.spawn(Bank, following)


async def play(size: Size, runtime: Runtime) -> None:
    sink = await runtime.spawn(Sink, runtime.report)
    integrator = await runtime.spawn(Integrator, size.channels, await runtime.spawn(Combine, sink))
    channels = [await new_channel(size, runtime, channel, integrator) for channel in range(size.channels)]
    branches = await runtime.spawn(Branches, channels)
    producer = await runtime.spawn(Producer, size)
    source = await runtime.spawn(Source, producer, branches)
    producer(source)


FILTERBANK = Workload(
    name="filterbank",
    group=Group.B,
    about="8 channels of delays and filters",
    full=Size(8, 16, 2_000),
    quick=Size(3, 4, 40),
    messages=messages,
    check=check,
    programs=programs(play),
)
