"""The reply of an ask that a handler took away: set later, dropped, cancelled, outlived."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from actorio import Actor, ActorStoppedError, ActorSystem, AskCancelledError, NoReplyError, Result
from tests.guarantees.actors import soon, started
from tests.stage import ticks


class Clerk(Actor[Any]):
    """Takes the reply of each ask away."""

    def __init__(self, taken: list[Result[Any]]) -> None:
        self.taken = taken

    async def receive(self, message: Any) -> None:
        self.taken.append(self.context.defer())


async def begun(taken: list[Result[Any]]) -> None:
    while not taken:
        await ticks(1)


@pytest.mark.parametrize("value", [3, None])
async def test_the_asker_is_given_what_is_set(value: Any) -> None:
    taken: list[Result[Any]] = []
    async with soon(), ActorSystem() as system:
        asking = started((await system.spawn(Clerk, taken)).ask("question"))
        await begun(taken)
        assert not asking.done()
        taken[0].set_result(value)
        assert await asking == value


async def test_the_asker_is_given_what_is_raised_and_the_actor_has_not_failed() -> None:
    taken: list[Result[Any]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clerk, taken)
        asking = started(ref.ask("question"))
        await begun(taken)
        taken[0].set_exception(ValueError("no"))
        with pytest.raises(ValueError, match="no"):
            await asking
        assert ref.is_alive


async def test_a_cancelled_reply_is_an_error_of_the_asker() -> None:
    taken: list[Result[Any]] = []
    async with soon(), ActorSystem() as system:
        asking = started((await system.spawn(Clerk, taken)).ask("question"))
        await begun(taken)
        assert taken[0].cancel()
        with pytest.raises(AskCancelledError):
            await asking


async def test_a_reply_that_is_dropped_is_an_error_of_the_asker() -> None:
    taken: list[Result[Any]] = []
    async with soon(), ActorSystem() as system:
        asking = started((await system.spawn(Clerk, taken)).ask("question"))
        await begun(taken)
        taken.clear()
        gc.collect()
        with pytest.raises(NoReplyError, match="dropped a deferred reply"):
            await asking


async def test_an_actor_that_ends_leaves_no_asker_waiting() -> None:
    taken: list[Result[Any]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clerk, taken)
        asking = started(ref.ask("question"))
        await begun(taken)
        ref.stop()
        with pytest.raises(ActorStoppedError):
            await asking


async def test_a_reply_is_set_once() -> None:
    taken: list[Result[Any]] = []
    async with soon(), ActorSystem() as system:
        asking = started((await system.spawn(Clerk, taken)).ask("question"))
        await begun(taken)
        taken[0].set_result(1)
        with pytest.raises(asyncio.InvalidStateError):
            taken[0].set_result(2)
        assert await asking == 1
