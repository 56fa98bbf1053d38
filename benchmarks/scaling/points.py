"""Measure one size of each curve; a point is the cost of one thing when there are so many.

Each function runs in a process of its own, so that neither memory nor the garbage collector's threshold
is that of an earlier point. All check that what they timed was really done.
"""

import asyncio
from collections.abc import Mapping
from time import perf_counter

from actorio import Actor, ActorRef, ActorSystem, Ask, Mailbox
from benchmarks.harness.machine import resident
from benchmarks.harness.workload import expect

__all__ = ["actors", "children", "depth", "timers"]

Point = Mapping[str, float]
"""What is measured, and what one costs: seconds, or bytes where the name ends in `bytes`."""

ASKS = 10_000
"""How many asks at most are timed at one size."""

LATER = 3600.0  # seconds


MEASURABLE = 1_000
"""How many things it takes to see their memory: it comes in pages."""


def memory(before: int, size: int, kind: str = "bytes") -> Point:
    """Give the bytes of one since a reading, or nothing where there are too few."""
    return {kind: max(0, resident() - before) / size} if size >= MEASURABLE else {}


class Count(Ask[int]):
    """Answered with the messages handled."""


class Counter(Actor[Count | None]):
    """Counts its messages."""

    def __init__(self) -> None:
        self.handled = 0

    async def receive(self, message: Count | None) -> int:
        self.handled += message is None
        return self.handled


async def actors(size: int) -> Point:
    """Spawn so many actors, send to each, ask some, stop all."""
    point: dict[str, float] = {}
    count = Count()
    async with ActorSystem() as system:
        await system.spawn(Counter)  # what the first one builds is no cost of the others
        before = resident()
        start = perf_counter()
        refs = [await system.spawn(Counter) for _ in range(size)]
        point["spawn"] = (perf_counter() - start) / size
        await asyncio.sleep(0)
        point.update(memory(before, size))
        start = perf_counter()
        for ref in refs:
            await ref.send(None)
        await refs[-1].ask(count)
        point["send"] = (perf_counter() - start) / size
        point.update(memory(before, size, "awake bytes"))  # a task may be made for the first message
        asked = refs[:: max(1, size // ASKS)]
        start = perf_counter()
        handled = [await ref.ask(count) for ref in asked]
        point["ask"] = (perf_counter() - start) / len(asked)
        expect("messages handled", handled, [1] * len(asked))
        start = perf_counter()
    point["stop"] = (perf_counter() - start) / size
    expect("actors alive", sum(ref.is_alive for ref in refs), 0)
    return point


async def depth(size: int) -> Point:
    """Let so many messages wait in one mailbox, then have them handled."""
    point: dict[str, float] = {}
    async with ActorSystem() as system:
        ref = await system.spawn(Counter, mailbox=Mailbox(None))
        await ref.ask(Count())
        before = resident()
        start = perf_counter()
        for _ in range(size):
            ref.send_nowait(None)
        point["enqueue"] = (perf_counter() - start) / size
        point.update(memory(before, size))
        start = perf_counter()
        expect("messages handled", await ref.ask(Count()), size)
        point["handle"] = (perf_counter() - start) / size
    return point


class Parent(Actor[None]):
    """Has children."""

    async def receive(self, message: None) -> None:
        raise AssertionError("nobody sends to a parent")

    async def raise_children(self, number: int) -> list[ActorRef[Counter]]:
        return [await self.context.spawn(Counter) for _ in range(number)]


async def children(size: int) -> Point:
    """Give one actor so many children, end one of them, then all."""
    point: dict[str, float] = {}
    async with ActorSystem() as system:
        parent = await system.spawn(Parent)
        start = perf_counter()
        refs = await parent.call(Parent.raise_children, size)
        point["spawn"] = (perf_counter() - start) / size
        start = perf_counter()
        refs[size // 2].stop()
        await refs[size // 2].join()
        point["end one"] = perf_counter() - start
        start = perf_counter()
        parent.stop()
        await parent.join()
        point["end all"] = (perf_counter() - start) / size
    expect("children alive", sum(ref.is_alive for ref in refs), 0)
    return point


class Sleeper(Actor[None]):
    """Sets timers for itself, and counts the ticks."""

    def __init__(self) -> None:
        self.ticks = 0
        self.wanted = 0
        self.all_there = asyncio.Event()

    async def receive(self, message: None) -> None:
        self.ticks += 1
        if self.ticks == self.wanted:
            self.all_there.set()

    async def set_timers(self, number: int, delay: float) -> float:
        """Set timers; give the seconds it took."""
        start = perf_counter()
        timers = [self.context.send_after(delay, None) for _ in range(number)]
        self.timers = timers
        return perf_counter() - start

    async def cancel_timers(self) -> float:
        """Cancel all timers; give the seconds it took."""
        start = perf_counter()
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
        return perf_counter() - start

    async def expect_ticks(self, number: int) -> asyncio.Event:
        """Give what is set when so many timers have fired from now on."""
        self.ticks = 0
        self.wanted = number
        return self.all_there


async def timers(size: int) -> Point:
    """Set so many timers, cancel them, set them again and let them fire."""
    point: dict[str, float] = {}
    async with ActorSystem() as system:
        ref = await system.spawn(Sleeper, mailbox=Mailbox(None))
        before = resident()
        point["set"] = await ref.call(Sleeper.set_timers, size, LATER) / size
        point.update(memory(before, size))
        point["cancel"] = await ref.call(Sleeper.cancel_timers) / size
        all_there = await ref.call(Sleeper.expect_ticks, size)
        start = perf_counter()
        await ref.call(Sleeper.set_timers, size, 0.0)
        await all_there.wait()
        point["set and fire"] = (perf_counter() - start) / size
    return point
