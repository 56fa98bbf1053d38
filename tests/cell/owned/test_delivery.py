"""A delivery ends when a turn has handled its message, or tells why there is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, DeadLetter
from actorio._cell.owned.delivery import deliver
from tests.guarantees.actors import Held, Valve, cancelled, outcome, soon
from tests.stage import ticks


def delivering(ref: ActorRef[Any], message: Any) -> asyncio.Task[bool]:
    """Deliver a message beside the test."""
    cell: Any = ref._cell
    return asyncio.ensure_future(deliver(cell, message))


async def test_it_goes_on_when_the_turn_has_ended_and_not_before() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve := Valve())
        delivery = delivering(ref, "hello")
        await valve.entered.wait()
        await ticks()
        assert not delivery.done()
        valve.open.set()
        assert await delivery is True
    assert valve.finished == ["hello"]


async def test_a_turn_that_fails_has_handled_it() -> None:
    class Failing(Actor[Any]):
        async def receive(self, message: Any) -> None:
            raise ValueError(message)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing)
        assert await delivering(ref, "hello") is True
        await ticks()
        assert ref.statistics().restarts == 1


async def test_an_actor_that_takes_no_more_says_so_and_the_message_is_a_dead_letter() -> None:
    system = ActorSystem()
    async with soon(), system.events.subscribe(DeadLetter) as letters:
        async with system:
            ref = await system.spawn(Held, valve := Valve())
            await ref.send("in hand")
            await valve.entered.wait()
            ref.close()
            assert await delivering(ref, "late") is False
            valve.open.set()
        assert [(letter.message, letter.reason) async for letter in letters] == [("late", "unsent")]
    assert valve.finished == ["in hand"]


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_cancel_makes_a_dead_letter_of_it_unless_its_turn_has_begun(has_begun: bool) -> None:
    system = ActorSystem()
    async with soon(), system.events.subscribe(DeadLetter) as letters:
        async with system:
            ref = await system.spawn(Held, valve := Valve())
            if not has_begun:
                await ref.send("in hand")
                await valve.entered.wait()
            delivery = delivering(ref, "hello")
            await ticks()
            assert ("hello" in valve.begun) is has_begun
            assert await cancelled(delivery)
            valve.open.set()
        gone = [(letter.message, letter.reason) async for letter in letters]
    assert gone == ([] if has_begun else [("hello", "stopped")])
    assert ("hello" in valve.finished) is has_begun


async def test_at_the_end_of_its_actor_it_waits_to_be_cancelled() -> None:
    """The task belongs to the incarnation: what comes after the delivery must not run in between."""

    class Delivering(Held):
        async def receive(self, message: Any) -> Any:
            if message == "deliver":
                self.context.start_soon(self.deliver)
                return None
            return await super().receive(message)

        async def deliver(self) -> None:
            cell: Any = self.context._cell
            after.append(await outcome(deliver(cell, "hello")))

    after: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Delivering, valve := Valve())
        await ref.send("deliver")
        await valve.entered.wait()
        ref.kill()
        await ref.join()
    assert after == []
