"""Back pressure: producers share one mailbox with few places, and wait their turn for each place.

The other way to bound the buffer of `bndbuffer`: no manager, the mailbox itself holds the producers back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask, Mailbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["BACKPRESSURE"]

Item = tuple[int, int]  # the producer's number, the item's


@dataclass(frozen=True, slots=True)
class Size:
    """How many producers, items of each, and places in the mailbox."""

    producers: int
    items: int
    places: int


def check(size: Size, in_order: Sequence[int]) -> None:
    """Of each producer all items came, in order."""
    expect("items in order of each producer", list(in_order), [size.items] * size.producers)


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_producer(number: int, size: Size, consumer: asyncio.Queue[Item | None]) -> None:
    for item in range(size.items):
        await consumer.put((number, item))


async def queue_consumer(size: Size, mailbox: asyncio.Queue[Item | None]) -> list[int]:
    in_order = [0] * size.producers
    while (message := await mailbox.get()) is not None:
        number, item = message
        in_order[number] += item == in_order[number]
    return in_order


async def queue(size: Size) -> Outcome[Sequence[int]]:
    mailbox: asyncio.Queue[Item | None] = asyncio.Queue(size.places)
    consumer = asyncio.create_task(queue_consumer(size, mailbox))
    producers = [
        asyncio.create_task(queue_producer(number, size, mailbox)) for number in range(size.producers)
    ]
    await asyncio.gather(*producers)
    await mailbox.put(None)
    return Outcome(await consumer, actors=size.producers + 1)


# --- actorio ---------------------------------------------------------------------------------------


class Consumer(Actor[Item]):
    def __init__(self, size: Size) -> None:
        self.in_order = [0] * size.producers

    async def receive(self, message: Item) -> None:
        number, item = message
        self.in_order[number] += item == self.in_order[number]

    async def counts(self) -> Sequence[int]:
        return self.in_order


class Produce(Ask[None]):
    """Send all items; answered when the last is in the mailbox."""


class Producer(Actor[Produce]):
    def __init__(self, number: int, size: Size, consumer: ActorRef[Consumer]) -> None:
        self.number = number
        self.items = size.items
        self.consumer = consumer

    async def receive(self, message: Produce) -> None:
        for item in range(self.items):
            await self.consumer.send((self.number, item))


async def actorio(size: Size) -> Outcome[Sequence[int]]:
    async with ActorSystem() as system:
        consumer = await system.spawn(Consumer, size, mailbox=Mailbox(size.places))
        producers = [await system.spawn(Producer, number, size, consumer) for number in range(size.producers)]
        await asyncio.gather(*(producer.ask(Produce()) for producer in producers))
        return Outcome(await consumer.call(Consumer.counts), actors=size.producers + 1)


BACKPRESSURE = Workload(
    name="backpressure",
    group=Group.B,
    about="40 producers wait for places in one mailbox",
    full=Size(40, 1_000, 50),
    quick=Size(5, 40, 4),
    messages=lambda size, in_order: size.producers * size.items,
    check=check,
    programs={"queue": queue, "actorio": actorio},
)
