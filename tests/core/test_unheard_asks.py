"""Asks, calls and submitted work that nobody waits for any more give up their room and their payload at once."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Mailbox, Overflow, PriorityMailbox
from tests.guarantees.actors import Held, Valve, outcome, soon, started
from tests.stage import ticks, until


class Payload:
    """Something that can be waited for to be let go of."""


class Till(Held):
    """Has a method besides."""

    def look(self, _: Payload) -> None:
        """Take a payload."""


MAILBOXES: dict[str, Callable[[Overflow], Mailbox[Any]]] = {
    "plain": lambda overflow: Mailbox(3, overflow=overflow),
    "priorities": lambda overflow: PriorityMailbox(lambda _: 1, 3, overflow=overflow),
}
WAYS: dict[str, Callable[[ActorRef[Till], Payload], Any]] = {
    "ask": lambda ref, payload: ref.ask(payload),
    "call": lambda ref, payload: ref.call(Till.look, payload),
    "submit": lambda ref, payload: ref.submit(lambda _: None, payload),
}


async def held(system: ActorSystem, valve: Valve, mailbox: Mailbox[Any], *, pool: bool) -> ActorRef[Till]:
    """Spawn one that is at a message."""
    if pool:
        ref: ActorRef[Till] = await system.spawn_pool(Till, valve, size=1, mailbox=mailbox)
    else:
        ref = await system.spawn(Till, valve, mailbox=mailbox)
    await ref.send("first")
    await valve.entered.wait()
    return ref


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("mailbox", MAILBOXES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("overflow", [Overflow.FAIL, Overflow.DROP_OLD, Overflow.DROP_NEW, Overflow.WAIT])
async def test_guarantee_06_the_room_of_what_nobody_waits_for_is_for_live_mail(
    overflow: Overflow, way: str, mailbox: str, pool: bool
) -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await held(system, valve, MAILBOXES[mailbox](overflow), pool=pool)
        kept: list[weakref.ref[Payload]] = []
        works = []
        for _ in range(2):
            payload = Payload()
            kept.append(weakref.ref(payload))
            work = WAYS[way](ref, payload)
            works.append(started(work) if way != "submit" else work)
            del payload, work
            await ticks(1)
        await ref.send("live")
        for work in works:
            work.cancel()
        await ticks(3)
        works = work = []  # a cancelled task keeps its frames, and these the payload
        gc.collect()
        assert [payload() for payload in kept] == [None, None]
        sending = [asyncio.ensure_future(outcome(ref.send(number))) for number in range(2)]
        await ticks(3)
        assert [task.done() and task.result() for task in sending] == [None, None]
        valve.open.set()
        await until(lambda: len(valve.finished) == 4)
    assert valve.finished == ["first", "live", 0, 1]


async def test_guarantee_06_an_ask_whose_time_is_over_lets_who_waits_in_line_in() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await held(system, valve, Mailbox(1), pool=False)
        asking = started(outcome(ref.ask("late", timeout=0.02)))
        await ticks(1)
        sending = asyncio.ensure_future(outcome(ref.send("waits")))
        assert isinstance(await asking, TimeoutError)
        assert await sending is None
        assert valve.begun == ["first"]
        valve.open.set()
        await until(lambda: len(valve.finished) == 2)
    assert valve.finished == ["first", "waits"]


async def test_guarantee_15_many_unheard_asks_keep_no_more_than_the_capacity() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await held(system, valve, Mailbox(10), pool=False)
        for _ in range(20):
            tasks = [started(outcome(ref.ask(number))) for number in range(10)]
            await ticks(1)
            for task in tasks:
                task.cancel()
            await ticks(1)
        assert len(ref._mailbox.items) <= 10
        valve.open.set()


async def test_what_has_begun_is_no_room_to_give_up() -> None:
    """An actor that runs the ask goes on with it, and its mailbox is as it was."""
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Till, valve, mailbox=Mailbox(1, overflow=Overflow.FAIL))
        asking = started(outcome(ref.ask("first")))
        await valve.entered.wait()
        await ref.send("second")
        asking.cancel()
        await ticks(2)
        assert isinstance(await outcome(ref.send("third")), Exception)
        valve.open.set()
        await until(lambda: len(valve.finished) == 2)


class Asker(Actor[Any]):
    """Not used by name: its ask is cancelled with it."""

    async def receive(self, message: ActorRef[Any]) -> Any:
        return await message.ask(Payload())


async def test_an_asker_that_is_killed_gives_its_room_up() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await held(system, valve, Mailbox(1, overflow=Overflow.FAIL), pool=False)
        asker = await system.spawn(Asker)
        await asker.send(ref)
        await until(lambda: ref.statistics().depth == 1)
        asker.kill()
        await asker.join()
        assert await outcome(ref.send("live")) is None
        valve.open.set()
