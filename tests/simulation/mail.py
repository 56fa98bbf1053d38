"""Scenarios of mail: order, room, overflow, stops in the middle, contextvars."""

import asyncio
import random
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Any

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    Overflow,
    PriorityMailbox,
)

Outcomes = dict[Any, str]

WHO: ContextVar[str] = ContextVar("who", default="nobody")


class Recorder(Actor[Any]):
    """Handles each message over some awaits and writes it down."""

    def __init__(self, seen: list[Any], pauses: int = 2) -> None:
        self.seen = seen
        self.pauses = pauses

    async def receive(self, message: Any) -> Any:
        for _ in range(random.randint(0, self.pauses)):
            await asyncio.sleep(0)
        self.seen.append(message)
        return message


async def together(*work: Awaitable[Any]) -> None:
    """Await all of them at once, and raise the first failure."""

    async def one(awaitable: Awaitable[Any]) -> None:
        await awaitable

    tasks = [asyncio.create_task(one(work), name=f"work-{number}") for number, work in enumerate(work)]
    await asyncio.wait(tasks)
    for task in tasks:
        task.result()


async def order() -> None:
    """Three senders share a small mailbox: each of them is served in its order, and nothing is lost."""
    seen: list[Any] = []

    async def send(ref: ActorRef[Any], who: str) -> None:
        for number in range(4):
            await ref.send((who, number))

    async with ActorSystem() as system:
        ref = await system.spawn(Recorder, seen, mailbox=Mailbox(2))
        await together(*(send(ref, who) for who in "abc"))
    for who in "abc":
        assert [number for sender, number in seen if sender == who] == [0, 1, 2, 3]


async def unawaited() -> None:
    """Sends that nobody awaits are in line in their order."""
    seen: list[int] = []
    async with ActorSystem() as system:
        ref = await system.spawn(Recorder, seen, mailbox=Mailbox(2))
        sendings = [ref.send(number) for number in range(6)]
        await asyncio.sleep(0)
        await ref.send(6)
        del sendings
    assert seen == list(range(7))


class Chatty(Actor[int]):
    """Sends to itself, above its capacity."""

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    async def receive(self, message: int) -> None:
        self.seen.append(message)
        if message < 10:
            await asyncio.sleep(0)
            for further in (10, 20):
                await self.context.ref.send(message + further)


async def self_sends() -> None:
    """An actor's mail to itself never waits, however full it is."""
    seen: list[int] = []
    async with ActorSystem() as system:
        ref = await system.spawn(Chatty, seen, mailbox=Mailbox(1))
        await together(*(ref.send(number) for number in range(3)))
        await asyncio.sleep(0.05)
    assert sorted(seen) == [0, 1, 2, 10, 11, 12, 20, 21, 22]


async def _send_until_stopped(ref: ActorRef[Any], outcomes: Outcomes, numbers: range) -> None:
    for number in numbers:
        try:
            await ref.send(number)
        except ActorStoppedError:
            outcomes[number] = "error"
        else:
            outcomes[number] = "accepted"


async def _stop_midway(how: str) -> None:
    """Mail goes on while the actor is ended: each message is handled, dead, or an error, one of them."""
    seen: list[int] = []
    outcomes: Outcomes = {}
    async with ActorSystem() as system:
        async with system.events.subscribe(DeadLetter) as letters:
            ref = await system.spawn(Recorder, seen, mailbox=Mailbox(3))

            async def end() -> None:
                for _ in range(random.randint(0, 12)):
                    await asyncio.sleep(0)
                getattr(ref, how)()
                await ref.join()

            senders = [_send_until_stopped(ref, outcomes, range(first, first + 5)) for first in (0, 10)]
            await together(*senders, end())
        dead = [letter.message async for letter in letters]
    accepted = sorted(number for number, outcome in outcomes.items() if outcome == "accepted")
    assert sorted(seen + dead) == accepted, f"handled {seen}, dead {dead}, accepted {accepted}"
    assert how != "close" or not dead


async def closing() -> None:
    """As below, with close."""
    await _stop_midway("close")


async def stopping() -> None:
    """As below, with stop."""
    await _stop_midway("stop")


async def killing() -> None:
    """As below, with kill."""
    await _stop_midway("kill")


async def overflow() -> None:
    """Each policy gives up the right message, tells about it, and keeps the rest in order."""
    for policy in (Overflow.DROP_NEW, Overflow.DROP_OLD, Overflow.FAIL):
        seen: list[int] = []
        failed: list[int] = []
        async with ActorSystem() as system:
            async with system.events.subscribe(DeadLetter) as letters:
                ref = await system.spawn(Recorder, seen, mailbox=Mailbox(2, overflow=policy))
                for number in range(6):
                    try:
                        await ref.send(number)
                    except MailboxFullError as error:
                        failed.append(error.undelivered)  # type: ignore[arg-type]
                ref.close()
                await ref.join()
            dead = [letter.message async for letter in letters]
        assert sorted(seen + failed + dead) == list(range(6))
        assert seen == sorted(seen)
        assert bool(failed) == (policy is Overflow.FAIL)
        assert policy is not Overflow.DROP_OLD or seen[-2:] == [4, 5]


async def priorities() -> None:
    """The lower number goes first, first in first out within a number."""
    seen: list[tuple[int, int]] = []
    async with ActorSystem() as system:
        gate = asyncio.Event()
        ref = await system.spawn(Recorder, seen, mailbox=PriorityMailbox(lambda message: message[0], None))
        held = ref.submit(gate.wait)
        sent = [(random.randint(0, 2), number) for number in range(8)]
        for message in sent:
            await ref.send(message)
        gate.set()
        await held
    assert seen == sorted(sent)


class Whoami(Actor[str]):
    def __init__(self, seen: list[tuple[str, str]]) -> None:
        self.seen = seen

    async def receive(self, message: str) -> None:
        await asyncio.sleep(0)
        self.seen.append((message, WHO.get()))
        WHO.set("stained")


async def contexts() -> None:
    """A handler runs in its sender's contextvars, and leaves nothing of its own."""
    seen: list[tuple[str, str]] = []

    async def send(ref: ActorRef[Any], who: str) -> None:
        if who != "nobody":
            WHO.set(who)
        for _ in range(2):
            await ref.send(who)
            await asyncio.sleep(0)

    async with ActorSystem() as system:
        ref = await system.spawn(Whoami, seen)
        await together(*(send(ref, who) for who in ("ann", "bob", "nobody")))
    assert len(seen) == 6
    assert all(sender == who for sender, who in seen), seen


SCENARIOS = [
    order,
    unawaited,
    self_sends,
    closing,
    stopping,
    killing,
    overflow,
    priorities,
    contexts,
]
