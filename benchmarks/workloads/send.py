"""Send: a sender that is no actor sends numbers to one receiver through a mailbox of the default capacity.

The plainest use of a runtime, and the one its peers are compared by. The receiver checks that no number
is missing, doubled or out of order.
"""

import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorSystem
from benchmarks.harness.inbox import BoundedInbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["SEND"]

CAPACITY = 1000
END = -1


@dataclass(frozen=True, slots=True)
class Size:
    """How many numbers."""

    numbers: int


def check(size: Size, in_order: int) -> None:
    """Each number came right after the one before it."""
    expect("numbers in order", in_order, size.numbers)


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_receiver(mailbox: asyncio.Queue[int]) -> int:
    expected = 0
    while (number := await mailbox.get()) != END:
        if number == expected:
            expected += 1
    return expected


async def queue(size: Size) -> Outcome[int]:
    mailbox: asyncio.Queue[int] = asyncio.Queue(CAPACITY)
    receiver = asyncio.create_task(queue_receiver(mailbox))
    for number in range(size.numbers):
        await mailbox.put(number)
    await mailbox.put(END)
    return Outcome(await receiver, actors=1)


# --- deque and future ------------------------------------------------------------------------------


async def lean_receiver(inbox: BoundedInbox[int]) -> int:
    expected = 0
    while True:
        while inbox:
            number = inbox.popleft()
            if number == END:
                return expected
            if number == expected:
                expected += 1
        inbox.made_room()
        await inbox.arrival()


async def lean(size: Size) -> Outcome[int]:
    inbox: BoundedInbox[int] = BoundedInbox(CAPACITY)
    receiver = asyncio.create_task(lean_receiver(inbox))
    put, full = inbox.put, inbox.full
    for number in range(size.numbers):
        if full():
            await inbox.room()
        put(number)
    put(END)
    return Outcome(await receiver, actors=1)


# --- actorio ---------------------------------------------------------------------------------------


class Receiver(Actor[int]):
    def __init__(self) -> None:
        self.expected = 0

    def receive(self, message: int) -> None:  # it awaits nothing
        if message == self.expected:
            self.expected += 1

    async def in_order(self) -> int:
        return self.expected


async def actorio(size: Size) -> Outcome[int]:
    async with ActorSystem() as system:
        receiver = await system.spawn(Receiver)
        for number in range(size.numbers):
            await receiver.send(number)
        return Outcome(await receiver.call(Receiver.in_order), actors=1)


SEND = Workload(
    name="send",
    group=Group.A,
    about=f"one pair, the default mailbox of {CAPACITY:,}",
    full=Size(300_000),
    quick=Size(2_500),
    messages=lambda size, in_order: size.numbers,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)
