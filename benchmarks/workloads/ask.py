"""Ask: a caller that is no actor asks one actor, one ask after another; the cost of a call into an actor.

The plainest use besides `send`: a request handler of a service that asks. Against it, what an engineer
writes by hand for that: a queue of requests, each with a future for its answer.
"""

import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorSystem, Ask
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["ASK"]


@dataclass(frozen=True, slots=True)
class Size:
    """How many asks."""

    asks: int


def check(size: Size, right: int) -> None:
    """Each answer is twice the number that was asked for."""
    expect("right answers", right, size.asks)


# --- asyncio.Queue ---------------------------------------------------------------------------------

Request = tuple[int, asyncio.Future[int]]


async def queue_doubler(mailbox: asyncio.Queue[Request | None]) -> None:
    while (request := await mailbox.get()) is not None:
        number, reply = request
        reply.set_result(2 * number)


async def queue(size: Size) -> Outcome[int]:
    mailbox: asyncio.Queue[Request | None] = asyncio.Queue()
    doubler = asyncio.create_task(queue_doubler(mailbox))
    loop = asyncio.get_running_loop()
    right = 0
    for number in range(size.asks):
        reply = loop.create_future()
        mailbox.put_nowait((number, reply))
        right += await reply == 2 * number
    mailbox.put_nowait(None)
    await doubler
    return Outcome(right, actors=1)


# --- deque and future ------------------------------------------------------------------------------


async def lean_doubler(inbox: Inbox[Request | None]) -> None:
    while True:
        while inbox:
            request = inbox.popleft()
            if request is None:
                return
            number, reply = request
            if not reply.done():
                reply.set_result(2 * number)
        await inbox.arrival()


async def lean(size: Size) -> Outcome[int]:
    inbox: Inbox[Request | None] = Inbox()
    doubler = asyncio.create_task(lean_doubler(inbox))
    new_future = asyncio.get_running_loop().create_future
    right = 0
    for number in range(size.asks):
        reply = new_future()
        inbox.put((number, reply))
        right += await reply == 2 * number
    inbox.put(None)
    await doubler
    return Outcome(right, actors=1)


# --- actorio ---------------------------------------------------------------------------------------


class Double(Ask[int]):
    """Answered with twice the number."""

    def __init__(self, number: int) -> None:
        self.number = number


class Doubler(Actor[Double]):
    async def receive(self, message: Double) -> int:
        return 2 * message.number


async def actorio(size: Size) -> Outcome[int]:
    async with ActorSystem() as system:
        doubler = await system.spawn(Doubler)
        right = 0
        for number in range(size.asks):
            right += await doubler.ask(Double(number)) == 2 * number
        return Outcome(right, actors=1)


ASK = Workload(
    name="ask",
    group=Group.A,
    about="asks of a caller that is no actor",
    full=Size(100_000),
    quick=Size(300),
    messages=lambda size, right: 2 * size.asks,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)
