"""Ping pong: one actor asks another, again and again; each ask is a message, a reply and two wake-ups.

The ponger answers with its own count of pings, so that a reply that is lost, doubled or out of order is
seen. With a timeout the protocol is the same and no timeout ever passes: the difference is what watching
the clock costs.

Source: Savina 1, `pingpong`.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

from actorio import Actor, ActorRef, ActorSystem, Ask
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["PINGPONG", "PINGPONG_TIMEOUT"]

TIMEOUT = 60.0  # seconds; far longer than the run


@dataclass(frozen=True, slots=True)
class Size:
    """How many asks, one after another."""

    rounds: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The counts of the pinger and the ponger."""

    right_replies: int
    pings: int


def check(size: Size, answer: Answer) -> None:
    """Every ping was answered once, in order."""
    expect("replies in order", answer.right_replies, size.rounds)
    expect("pings handled", answer.pings, size.rounds)


# --- asyncio.Queue ---------------------------------------------------------------------------------

Replies = asyncio.Future[int]


async def queue_ponger(mailbox: asyncio.Queue[Replies | None]) -> int:
    pings = 0
    while (reply := await mailbox.get()) is not None:
        pings += 1
        reply.set_result(pings)
    return pings


async def queue_pinger(size: Size, ponger: asyncio.Queue[Replies | None]) -> int:
    loop = asyncio.get_running_loop()
    right = 0
    for number in range(1, size.rounds + 1):
        reply = loop.create_future()
        ponger.put_nowait(reply)
        right += await reply == number
    return right


async def queue_pinger_timeout(size: Size, ponger: asyncio.Queue[Replies | None]) -> int:
    loop = asyncio.get_running_loop()
    right = 0
    for number in range(1, size.rounds + 1):
        reply = loop.create_future()
        ponger.put_nowait(reply)
        async with asyncio.timeout(TIMEOUT):
            right += await reply == number
    return right


async def queue(size: Size, *, timeout: bool) -> Outcome[Answer]:
    mailbox: asyncio.Queue[Replies | None] = asyncio.Queue()
    ponger = asyncio.create_task(queue_ponger(mailbox))
    right = await asyncio.create_task((queue_pinger_timeout if timeout else queue_pinger)(size, mailbox))
    mailbox.put_nowait(None)
    return Outcome(Answer(right, await ponger), actors=2)


# --- deque and future ------------------------------------------------------------------------------


async def lean_ponger(inbox: Inbox[Replies | None]) -> int:
    pings = 0
    while True:
        while inbox:
            reply = inbox.popleft()
            if reply is None:
                return pings
            pings += 1
            if not reply.done():
                reply.set_result(pings)
        await inbox.arrival()


async def lean_pinger(size: Size, ponger: Inbox[Replies | None]) -> int:
    new_future = asyncio.get_running_loop().create_future
    right = 0
    for number in range(1, size.rounds + 1):
        reply = new_future()
        ponger.put(reply)
        right += await reply == number
    return right


def expire(reply: Replies) -> None:
    """End an ask that has waited too long."""
    if not reply.done():
        reply.set_exception(TimeoutError())


async def lean_pinger_timeout(size: Size, ponger: Inbox[Replies | None]) -> int:
    loop = asyncio.get_running_loop()
    right = 0
    for number in range(1, size.rounds + 1):
        reply = loop.create_future()
        ponger.put(reply)
        timer = loop.call_later(TIMEOUT, expire, reply)
        right += await reply == number
        timer.cancel()
    return right


async def lean(size: Size, *, timeout: bool) -> Outcome[Answer]:
    inbox: Inbox[Replies | None] = Inbox()
    ponger = asyncio.create_task(lean_ponger(inbox))
    right = await asyncio.create_task((lean_pinger_timeout if timeout else lean_pinger)(size, inbox))
    inbox.put(None)
    return Outcome(Answer(right, await ponger), actors=2)


# --- actorio ---------------------------------------------------------------------------------------


class Ping(Ask[int]):
    """Answered with the number of pings so far."""


class Play(Ask[int]):
    """Answered with the number of right replies, when the game is over."""


PING = Ping()


class Ponger(Actor[Ping]):
    def __init__(self) -> None:
        self.pings = 0

    async def receive(self, message: Ping) -> int:
        self.pings += 1
        return self.pings

    async def count(self) -> int:
        return self.pings


class Pinger(Actor[Play]):
    def __init__(self, size: Size, ponger: ActorRef[Ponger], timeout: float | None) -> None:
        self.rounds = size.rounds
        self.ponger = ponger
        self.timeout = timeout

    async def receive(self, message: Play) -> int:
        if self.timeout is not None:
            return await self.play_with_timeout(self.timeout)
        ask = self.ponger.ask
        right = 0
        for number in range(1, self.rounds + 1):
            right += await ask(PING) == number
        return right

    async def play_with_timeout(self, timeout: float) -> int:
        ask = self.ponger.ask
        right = 0
        for number in range(1, self.rounds + 1):
            right += await ask(PING, timeout=timeout) == number
        return right


async def actorio(size: Size, *, timeout: bool) -> Outcome[Answer]:
    async with ActorSystem() as system:
        ponger = await system.spawn(Ponger)
        pinger = await system.spawn(Pinger, size, ponger, TIMEOUT if timeout else None)
        right = await pinger.ask(Play())
        return Outcome(Answer(right, await ponger.call(Ponger.count)), actors=2)


def messages(size: Size, answer: Answer) -> int:
    return 2 * size.rounds


PINGPONG = Workload(
    name="pingpong",
    group=Group.A,
    about="asks, one after another",
    full=Size(100_000),
    quick=Size(300),
    messages=messages,
    check=check,
    programs={
        name: partial(program, timeout=False)
        for name, program in {"queue": queue, "lean": lean, "actorio": actorio}.items()
    },
)

PINGPONG_TIMEOUT = Workload(
    name="pingpong_timeout",
    group=Group.A,
    about="asks with a timeout of 60 s that never passes",
    full=Size(50_000),
    quick=Size(300),
    messages=messages,
    check=check,
    programs={
        name: partial(program, timeout=True)
        for name, program in {"queue": queue, "lean": lean, "actorio": actorio}.items()
    },
)
