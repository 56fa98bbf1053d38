"""The requests of an actor's code in its turn: which method is called, and what it may ask for."""

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorSystem
from tests.guarantees.actors import soon
from tests.stage import ticks


def _decorated(method: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: Any, *args: Any) -> Any:
        return method(self, *args)

    return wrapper


class Wrapped(Actor[Any]):
    @_decorated
    def decorated(self, number: int) -> int:
        return number + 1

    short = lambda self: "short"  # noqa: E731


class Overridden(Wrapped):
    def decorated(self, number: int) -> int:
        return number + 2


async def test_a_method_is_called_whatever_its_own_name_is() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Wrapped)
        assert await ref.call(Wrapped.decorated, 1) == 2
        assert await ref.call(Wrapped.short) == "short"
        other = await system.spawn(Overridden)
        assert await other.call(Wrapped.decorated, 1) == 3
        with pytest.raises(TypeError, match="is not a method of Wrapped"):
            await ref.call(_decorated(print))


class Clerk(Actor[Any]):
    """Is asked in many ways."""

    async def receive(self, message: Any) -> Any:
        return await message(self) if inspect.iscoroutinefunction(message) else message(self)

    def plain(self) -> str:
        return "clerk"


class Chief(Clerk):
    def plain(self) -> str:
        return "chief"


class Stranger:
    def plain(self) -> str:
        return "stranger"


async def test_a_method_of_the_base_is_that_of_the_subclass() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Chief)
        assert await ref.call(Clerk.plain) == "chief"


async def test_a_method_of_another_class_is_refused() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clerk)
        with pytest.raises(TypeError, match=r"Stranger.plain' is not a method of Clerk"):
            await ref.call(Stranger.plain)


async def test_what_is_set_on_the_instance_is_called_as_an_override_is() -> None:
    def lend(me: Clerk) -> None:
        me.plain = lambda: "lent"  # type: ignore[method-assign]

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clerk)
        await ref.ask(lend)
        assert await ref.call(Clerk.plain) == "lent"


async def test_a_message_that_nobody_asked_cannot_be_deferred_and_an_ask_only_once() -> None:
    def twice(me: Clerk) -> None:
        kept.append(me.context.defer())
        kept.append(me.context.defer())

    def once(me: Clerk) -> None:
        try:
            me.context.defer()
        except ActorError as error:
            kept.append(error)

    kept: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clerk)
        await ref.send(once)
        asking = asyncio.ensure_future(ref.ask(twice))
        await ticks()
        assert "has no ask to defer" in str(kept[0])
        kept[1].set_result(5)
        assert await asking == 5


async def test_the_end_of_a_turn_does_not_leave_the_cancel_of_its_work_to_the_next() -> None:
    async def wait(me: Clerk) -> None:
        await asyncio.Event().wait()

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clerk)
        work = ref.submit(asyncio.sleep, 3600)
        await ticks()
        assert work.cancel()
        assert await ref.ask(lambda me: me.context.name) == ref.name
        task: Any = ref._cell.task
        assert task.cancelling() == 0


async def test_a_cancel_that_a_handler_has_swallowed_is_taken_back() -> None:
    async def swallow(me: Clerk) -> int:
        task: Any = asyncio.current_task()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        counted = task.cancelling()
        assert isinstance(counted, int)
        return counted

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clerk)
        assert await ref.ask(swallow) == 1
        await ref.ask(lambda me: None)
        task: Any = ref._cell.task
        assert task.cancelling() == 0
        assert ref.statistics().restarts == 0
