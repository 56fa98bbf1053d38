"""Fibonacci: an actor for each call of the naive recursion, made on request, ended after its response.

Source: Savina, `fib`.
"""

import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["FIB"]


@dataclass(frozen=True, slots=True)
class Size:
    """Which Fibonacci number."""

    number: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The Fibonacci number found, and how many actors were made for it."""

    value: int
    actors: int


@dataclass(frozen=True, slots=True)
class Request:
    """Asks an actor for a Fibonacci number."""

    number: int


@dataclass(frozen=True, slots=True)
class Response:
    """Answers a request."""

    value: int


ONE = Response(1)
Message = Request | Response
Done = asyncio.Future[int]


class Census:
    """Counts the actors made."""

    __slots__ = ("actors",)

    def __init__(self) -> None:
        self.actors = 0


def fibonacci(number: int) -> int:
    """Give a Fibonacci number, by adding up."""
    before, value = 0, 1
    for _ in range(number - 1):
        before, value = value, before + value
    return value


def check(size: Size, answer: Answer) -> None:
    """The number is right and every call had its actor."""
    expect("Fibonacci number", answer.value, fibonacci(size.number))
    expect("actors", answer.actors, 2 * fibonacci(size.number) - 1)


def messages(size: Size, answer: Answer) -> int:
    return 2 * answer.actors - 1


# --- asyncio.Queue ---------------------------------------------------------------------------------


async def queue_call(
    mailbox: asyncio.Queue[Message], parent: asyncio.Queue[Message] | Done, census: Census
) -> None:
    census.actors += 1
    request = await mailbox.get()
    assert isinstance(request, Request)
    if request.number <= 2:
        response = ONE
    else:
        children = []
        for number in (request.number - 1, request.number - 2):
            child: asyncio.Queue[Message] = asyncio.Queue()
            children.append(asyncio.create_task(queue_call(child, mailbox, census)))
            child.put_nowait(Request(number))
        value = 0
        for _ in children:
            message = await mailbox.get()
            assert isinstance(message, Response)
            value += message.value
        response = Response(value)
    if isinstance(parent, asyncio.Future):
        parent.set_result(response.value)
    else:
        parent.put_nowait(response)


async def queue(size: Size) -> Outcome[Answer]:
    census = Census()
    done: Done = asyncio.get_running_loop().create_future()
    mailbox: asyncio.Queue[Message] = asyncio.Queue()
    root = asyncio.create_task(queue_call(mailbox, done, census))
    mailbox.put_nowait(Request(size.number))
    value = await done
    await root
    return Outcome(Answer(value, census.actors), census.actors)


# --- deque and future ------------------------------------------------------------------------------


async def lean_call(inbox: Inbox[Message], parent: Inbox[Message] | Done, census: Census) -> None:
    census.actors += 1
    while not inbox:
        await inbox.arrival()
    request = inbox.popleft()
    assert isinstance(request, Request)
    if request.number <= 2:
        response = ONE
    else:
        children = []
        for number in (request.number - 1, request.number - 2):
            child: Inbox[Message] = Inbox()
            children.append(asyncio.create_task(lean_call(child, inbox, census)))
            child.put(Request(number))
        while len(inbox) < 2:
            await inbox.arrival()
        first, second = inbox
        assert isinstance(first, Response)
        assert isinstance(second, Response)
        response = Response(first.value + second.value)
    if isinstance(parent, asyncio.Future):
        parent.set_result(response.value)
    else:
        parent.put(response)


async def lean(size: Size) -> Outcome[Answer]:
    census = Census()
    done: Done = asyncio.get_running_loop().create_future()
    inbox: Inbox[Message] = Inbox()
    root = asyncio.create_task(lean_call(inbox, done, census))
    inbox.put(Request(size.number))
    value = await done
    await root
    return Outcome(Answer(value, census.actors), census.actors)


# --- actorio ---------------------------------------------------------------------------------------


class Call(Actor[Message]):
    def __init__(self, parent: "ActorRef[Call] | Done", census: Census) -> None:
        census.actors += 1
        self.parent = parent
        self.census = census
        self.missing = 2
        self.value = 0

    async def receive(self, message: Message) -> None:
        if isinstance(message, Response):
            self.value += message.value
            self.missing -= 1
            if self.missing == 0:
                await self.respond(Response(self.value))
        elif message.number <= 2:
            await self.respond(ONE)
        else:
            for number in (message.number - 1, message.number - 2):
                child = await self.context.spawn(Call, self.context.ref, self.census)
                await child.send(Request(number))

    async def respond(self, response: Response) -> None:
        if isinstance(self.parent, asyncio.Future):
            self.parent.set_result(response.value)
        else:
            await self.parent.send(response)
        self.context.stop()


async def actorio(size: Size) -> Outcome[Answer]:
    census = Census()
    async with ActorSystem() as system:
        done: Done = asyncio.get_running_loop().create_future()
        root = await system.spawn(Call, done, census)
        await root.send(Request(size.number))
        value = await done
        await root.join()
    return Outcome(Answer(value, census.actors), census.actors)


FIB = Workload(
    name="fib",
    group=Group.A,
    about="an actor for each call of the recursion",
    full=Size(20),
    quick=Size(8),
    messages=messages,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)
