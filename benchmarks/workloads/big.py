"""Big: every worker pings random workers, one ping in flight each; many to many, all mailboxes warm.

Source: Savina 7, `big`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask, Result
from benchmarks.harness.generator import Random16
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["BIG"]


@dataclass(frozen=True, slots=True)
class Size:
    """How many workers, and how many pings each of them sends."""

    workers: int
    pings: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks a worker for a pong."""

    sender: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a ping; the first one, of nobody, starts a worker."""

    sender: int


START = Pong(-1)
EXIT = None
Message = Ping | Pong | None


def check(size: Size, right_pongs: Sequence[int]) -> None:
    """Each worker got a pong for each ping, from the worker it had pinged."""
    expect("right pongs of each worker", list(right_pongs), [size.pings] * size.workers)


def messages(size: Size, right_pongs: Sequence[int]) -> int:
    return 2 * size.workers * size.pings + 3 * size.workers


class Player:
    """Whom a worker pings next, and what it has counted: the same for all programs."""

    __slots__ = ("ping", "pong", "random", "right", "target", "to_send", "workers")

    def __init__(self, number: int, size: Size) -> None:
        self.ping = Ping(number)
        self.pong = Pong(number)
        self.random = Random16(number)
        self.workers = size.workers
        self.to_send = size.pings
        self.target = START.sender
        self.right = 0

    def next_target(self, pong: Pong) -> int | None:
        """Count a pong; give the worker to ping next, or None after the last."""
        if pong is not START and pong.sender == self.target:
            self.right += 1
        if self.to_send == 0:
            return None
        self.to_send -= 1
        self.target = target = self.random.next_below(self.workers)
        return target


# --- asyncio.Queue ---------------------------------------------------------------------------------

Mailboxes = Sequence[asyncio.Queue[Message]]


async def queue_worker(number: int, size: Size, mailboxes: Mailboxes, sink: asyncio.Queue[None]) -> int:
    player = Player(number, size)
    mailbox = mailboxes[number]
    while (message := await mailbox.get()) is not EXIT:
        if isinstance(message, Ping):
            mailboxes[message.sender].put_nowait(player.pong)
        elif (target := player.next_target(message)) is not None:
            mailboxes[target].put_nowait(player.ping)
        else:
            sink.put_nowait(None)
    return player.right


async def queue_sink(mailbox: asyncio.Queue[None], mailboxes: Mailboxes) -> None:
    for _ in mailboxes:
        await mailbox.get()
    for worker in mailboxes:
        worker.put_nowait(EXIT)


async def queue(size: Size) -> Outcome[Sequence[int]]:
    mailboxes: list[asyncio.Queue[Message]] = [asyncio.Queue() for _ in range(size.workers)]
    sink_mailbox: asyncio.Queue[None] = asyncio.Queue()
    sink = asyncio.create_task(queue_sink(sink_mailbox, mailboxes))
    workers = [
        asyncio.create_task(queue_worker(number, size, mailboxes, sink_mailbox))
        for number in range(size.workers)
    ]
    for mailbox in mailboxes:
        mailbox.put_nowait(START)
    await sink
    return Outcome(await asyncio.gather(*workers), actors=size.workers + 1)


# --- deque and future ------------------------------------------------------------------------------

Inboxes = Sequence[Inbox[Message]]


async def lean_worker(number: int, size: Size, inboxes: Inboxes, sink: Inbox[None]) -> int:
    player = Player(number, size)
    inbox = inboxes[number]
    while True:
        while inbox:
            message = inbox.popleft()
            if isinstance(message, Ping):
                inboxes[message.sender].put(player.pong)
            elif message is EXIT:
                return player.right
            elif (target := player.next_target(message)) is not None:
                inboxes[target].put(player.ping)
            else:
                sink.put(None)
        await inbox.arrival()


async def lean_sink(inbox: Inbox[None], inboxes: Inboxes) -> None:
    while len(inbox) < len(inboxes):
        await inbox.arrival()
    for worker in inboxes:
        worker.put(EXIT)


async def lean(size: Size) -> Outcome[Sequence[int]]:
    inboxes: list[Inbox[Message]] = [Inbox() for _ in range(size.workers)]
    sink_inbox: Inbox[None] = Inbox()
    sink = asyncio.create_task(lean_sink(sink_inbox, inboxes))
    workers = [
        asyncio.create_task(lean_worker(number, size, inboxes, sink_inbox)) for number in range(size.workers)
    ]
    for inbox in inboxes:
        inbox.put(START)
    await sink
    return Outcome(await asyncio.gather(*workers), actors=size.workers + 1)


# --- actorio ---------------------------------------------------------------------------------------

Workers = list["ActorRef[Worker]"]


class Worker(Actor[Message]):
    def __init__(self, number: int, size: Size, workers: Workers, sink: "ActorRef[Sink]") -> None:
        self.player = Player(number, size)
        self.workers = workers
        self.sink = sink

    async def receive(self, message: Message) -> None:
        if isinstance(message, Ping):
            await self.workers[message.sender].send(self.player.pong)
        elif message is EXIT:
            self.context.stop()
        elif (target := self.player.next_target(message)) is not None:
            await self.workers[target].send(self.player.ping)
        else:
            await self.sink.send(self.player.right)


class RightPongs(Ask[Sequence[int]]):
    """Answered with the right pongs of each worker when all have sent their pings."""


class Sink(Actor[int | RightPongs]):
    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.right_pongs: list[int] = []
        self.answer: Result[Sequence[int]] | None = None

    async def receive(self, message: int | RightPongs) -> None:
        if isinstance(message, RightPongs):
            self.answer = self.context.defer()
        else:
            self.right_pongs.append(message)
            if len(self.right_pongs) == len(self.workers):
                for worker in self.workers:
                    await worker.send(EXIT)
        if len(self.right_pongs) == len(self.workers) and self.answer is not None:
            self.answer.set_result(self.right_pongs)


async def actorio(size: Size) -> Outcome[Sequence[int]]:
    async with ActorSystem() as system:
        workers: Workers = []
        sink = await system.spawn(Sink, workers)
        for number in range(size.workers):
            workers.append(await system.spawn(Worker, number, size, workers, sink))
        for worker in workers:
            await worker.send(START)
        return Outcome(await sink.ask(RightPongs()), actors=size.workers + 1)


BIG = Workload(
    name="big",
    group=Group.A,
    about="120 workers ping random workers",
    full=Size(120, 1_000),
    quick=Size(12, 50),
    messages=messages,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)
