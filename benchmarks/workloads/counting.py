"""Counting: a producer floods a counter, then asks it for the total; the cost of one message.

Unbounded, all messages lie in the mailbox before the first is handled; bounded, the producer is held back
again and again. The total is asked for after the last increment by the same sender, so it is right only
if order is kept.

Source: Savina 2, `count`.
"""

import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask, Mailbox
from benchmarks.harness.inbox import BoundedInbox, Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["COUNTING", "COUNTING_BOUNDED"]

CAPACITY = 1000


@dataclass(frozen=True, slots=True)
class Size:
    """How many increments."""

    increments: int


def check(size: Size, total: int) -> None:
    """The total holds every increment sent before it was asked for."""
    expect("total", total, size.increments)


# --- asyncio.Queue ---------------------------------------------------------------------------------

INCREMENT = None
Message = asyncio.Future[int] | None  # a future asks for the total; its reader counts no further


async def queue_counter(mailbox: asyncio.Queue[Message]) -> None:
    total = 0
    while (reply := await mailbox.get()) is INCREMENT:
        total += 1
    reply.set_result(total)


async def queue_producer(size: Size, counter: asyncio.Queue[Message]) -> int:
    for _ in range(size.increments):
        counter.put_nowait(INCREMENT)
    reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    counter.put_nowait(reply)
    return await reply


async def queue_producer_bounded(size: Size, counter: asyncio.Queue[Message]) -> int:
    for _ in range(size.increments):
        await counter.put(INCREMENT)
    reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    await counter.put(reply)
    return await reply


async def queue(size: Size) -> Outcome[int]:
    mailbox: asyncio.Queue[Message] = asyncio.Queue()
    counter = asyncio.create_task(queue_counter(mailbox))
    total = await asyncio.create_task(queue_producer(size, mailbox))
    await counter
    return Outcome(total, actors=2)


async def queue_bounded(size: Size) -> Outcome[int]:
    mailbox: asyncio.Queue[Message] = asyncio.Queue(CAPACITY)
    counter = asyncio.create_task(queue_counter(mailbox))
    total = await asyncio.create_task(queue_producer_bounded(size, mailbox))
    await counter
    return Outcome(total, actors=2)


# --- deque and future ------------------------------------------------------------------------------


async def lean_counter(inbox: Inbox[Message]) -> None:
    total = 0
    while True:
        while inbox:
            reply = inbox.popleft()
            if reply is not INCREMENT:
                reply.set_result(total)
                return
            total += 1
        await inbox.arrival()


async def lean_producer(size: Size, counter: Inbox[Message]) -> int:
    put = counter.put
    for _ in range(size.increments):
        put(INCREMENT)
    reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    put(reply)
    return await reply


async def lean(size: Size) -> Outcome[int]:
    inbox: Inbox[Message] = Inbox()
    counter = asyncio.create_task(lean_counter(inbox))
    total = await asyncio.create_task(lean_producer(size, inbox))
    await counter
    return Outcome(total, actors=2)


async def lean_counter_bounded(inbox: BoundedInbox[Message]) -> None:
    total = 0
    while True:
        while inbox:
            reply = inbox.popleft()
            if reply is not INCREMENT:
                reply.set_result(total)
                return
            total += 1
        inbox.made_room()
        await inbox.arrival()


async def lean_producer_bounded(size: Size, counter: BoundedInbox[Message]) -> int:
    put, full = counter.put, counter.full
    for _ in range(size.increments):
        if full():
            await counter.room()
        put(INCREMENT)
    reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    put(reply)  # one over the capacity, which this inbox bears
    return await reply


async def lean_bounded(size: Size) -> Outcome[int]:
    inbox: BoundedInbox[Message] = BoundedInbox(CAPACITY)
    counter = asyncio.create_task(lean_counter_bounded(inbox))
    total = await asyncio.create_task(lean_producer_bounded(size, inbox))
    await counter
    return Outcome(total, actors=2)


# --- actorio ---------------------------------------------------------------------------------------


class Increment:
    """Count one more."""


class Total(Ask[int]):
    """Answered with the number of increments so far."""


class Produce(Ask[int]):
    """Answered with the total that the counter gave after the flood."""


class Counter(Actor[Increment | Total]):
    def __init__(self) -> None:
        self.total = 0

    def receive(self, message: Increment | Total) -> int | None:  # it awaits nothing
        if isinstance(message, Increment):
            self.total += 1
            return None
        return self.total


class Producer(Actor[Produce]):
    def __init__(self, size: Size, counter: ActorRef[Counter]) -> None:
        self.increments = size.increments
        self.counter = counter

    async def receive(self, message: Produce) -> int:
        increment = Increment()
        send = self.counter.send_nowait
        for _ in range(self.increments):
            send(increment)
        return await self.counter.ask(Total())


class BoundedProducer(Producer):
    async def receive(self, message: Produce) -> int:
        increment = Increment()
        send = self.counter.send
        for _ in range(self.increments):
            await send(increment)
        return await self.counter.ask(Total())


async def count(size: Size, kind: type[Producer], capacity: int | None) -> Outcome[int]:
    async with ActorSystem() as system:
        counter = await system.spawn(Counter, mailbox=Mailbox(capacity))
        producer = await system.spawn(kind, size, counter)
        return Outcome(await producer.ask(Produce()), actors=2)


async def actorio(size: Size) -> Outcome[int]:
    return await count(size, Producer, None)


async def actorio_bounded(size: Size) -> Outcome[int]:
    return await count(size, BoundedProducer, CAPACITY)


def messages(size: Size, total: int) -> int:
    return size.increments + 3


COUNTING = Workload(
    name="counting",
    group=Group.A,
    about="one way messages into an unbounded mailbox",
    full=Size(300_000),
    quick=Size(2_500),
    messages=messages,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)

COUNTING_BOUNDED = Workload(
    name="counting_bounded",
    group=Group.A,
    about=f"one way messages into a mailbox for {CAPACITY:,}",
    full=Size(300_000),
    quick=Size(2_500),
    messages=messages,
    check=check,
    programs={"queue": queue_bounded, "lean": lean_bounded, "actorio": actorio_bounded},
)
