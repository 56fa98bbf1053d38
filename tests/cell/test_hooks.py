"""What a class of actors may override, and how."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorSystem


class Yields(Actor[int]):
    async def receive(self, message: int, /) -> AsyncIterator[int]:
        yield message


class StartsWithYield(Actor[int]):
    def on_start(self) -> Iterator[None]:  # type: ignore[override]
        yield


class RepliesAndDefers(Actor[int]):
    async def receive(self, message: int, /) -> Any:
        self.context.reply(message)
        with pytest.raises(ActorError, match="replied"):
            self.context.defer()


@pytest.mark.parametrize("cls", [Yields, StartsWithYield])
async def test_a_hook_with_a_yield_is_refused_at_the_spawn(cls: type[Actor[int]]) -> None:
    async with ActorSystem() as system:
        with pytest.raises(TypeError, match="yield"):
            await system.spawn(cls, name="free")
        assert len(system.snapshot()) == 0


async def test_a_reply_that_was_given_cannot_be_deferred() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(RepliesAndDefers)
        assert await ref.ask(1) == 1


async def test_a_shutdown_hook_that_is_no_function_is_refused_at_the_call() -> None:
    async def hook() -> None:
        await asyncio.sleep(0)

    async with ActorSystem() as system:
        with pytest.raises(TypeError, match="before_shutdown"):
            system.before_shutdown(None)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="coroutine object"):
            system.after_shutdown(hook())  # type: ignore[arg-type]
