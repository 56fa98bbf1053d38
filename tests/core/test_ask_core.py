"""What an ask is before and while it is awaited: the same in both forms."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from actorio import Actor, ActorRef, ActorSystem, Restart
from tests.guarantees.actors import soon


class Keeper(Actor[Any]):
    """Answers with what it is asked."""

    async def receive(self, message: Any) -> Any:
        return message


async def test_an_ask_that_was_not_awaited_is_warned_of() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Keeper)
        with pytest.warns(RuntimeWarning, match=r"ActorRef\.ask' was never awaited"):
            ref.ask(1)


async def test_what_ask_returns_goes_wherever_a_coroutine_does() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Keeper)
        assert await asyncio.create_task(ref.ask(1)) == 1
        assert await asyncio.gather(ref.ask(2), ref.ask(3)) == [2, 3]
        assert await asyncio.wait_for(ref.ask((4,)), 5) == (4,)
        error = ValueError("a reply like any other")
        assert await ref.ask(error) is error
        once = ref.ask(5)
        assert asyncio.iscoroutine(once)
        assert await once == 5
        with pytest.raises(RuntimeError, match="already awaited"):
            await once
        ref.ask(6).close()
        async with anyio.create_task_group() as group:
            group.start_soon(ref.ask, 7)


async def test_what_ask_returns_tells_how_far_it_is_as_a_coroutine_does() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Waits)
        asking = ref.ask(1)
        assert (asking.cr_await, asking.cr_running, asking.cr_suspended) == (None, False, False)
        with pytest.raises(TypeError, match="just-started"):
            asking.send(1)
        task = asyncio.create_task(asking)
        await asyncio.sleep(0.01)
        assert inspect.getcoroutinestate(asking) == inspect.CORO_SUSPENDED
        assert asking.cr_await is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert inspect.getcoroutinestate(asking) == inspect.CORO_CLOSED
        ref.kill()


def test_ask_is_told_for_a_coroutine_function() -> None:
    """A framework that takes it for a plain function would call it in a thread."""
    assert asyncio.iscoroutinefunction(ActorRef.ask)
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(partial(ActorRef.ask, timeout=1))


class Waits(Actor[Any]):
    """Never answers."""

    async def receive(self, message: Any) -> None:
        await asyncio.Event().wait()


class Forgets(Actor[Any]):
    """Answers with an ask that nobody awaits; one that is not async has it awaited."""

    async def receive(self, message: Any) -> Any:
        return message.ask(1)

    async def method(self, ref: ActorRef[Keeper]) -> Any:
        return ref.ask(1)


async def forgets(ref: ActorRef[Keeper]) -> Any:
    """Work that forgets it as well."""
    return ref.ask(1)


class Hands(Actor[Any]):
    """Has the ask awaited that it returns."""

    def receive(self, message: Any) -> Any:
        return message.ask(1)


Asks = Callable[[ActorRef[Forgets], ActorRef[Keeper]], Any]


@pytest.mark.parametrize(
    "ask",
    [
        lambda ref, keeper: ref.ask(keeper),
        lambda ref, keeper: ref.call(Forgets.method, keeper),
        lambda ref, keeper: ref.submit(forgets, keeper),
    ],
)
async def test_an_await_that_is_missing_before_an_ask_is_told_of(ask: Asks) -> None:
    async with soon(), ActorSystem() as system:
        keeper = await system.spawn(Keeper)
        ref = await system.spawn(Forgets, restart=Restart.TEMPORARY)
        with pytest.raises(TypeError, match=r"an await is missing, `await ActorRef\.ask\(\.\.\.\)`"):
            await ask(ref, keeper)
        assert await (await system.spawn(Hands)).ask(keeper) == 1


async def test_an_ask_is_no_function() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Keeper)
        with pytest.raises(TypeError, match="not a coroutine object: leave the \\(\\) out"):
            ref.submit(ref.ask(1))
