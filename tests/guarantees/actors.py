"""Small actors, and ways to wait, that the tests of several guarantees use."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from actorio import Actor
from tests.stage import ticks

SOON = 30.0  # seconds; only a hang gets there, also where a process takes five to start


def soon() -> asyncio.Timeout:
    """Turn a hang into a failure: `async with soon(), ActorSystem() as system`."""
    return asyncio.timeout(SOON)


def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run a coroutine beside the test."""
    return asyncio.get_running_loop().create_task(work)


async def in_turn(*works: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Run coroutines beside the test, each begun before the next, whatever order the loop keeps."""
    tasks = []
    for work in works:
        tasks.append(started(work))
        await ticks(1)
    return tasks


async def outcome(work: Awaitable[Any]) -> Any:
    """Await, and return the value or the exception; a cancellation goes on its way."""
    try:
        return await work
    except Exception as error:
        return error


async def cancelled(task: asyncio.Task[Any]) -> bool:
    """Cancel a task, and say whether it ended by that."""
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


class Recorder(Actor[Any]):
    """Puts down what it is sent, and replies with it."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    async def receive(self, message: Any) -> Any:
        self.seen.append(message)
        return message


class Valve:
    """The test's hold on a `Held` actor: what it has begun and finished, and when it may go on."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.finished: list[Any] = []
        self.entered = asyncio.Event()
        self.open = asyncio.Event()


class Held(Actor[Any]):
    """Begins each message, and finishes it when its valve is open."""

    def __init__(self, valve: Valve) -> None:
        self.valve = valve

    async def receive(self, message: Any) -> Any:
        self.valve.begun.append(message)
        self.valve.entered.set()
        await self.valve.open.wait()
        self.valve.finished.append(message)
        return message


class Failing(Actor[Any]):
    """Raises what it is sent, if that is an exception; puts down everything else."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    async def receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        self.seen.append(message)
        return message


class Silent(Actor[Any]):
    """Takes everything and says nothing."""

    async def receive(self, message: Any) -> None:
        return None
