"""Idle: actors wait for a message that never comes; what an actor costs in memory.

The memory held while all are alive, over their number, is the figure; each program has its own process.
"""

import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorSystem
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.machine import resident
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["IDLE"]


@dataclass(frozen=True, slots=True)
class Size:
    """How many actors."""

    actors: int


def check(size: Size, alive: int) -> None:
    """All actors were alive at once."""
    expect("actors alive at once", alive, size.actors)


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_actor(mailbox: asyncio.Queue[None]) -> None:
    await mailbox.get()


async def queue(size: Size) -> Outcome[int]:
    before = resident()
    actors = [asyncio.create_task(queue_actor(asyncio.Queue())) for _ in range(size.actors)]
    await asyncio.sleep(0)  # each gets as far as its mailbox
    held = resident() - before
    alive = sum(not actor.done() for actor in actors)
    await cancel(actors)
    return Outcome(alive, actors=size.actors, held=held)


async def cancel(tasks: list[asyncio.Task[None]]) -> None:
    """End tasks that wait for what will not come."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


# --- deque and future ------------------------------------------------------------------------------


async def lean_actor(inbox: Inbox[None]) -> None:
    await inbox.arrival()


async def lean(size: Size) -> Outcome[int]:
    before = resident()
    actors = [asyncio.create_task(lean_actor(Inbox())) for _ in range(size.actors)]
    await asyncio.sleep(0)
    held = resident() - before
    alive = sum(not actor.done() for actor in actors)
    await cancel(actors)
    return Outcome(alive, actors=size.actors, held=held)


# --- actorio ---------------------------------------------------------------------------------------


class Idle(Actor[None]):
    async def receive(self, message: None) -> None:
        raise AssertionError("nobody sends to an idle actor")


async def actorio(size: Size) -> Outcome[int]:
    async with ActorSystem() as system:
        before = resident()
        actors = [await system.spawn(Idle) for _ in range(size.actors)]
        await asyncio.sleep(0)
        held = resident() - before
        return Outcome(sum(actor.is_alive for actor in actors), actors=size.actors, held=held)


IDLE = Workload(
    name="idle",
    group=Group.A,
    about="memory of an actor that waits",
    full=Size(20_000),
    quick=Size(100),
    messages=lambda size, alive: 0,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
    memory=True,
    rated=False,
)
