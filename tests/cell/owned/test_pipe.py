"""What is piped arrives as a message: its value, its failure, its cancel; in a task of the incarnation."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from actorio import Actor, ActorSystem, AskCancelledError, PipeFailed
from tests.guarantees.actors import soon
from tests.stage import ticks


class Piping(Actor[Any]):
    """Pipes what it is handed, and puts down what arrives."""

    def __init__(self, came: list[Any]) -> None:
        self.came = came
        self.task: asyncio.Task[Any] | None = None

    def pipe(self, make: Any, *, value: Any = None, error: Any = None) -> None:
        self.task = self.context.pipe(make(), value=value, error=error)

    async def receive(self, message: Any) -> None:
        self.came.append(message)


async def number() -> int:
    return 3


async def fail() -> None:
    raise ValueError("no")


async def be_cancelled() -> None:
    raise asyncio.CancelledError


async def arrived(came: list[Any]) -> Any:
    while not came:
        await ticks(1)
    return came[0]


async def test_a_value_arrives_as_it_is_or_as_the_pipe_says() -> None:
    came: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Piping, came)
        await ref.call(Piping.pipe, number)
        assert await arrived(came) == 3
        came.clear()
        await ref.call(Piping.pipe, number, value=lambda value: ("came", value))
        assert await arrived(came) == ("came", 3)


async def test_a_failure_arrives_and_fails_nobody() -> None:
    came: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Piping, came)
        await ref.call(Piping.pipe, fail)
        failed = await arrived(came)
        assert isinstance(failed, PipeFailed)
        assert isinstance(failed.error, ValueError)
        came.clear()
        await ref.call(Piping.pipe, fail, error=str)
        assert await arrived(came) == "no"
        assert ref.statistics().failed == 0


async def test_what_is_cancelled_from_the_inside_arrives_as_a_failure() -> None:
    came: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Piping, came)
        await ref.call(Piping.pipe, be_cancelled)
        failed = await arrived(came)
        assert isinstance(failed.error, AskCancelledError)


async def test_what_is_still_piped_at_the_end_is_cancelled() -> None:
    came: list[Any] = []
    ended: list[str] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Piping, came)
        await ref.call(Piping.pipe, for_ever)
        await ticks(3)
        ref.stop()
        await ref.join()
    assert (ended, came) == (["cancelled"], [])


async def test_a_coroutine_whose_pipe_never_began_is_closed_without_a_warning() -> None:
    async with soon(), ActorSystem() as system:
        ref, piped = await system.spawn(Piping, []), number()
        await ref.call(Piping.pipe, lambda: piped)
        ref.kill()
        await ref.join()
    assert inspect.getcoroutinestate(piped) == inspect.CORO_CLOSED


@pytest.mark.parametrize("wrong", [3, None, number])
async def test_what_cannot_be_awaited_is_refused_at_the_call(wrong: Any) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Piping, [])
        with pytest.raises(TypeError, match="pipe takes an awaitable"):
            await ref.call(Piping.pipe, lambda: wrong)


@pytest.mark.parametrize("name", ["value", "error"])
async def test_what_is_no_plain_function_is_refused(name: str) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Piping, [])
        future = asyncio.get_running_loop().create_future()
        with pytest.raises(TypeError, match=f"{name} must be a plain function"):
            await ref.call(Piping.pipe, lambda: future, **{name: 3})
