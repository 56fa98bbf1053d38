"""WaitForMany-join throughput: messages for many actors, round robin; each message is a little computing.

Source: Savina 3, `fjthrput`.
"""

import asyncio
import math
from dataclasses import dataclass

from actorio import Actor, ActorSystem, Mailbox
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["FJTHRPUT"]


WORK = "work"
END = "end"


@dataclass(frozen=True, slots=True)
class Size:
    """How many actors, and how many messages for each."""

    actors: int
    messages: int


def check(size: Size, handled: list[int]) -> None:
    """Each actor handled what was sent to it."""
    expect("messages handled by each actor", handled, [size.messages] * size.actors)


def work() -> float:
    """Compute what each message of Savina's program asks for."""
    return math.sin(37.2) ** 2


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_worker(mailbox: asyncio.Queue[str]) -> int:
    handled = 0
    while await mailbox.get() is WORK:
        work()
        handled += 1
    return handled


async def queue(size: Size) -> Outcome[list[int]]:
    mailboxes: list[asyncio.Queue[str]] = [asyncio.Queue() for _ in range(size.actors)]
    workers = [asyncio.create_task(queue_worker(mailbox)) for mailbox in mailboxes]
    for _ in range(size.messages):
        for mailbox in mailboxes:
            mailbox.put_nowait(WORK)
    for mailbox in mailboxes:
        mailbox.put_nowait(END)
    return Outcome(await asyncio.gather(*workers), actors=size.actors)


# --- deque and future ------------------------------------------------------------------------------


async def lean_worker(inbox: Inbox[str]) -> int:
    handled = 0
    while True:
        while inbox:
            if inbox.popleft() is END:
                return handled
            work()
            handled += 1
        await inbox.arrival()


async def lean(size: Size) -> Outcome[list[int]]:
    inboxes: list[Inbox[str]] = [Inbox() for _ in range(size.actors)]
    workers = [asyncio.create_task(lean_worker(inbox)) for inbox in inboxes]
    for _ in range(size.messages):
        for inbox in inboxes:
            inbox.put(WORK)
    for inbox in inboxes:
        inbox.put(END)
    return Outcome(await asyncio.gather(*workers), actors=size.actors)


# --- actorio ---------------------------------------------------------------------------------------


class Worker(Actor[str]):
    def __init__(self, place: int, handled: list[int]) -> None:
        self.place = place
        self.handled = handled

    def receive(self, message: str) -> None:  # it awaits nothing
        work()
        self.handled[self.place] += 1


async def actorio(size: Size) -> Outcome[list[int]]:
    handled = [0] * size.actors
    async with ActorSystem() as system:
        workers = [
            await system.spawn(Worker, place, handled, mailbox=Mailbox(None)) for place in range(size.actors)
        ]
        for _ in range(size.messages):
            for worker in workers:
                worker.send_nowait(WORK)
    return Outcome(handled, actors=size.actors)


FJTHRPUT = Workload(
    name="fjthrput",
    group=Group.A,
    about="messages for 60 actors, round robin",
    full=Size(60, 5_000),
    quick=Size(6, 100),
    messages=lambda size, handled: size.actors * size.messages,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)
