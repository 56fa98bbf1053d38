"""How long an operation on very many actors holds the event loop up: `python -m benchmarks.programs.blocks`.

Beside each a task looks at the clock in every pass of the loop; what is told is the longest time between two looks,
and the time of the whole operation. The collector is off meanwhile: it has pauses of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, Mailbox, Terminated
from actorio.testing import until

__all__ = ["OPERATIONS", "measure"]


class Idle(Actor[Any]):
    """Handles what it gets, and does nothing."""

    async def receive(self, message: Any) -> None: ...


class Parent(Actor[Any]):
    """Has so many children."""

    def __init__(self, count: int) -> None:
        self.count = count

    async def on_start(self) -> None:
        for _ in range(self.count):
            await self.context.spawn(Idle)


class Watcher(Actor[Any]):
    """Waits for the end of another."""

    told = 0

    def __init__(self, other: ActorRef[Any]) -> None:
        self.other = other

    async def on_start(self) -> None:
        self.context.watch(self.other)

    async def on_terminated(self, event: Terminated) -> None:
        Watcher.told += 1


class Clock(Actor[Any]):
    """Sets so many timers for one moment."""

    def __init__(self, count: int) -> None:
        self.count = count

    async def on_start(self) -> None:
        for number in range(self.count):
            self.context.send_after(0.5, number)

    async def receive(self, message: int) -> None: ...


Work = Callable[[], Awaitable[object]]


async def timers_due_at_once(system: ActorSystem, count: int) -> Work:
    clock = await system.spawn(Clock, count, mailbox=Mailbox(None))
    time.sleep(0.5)  # noqa: ASYNC251 (so that all are due at once)
    return lambda: until(lambda: clock.statistics().handled == count)


async def snapshot(system: ActorSystem, count: int) -> Work:
    await system.spawn(Parent, count)

    async def work() -> None:
        system.snapshot()

    return work


async def end_of_a_parent(system: ActorSystem, count: int) -> Work:
    parent = await system.spawn(Parent, count)
    return lambda: stopped(parent)


async def kill_of_a_parent(system: ActorSystem, count: int) -> Work:
    parent = await system.spawn(Parent, count)

    async def work() -> None:
        parent.kill()
        await parent.join()

    return work


async def stop_with_mail(system: ActorSystem, count: int) -> Work:
    ref = await system.spawn(Idle, mailbox=Mailbox(None))
    for number in range(count):
        ref.send_nowait(number)
    return lambda: stopped(ref)


async def end_with_watchers(system: ActorSystem, count: int) -> Work:
    ref = await system.spawn(Idle)
    for _ in range(count):
        await system.spawn(Watcher, ref)
    Watcher.told = 0

    async def work() -> None:
        ref.stop()
        await until(lambda: Watcher.told == count)

    return work


async def broadcast(system: ActorSystem, count: int) -> Work:
    for _ in range(count):
        system.groups.join("all", await system.spawn(Idle))
    return lambda: system.groups.broadcast("all", 1)


async def stopped(ref: ActorRef[Any]) -> None:
    ref.stop()
    await ref.join()


OPERATIONS: dict[str, tuple[Callable[[ActorSystem, int], Awaitable[Work]], int]] = {
    "timers due at once": (timers_due_at_once, 100_000),
    "snapshot": (snapshot, 100_000),
    "end of a parent of": (end_of_a_parent, 50_000),
    "kill of a parent of": (kill_of_a_parent, 50_000),
    "stop with mail queued": (stop_with_mail, 1_000_000),
    "end with watchers": (end_with_watchers, 10_000),
    "broadcast to": (broadcast, 10_000),
}


async def measure(name: str, count: int) -> tuple[float, float]:
    """Return the longest block of the loop, and how long the whole took, in seconds."""
    prepare, _ = OPERATIONS[name]
    async with ActorSystem(shutdown_timeout=60.0) as system:
        work = await prepare(system, count)
        await asyncio.sleep(0)
        longest, before, over = 0.0, time.perf_counter(), False

        async def look() -> None:
            nonlocal longest, before
            while not over:
                await asyncio.sleep(0)
                now = time.perf_counter()
                longest, before = max(longest, now - before), now

        looking = asyncio.create_task(look())
        await asyncio.sleep(0)
        began = before = time.perf_counter()
        await work()
        await asyncio.sleep(0)
        took, over = time.perf_counter() - began, True
        await looking
        return longest, took


def main() -> None:
    """Measure, and print a line for each operation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the counts")
    share = parser.parse_args().share
    gc.disable()
    for name, (_, most) in OPERATIONS.items():
        count = max(1, int(most * share))
        longest, took = asyncio.run(measure(name, count))
        print(
            f"{name:24s} {count:9,d}   longest block {longest * 1e3:8.1f} ms   of {took * 1e3:9.1f} ms",
            flush=True,
        )
        gc.collect()


if __name__ == "__main__":
    main()
