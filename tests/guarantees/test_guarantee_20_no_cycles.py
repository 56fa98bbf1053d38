"""Guarantee 20: what has ended is gone at once, and leaves nothing to the garbage collector.

A cycle of an exception, its traceback and a frame would keep all that the frame holds until the collector comes.
"""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, PoolRef, Restart, Worker, all_results, interleave
from tests.guarantees.actors import soon
from tests.stage import ticks

pytestmark = pytest.mark.real_loop("tasks of asyncio's own: the simulation's are in cycles with its record")


class Server(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        if message == "slow":
            await asyncio.sleep(0)
        if message == "fail":
            raise LookupError(message)
        return message

    async def rows(self) -> AsyncIterator[int]:
        for number in range(100):
            yield number

    @interleave
    async def beside(self) -> None:
        await asyncio.sleep(0)
        raise LookupError("beside")


class Loop(Actor[Any]):
    async def run(self) -> None:
        while True:
            if await self.recv() == "fail":
                raise LookupError("loop")


class Unready(Actor[Any]):
    async def on_start(self) -> None:
        raise LookupError("start")


class UnreadyLater(Actor[Any]):
    async def on_start(self) -> None:
        await asyncio.sleep(0)
        raise LookupError("start")


@dataclass
class Stage:
    """What the ways are tried on."""

    system: ActorSystem
    server: ActorRef[Server]
    pool: PoolRef[Worker]

    async def live(self, kind: type[Actor[Any]], message: Any, end: Callable[[ActorRef[Any]], Any]) -> None:
        """Have an actor get a message, and end it."""
        ref = await self.system.spawn(kind, restart=Restart.TEMPORARY)
        await ref.send(message)
        await ticks(3)
        end(ref)
        await ref.join()

    async def late(self) -> None:
        """Send to one that has ended."""
        ref = await self.system.spawn(Server)
        ref.stop()
        await ref.join()
        with contextlib.suppress(Exception):
            await ref.ask(1)
        await ref.send(1)

    async def cancelled_spawn(self) -> None:
        task = asyncio.ensure_future(self.system.spawn(UnreadyLater))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        finally:
            del task

    async def stream(self) -> None:
        async for _ in self.server.stream(Server.rows):
            break
        await ticks(3)

    async def submission_to_a_loop(self) -> None:
        ref = await self.system.spawn(Loop)
        with contextlib.suppress(LookupError):
            await ref.submit(_fail)
        ref.close()
        await ref.join()

    async def map(self) -> None:
        async for _ in self.pool.map(int, ["1", "a"]):
            pass


def _fail() -> None:
    raise LookupError("work")


WAYS: dict[str, Callable[[Stage], Awaitable[Any]]] = {
    "ask": lambda stage: stage.server.ask("slow"),
    "failing ask": lambda stage: stage.server.ask("fail"),
    "failing interleaved call": lambda stage: stage.server.call(Server.beside),
    "failing submission": lambda stage: stage.server.submit(_fail),
    "failing submissions": lambda stage: all_results([stage.server.submit(_fail)]),
    "failing submission to a loop": Stage.submission_to_a_loop,
    "late": Stage.late,
    "failing start": lambda stage: stage.system.spawn(Unready),
    "start that fails later": lambda stage: stage.system.spawn(UnreadyLater),
    "get_or_spawn that fails": lambda stage: stage.system.get_or_spawn("name", Unready),
    "cancelled spawn": Stage.cancelled_spawn,
    "stream": Stage.stream,
    "failing map": Stage.map,
    "close": lambda stage: stage.live(Server, "slow", ActorRef.close),
    "stop": lambda stage: stage.live(Server, "slow", ActorRef.stop),
    "kill": lambda stage: stage.live(Server, "slow", ActorRef.kill),
    "crash": lambda stage: stage.live(Server, "fail", ActorRef.close),
    "close of a loop": lambda stage: stage.live(Loop, 1, ActorRef.close),
    "stop of a loop": lambda stage: stage.live(Loop, 1, ActorRef.stop),
    "crash of a loop": lambda stage: stage.live(Loop, "fail", ActorRef.close),
}


@pytest.fixture
def no_collector(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL + 1, "actorio")  # or the records would keep the exceptions
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("way", WAYS)
async def test_guarantee_20_what_has_ended_leaves_nothing_to_the_collector(
    way: str, no_collector: None
) -> None:
    async with soon(), ActorSystem() as system:
        stage = Stage(system, await system.spawn(Server), await system.spawn_pool(Worker, size=1))
        for round_ in range(2):
            if round_:
                gc.collect()  # what was made but once
                gc.set_debug(gc.DEBUG_SAVEALL)
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await WAYS[way](stage)
            await ticks(3)
        gc.collect()
        assert [thing for thing in gc.garbage if _is_ours(thing)] == []


def _is_ours(thing: object) -> bool:
    return isinstance(thing, (BaseException, asyncio.Future)) or type(thing).__module__.startswith("actorio")
