"""Latency: single asks, at moments of their own, while other actors keep the loop busy.

Pairs of actors pass a ball to and fro without a pause. A client sleeps a little, asks a server once,
notes how long the reply took, and sleeps again; what it notes is how soon a runtime under load lets
somebody in. Savina has nothing for it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from actorio import Actor, ActorRef, ActorSystem, Ask
from benchmarks.harness.generator import Random16
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["LATENCY"]

LONGEST_PAUSE = 0.001  # seconds between two asks


@dataclass(frozen=True, slots=True)
class Size:
    """How many asks, beside how many pairs of busy actors."""

    asks: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Answer:
    """How many replies were right, and how many pairs passed the ball."""

    right_replies: int
    busy_pairs: int


def check(size: Size, answer: Answer) -> None:
    """Each ask had its own reply, and the load was there."""
    expect("right replies", answer.right_replies, size.asks)
    expect("pairs that passed the ball", answer.busy_pairs, size.pairs)


def pauses(size: Size) -> list[float]:
    """Give the pauses before the asks, in seconds."""
    random = Random16()
    return [random.next_int() / 65536 * LONGEST_PAUSE for _ in range(size.asks)]


def busy(passes: Sequence[int]) -> int:
    """Count the pairs that have passed their ball at least once each way."""
    return sum(count >= 2 for count in passes)


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_player(
    pair: int, mailbox: asyncio.Queue[None], other: asyncio.Queue[None], passes: list[int]
) -> None:
    while True:
        await mailbox.get()
        passes[pair] += 1
        other.put_nowait(None)


async def queue_server(mailbox: asyncio.Queue[tuple[int, asyncio.Future[int]]]) -> None:
    while True:
        number, reply = await mailbox.get()
        reply.set_result(number)


async def queue(size: Size) -> Outcome[Answer]:
    passes = [0] * size.pairs
    tasks = []
    for pair in range(size.pairs):
        left: asyncio.Queue[None] = asyncio.Queue()
        right: asyncio.Queue[None] = asyncio.Queue()
        tasks.append(asyncio.create_task(queue_player(pair, left, right, passes)))
        tasks.append(asyncio.create_task(queue_player(pair, right, left, passes)))
        left.put_nowait(None)
    server: asyncio.Queue[tuple[int, asyncio.Future[int]]] = asyncio.Queue()
    tasks.append(asyncio.create_task(queue_server(server)))
    latencies = []
    replies = 0
    for number, pause in enumerate(pauses(size)):
        await asyncio.sleep(pause)
        start = perf_counter()
        reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        server.put_nowait((number, reply))
        replies += await reply == number
        latencies.append(perf_counter() - start)
    await cancel(tasks)
    return Outcome(Answer(replies, busy(passes)), 2 * size.pairs + 1, latencies)


async def cancel(tasks: list[asyncio.Task[None]]) -> None:
    """End the load."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


# --- deque and future ------------------------------------------------------------------------------


async def lean_player(pair: int, inbox: Inbox[None], other: Inbox[None], passes: list[int]) -> None:
    while True:
        while inbox:
            inbox.popleft()
            passes[pair] += 1
            other.put(None)
        await inbox.arrival()


async def lean_server(inbox: Inbox[tuple[int, asyncio.Future[int]]]) -> None:
    while True:
        while inbox:
            number, reply = inbox.popleft()
            reply.set_result(number)
        await inbox.arrival()


async def lean(size: Size) -> Outcome[Answer]:
    passes = [0] * size.pairs
    tasks = []
    for pair in range(size.pairs):
        left: Inbox[None] = Inbox()
        right: Inbox[None] = Inbox()
        tasks.append(asyncio.create_task(lean_player(pair, left, right, passes)))
        tasks.append(asyncio.create_task(lean_player(pair, right, left, passes)))
        left.put(None)
    server: Inbox[tuple[int, asyncio.Future[int]]] = Inbox()
    tasks.append(asyncio.create_task(lean_server(server)))
    latencies = []
    replies = 0
    for number, pause in enumerate(pauses(size)):
        await asyncio.sleep(pause)
        start = perf_counter()
        reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        server.put((number, reply))
        replies += await reply == number
        latencies.append(perf_counter() - start)
    await cancel(tasks)
    return Outcome(Answer(replies, busy(passes)), 2 * size.pairs + 1, latencies)


# --- actorio ---------------------------------------------------------------------------------------


class Player(Actor["ActorRef[Player] | None"]):
    def __init__(self, pair: int, passes: list[int]) -> None:
        self.pair = pair
        self.passes = passes

    async def receive(self, message: "ActorRef[Player] | None") -> None:
        if message is not None:
            self.other = message
            return
        self.passes[self.pair] += 1
        await self.other.send(None)


class Echo(Ask[int]):
    """Answered with its number."""

    def __init__(self, number: int) -> None:
        self.number = number


class Server(Actor[Echo]):
    async def receive(self, message: Echo) -> int:
        return message.number


async def actorio(size: Size) -> Outcome[Answer]:
    passes = [0] * size.pairs
    async with ActorSystem() as system:
        players: list[ActorRef[Player]] = []
        for pair in range(size.pairs):
            left, right = await system.spawn(Player, pair, passes), await system.spawn(Player, pair, passes)
            await left.send(right)
            await right.send(left)
            await left.send(None)
            players += (left, right)
        server = await system.spawn(Server)
        latencies = []
        replies = 0
        for number, pause in enumerate(pauses(size)):
            await asyncio.sleep(pause)
            start = perf_counter()
            replies += await server.ask(Echo(number)) == number
            latencies.append(perf_counter() - start)
        for player in players:
            player.kill()
    return Outcome(Answer(replies, busy(passes)), 2 * size.pairs + 1, latencies)


LATENCY = Workload(
    name="latency",
    group=Group.A,
    about="single asks beside 16 busy pairs",
    full=Size(1_000, 16),
    quick=Size(20, 4),
    messages=lambda size, answer: 2 * size.asks,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
    rated=False,
)
