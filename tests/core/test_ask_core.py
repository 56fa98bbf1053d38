"""What an ask is before and while it is awaited: the same in both forms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem
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
