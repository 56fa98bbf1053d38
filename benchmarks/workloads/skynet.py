"""Skynet: a tree of actors with ten children each; every leaf reports its number, sums go up to the root.

All actors of the tree are really made, and all are alive at once before the first leaf reports: the peak
of the memory says so.

Source: atemerev/skynet.
"""

import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["SKYNET"]

CHILDREN = 10


@dataclass(frozen=True, slots=True)
class Size:
    """How many leaves; a power of ten."""

    leaves: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The sum that reached the root, and how many actors were made."""

    total: int
    actors: int


def actors_in_tree(leaves: int) -> int:
    """Count the actors of a tree with so many leaves."""
    return sum(leaves // CHILDREN**level for level in range(len(str(leaves))))


def check(size: Size, answer: Answer) -> None:
    """Each leaf's number is in the sum once, and the whole tree was made."""
    expect("sum", answer.total, size.leaves * (size.leaves - 1) // 2)
    expect("actors", answer.actors, actors_in_tree(size.leaves))


class Census:
    """Counts the actors made."""

    __slots__ = ("actors",)

    def __init__(self) -> None:
        self.actors = 0


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_node(parent: asyncio.Queue[int], number: int, leaves: int, census: Census) -> None:
    census.actors += 1
    if leaves == 1:
        parent.put_nowait(number)
        return
    mailbox: asyncio.Queue[int] = asyncio.Queue()
    share = leaves // CHILDREN
    children = [
        asyncio.create_task(queue_node(mailbox, number + place * share, share, census))
        for place in range(CHILDREN)
    ]
    total = 0
    for _ in children:
        total += await mailbox.get()
    parent.put_nowait(total)


async def queue(size: Size) -> Outcome[Answer]:
    census = Census()
    mailbox: asyncio.Queue[int] = asyncio.Queue()
    root = asyncio.create_task(queue_node(mailbox, 0, size.leaves, census))
    total = await mailbox.get()
    await root
    return Outcome(Answer(total, census.actors), census.actors)


# --- deque and future ------------------------------------------------------------------------------


async def lean_node(parent: Inbox[int], number: int, leaves: int, census: Census) -> None:
    census.actors += 1
    if leaves == 1:
        parent.put(number)
        return
    inbox: Inbox[int] = Inbox()
    share = leaves // CHILDREN
    children = [
        asyncio.create_task(lean_node(inbox, number + place * share, share, census))
        for place in range(CHILDREN)
    ]
    while len(inbox) < len(children):
        await inbox.arrival()
    parent.put(sum(inbox))


async def lean(size: Size) -> Outcome[Answer]:
    census = Census()
    inbox: Inbox[int] = Inbox()
    root = asyncio.create_task(lean_node(inbox, 0, size.leaves, census))
    await root
    return Outcome(Answer(inbox.popleft(), census.actors), census.actors)


# --- actorio ---------------------------------------------------------------------------------------


class Node(Actor[int]):
    def __init__(
        self, parent: "ActorRef[Node] | ActorRef[Root]", number: int, leaves: int, census: Census
    ) -> None:
        census.actors += 1
        self.parent = parent
        self.number = number
        self.leaves = leaves
        self.census = census

    async def run(self) -> None:
        if self.leaves == 1:
            await self.parent.send(self.number)
            return
        share = self.leaves // CHILDREN
        me = self.context.ref
        for place in range(CHILDREN):
            await self.context.spawn(Node, me, self.number + place * share, share, self.census)
        total = 0
        for _ in range(CHILDREN):
            total += await self.recv()
        await self.parent.send(total)


class Grow(Ask[int]):
    """Grow a tree with so many leaves; answered with the sum of their numbers."""

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves


class Root(Actor[Grow | int]):
    def __init__(self, census: Census) -> None:
        self.census = census

    async def receive(self, message: Grow | int) -> None:
        if isinstance(message, Grow):
            self.answer = self.context.defer()
            await self.context.spawn(Node, self.context.ref, 0, message.leaves, self.census)
        else:
            self.answer.set_result(message)


async def actorio(size: Size) -> Outcome[Answer]:
    census = Census()
    async with ActorSystem() as system:
        root = await system.spawn(Root, census)
        total = await root.ask(Grow(size.leaves))
    return Outcome(Answer(total, census.actors), census.actors + 1)


SKYNET = Workload(
    name="skynet",
    group=Group.A,
    about="a tree of actors, ten children each",
    full=Size(100_000),
    quick=Size(100),
    messages=lambda size, answer: actors_in_tree(size.leaves),
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
    memory=True,
)
