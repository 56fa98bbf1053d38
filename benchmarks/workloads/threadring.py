"""Thread ring: a token goes round a ring of actors and counts down; then an exit token goes round.

Exactly one actor can run at any time: each hop is one wake-up, and nothing can be batched.

A token of zero or more hops on; a negative one ends whom it reaches, and hops on until it is -1.

Source: Savina 5, `threadring`.
"""

import asyncio
from dataclasses import dataclass
from typing import Self

from actorio import Actor, ActorRef, ActorSystem
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["THREADRING"]


@dataclass(frozen=True, slots=True)
class Size:
    """How many actors in the ring, and how many hops of the token."""

    actors: int
    hops: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Which actor saw the token end, how many tokens all saw, and how many were ended by the exit token."""

    last: int
    tokens: int
    ended: int


class Tally:
    """The tally of the actors of a ring."""

    __slots__ = ("ended", "last", "tokens")

    def __init__(self) -> None:
        self.last = -1
        self.tokens = 0
        self.ended = 0

    def end(self, tokens: int) -> None:
        """Note an actor that was ended by the exit token after it saw `tokens` tokens."""
        self.ended += 1
        self.tokens += tokens

    def answer(self) -> Answer:
        """Give what was noted."""
        return Answer(self.last, self.tokens, self.ended)


def check(size: Size, answer: Answer) -> None:
    """The token ended where it must, and each actor ended by the exit token."""
    expect("last actor", answer.last, size.hops % size.actors)
    expect("tokens", answer.tokens, size.hops + 1)
    expect("actors ended", answer.ended, size.actors)


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_node(
    place: int, size: Size, mailbox: asyncio.Queue[int], following: asyncio.Queue[int], tally: Tally
) -> None:
    tokens = 0
    while (token := await mailbox.get()) >= 0:
        tokens += 1
        if token == 0:
            tally.last = place
            following.put_nowait(-size.actors)
        else:
            following.put_nowait(token - 1)
    tally.end(tokens)
    if token < -1:
        following.put_nowait(token + 1)


async def queue(size: Size) -> Outcome[Answer]:
    tally = Tally()
    ring: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(size.actors)]
    nodes = [
        asyncio.create_task(queue_node(place, size, mailbox, ring[(place + 1) % size.actors], tally))
        for place, mailbox in enumerate(ring)
    ]
    ring[0].put_nowait(size.hops)
    await asyncio.gather(*nodes)
    return Outcome(tally.answer(), actors=size.actors)


# --- deque and future ------------------------------------------------------------------------------


async def lean_node(place: int, size: Size, inbox: Inbox[int], following: Inbox[int], tally: Tally) -> None:
    tokens = 0
    put = following.put
    while True:
        while not inbox:
            await inbox.arrival()
        token = inbox.popleft()
        if token < 0:
            break
        tokens += 1
        if token == 0:
            tally.last = place
            put(-size.actors)
        else:
            put(token - 1)
    tally.end(tokens)
    if token < -1:
        put(token + 1)


async def lean(size: Size) -> Outcome[Answer]:
    tally = Tally()
    ring: list[Inbox[int]] = [Inbox() for _ in range(size.actors)]
    nodes = [
        asyncio.create_task(lean_node(place, size, inbox, ring[(place + 1) % size.actors], tally))
        for place, inbox in enumerate(ring)
    ]
    ring[0].put(size.hops)
    await asyncio.gather(*nodes)
    return Outcome(tally.answer(), actors=size.actors)


# --- actorio ---------------------------------------------------------------------------------------


class Node(Actor[int]):
    def __init__(self, place: int, size: Size, following: "ActorRef[Node] | None", tally: Tally) -> None:
        self.place = place
        self.size = size
        self.following = following
        self.tally = tally
        self.tokens = 0

    async def close_ring(self, following: "ActorRef[Self]") -> None:
        self.following = following

    async def receive(self, message: int) -> None:
        assert self.following is not None
        if message > 0:
            self.tokens += 1
            await self.following.send(message - 1)
        elif message == 0:
            self.tokens += 1
            self.tally.last = self.place
            await self.following.send(-self.size.actors)
        else:
            await self.end(message)

    async def end(self, exit_token: int) -> None:
        assert self.following is not None
        self.tally.end(self.tokens)
        if exit_token < -1:
            await self.following.send(exit_token + 1)
        self.context.stop()


async def actorio(size: Size) -> Outcome[Answer]:
    tally = Tally()
    async with ActorSystem() as system:
        last = await system.spawn(Node, size.actors - 1, size, None, tally)
        nodes = [last]
        for place in range(size.actors - 2, -1, -1):
            nodes.append(await system.spawn(Node, place, size, nodes[-1], tally))
        await last.call(Node.close_ring, nodes[-1])
        await nodes[-1].send(size.hops)
        for node in nodes:
            await node.join()
    return Outcome(tally.answer(), actors=size.actors)


THREADRING = Workload(
    name="threadring",
    group=Group.A,
    about="a token round a ring of 100, one actor awake",
    full=Size(100, 100_000),
    quick=Size(10, 503),
    messages=lambda size, answer: size.hops + 1 + size.actors,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)
