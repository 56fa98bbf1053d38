"""WaitForMany-join creation: actors are made, get one message each and end themselves; the cost of a short life.

Source: Savina 4, `fjcreate`.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from actorio import Actor, ActorSystem
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect
from benchmarks.workloads.fjthrput import work

__all__ = ["FJCREATE"]


@dataclass(frozen=True, slots=True)
class Size:
    """How many actors."""

    actors: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Which actors ran, and how many tasks were left when all had ended."""

    ran: list[int]
    tasks_left: int


def check(size: Size, answer: Answer) -> None:
    """Each actor ran once, and none is left."""
    expect("actors that ran", sorted(answer.ran), list(range(size.actors)))
    expect("tasks left", answer.tasks_left, 0)


def tasks_left(before: set[asyncio.Task[Any]]) -> int:
    """Count the tasks that were not there before."""
    return len(asyncio.all_tasks() - before)


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_worker(mailbox: asyncio.Queue[int], ran: list[int]) -> None:
    number = await mailbox.get()
    work()
    ran.append(number)


async def queue(size: Size) -> Outcome[Answer]:
    before = asyncio.all_tasks()
    ran: list[int] = []
    workers = []
    for number in range(size.actors):
        mailbox: asyncio.Queue[int] = asyncio.Queue()
        workers.append(asyncio.create_task(queue_worker(mailbox, ran)))
        mailbox.put_nowait(number)
    await asyncio.gather(*workers)
    return Outcome(Answer(ran, tasks_left(before)), actors=size.actors)


# --- deque and future ------------------------------------------------------------------------------


async def lean_worker(inbox: Inbox[int], ran: list[int]) -> None:
    while not inbox:
        await inbox.arrival()
    number = inbox.popleft()
    work()
    ran.append(number)


async def lean(size: Size) -> Outcome[Answer]:
    before = asyncio.all_tasks()
    ran: list[int] = []
    workers = []
    for number in range(size.actors):
        inbox: Inbox[int] = Inbox()
        workers.append(asyncio.create_task(lean_worker(inbox, ran)))
        inbox.put(number)
    await asyncio.gather(*workers)
    return Outcome(Answer(ran, tasks_left(before)), actors=size.actors)


# --- actorio ---------------------------------------------------------------------------------------


class Worker(Actor[int]):
    def __init__(self, ran: list[int]) -> None:
        self.ran = ran

    async def receive(self, message: int) -> None:
        work()
        self.ran.append(message)
        self.context.stop()


async def actorio(size: Size) -> Outcome[Answer]:
    before = asyncio.all_tasks()
    ran: list[int] = []
    async with ActorSystem() as system:
        workers = []
        for number in range(size.actors):
            worker = await system.spawn(Worker, ran)
            workers.append(worker)
            await worker.send(number)
        for worker in workers:
            await worker.join()
    return Outcome(Answer(ran, tasks_left(before)), actors=size.actors)


FJCREATE = Workload(
    name="fjcreate",
    group=Group.A,
    about="actors that handle one message and end",
    full=Size(20_000),
    quick=Size(100),
    messages=lambda size, answer: size.actors,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
    memory=True,
)
