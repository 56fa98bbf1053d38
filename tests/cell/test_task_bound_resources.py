"""What must be entered and left in one task lives around the loop of an actor."""

import asyncio
from typing import Any

import anyio
import pytest

from actorio import Actor, ActorSystem, ExitReason, Restart
from tests.guarantees.actors import outcome, soon
from tests.stage import until


class Bound:
    """A resource that is bound to its task."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def __aenter__(self) -> None:
        self.scope = anyio.CancelScope()
        self.scope.__enter__()
        self.log.append("open")

    async def __aexit__(self, *error: Any) -> None:
        self.scope.__exit__(None, None, None)
        self.log.append("closed")


class Holding(Actor[Any]):
    """Holds one around its loop."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def run(self) -> None:
        async with Bound(self.log):
            await super().run()

    async def receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if message == "wait":
            await asyncio.Event().wait()
        return message


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("close", ExitReason.NORMAL),
        ("stop", ExitReason.SHUTDOWN),
        ("kill", ExitReason.KILLED),
        ("kill in a turn", ExitReason.KILLED),
        ("block", ExitReason.NORMAL),
    ],
)
async def test_a_task_bound_resource_is_left_however_the_actor_ends(way: str, reason: ExitReason) -> None:
    log: list[str] = []
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Holding, log)
            assert await ref.ask(1) == 1
            if way == "kill in a turn":
                await ref.send("wait")
                await until(lambda: ref.statistics().depth == 0)
            if way != "block":
                getattr(ref, way.split(maxsplit=1)[0])()
        told = await ref.join()
    assert (told.reason, told.error, log) == (reason, None, ["open", "closed"])


async def test_each_incarnation_has_one_of_its_own() -> None:
    log: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Holding, log)
        await ref.send(ValueError("crash"))
        await until(lambda: ref.statistics().restarts == 1)
        assert await ref.ask(1) == 1
    assert log == ["open", "closed"] * 2


@pytest.mark.parametrize("kind", ["asyncio", "anyio", "nested"])
@pytest.mark.parametrize("way", ["close", "stop", "block"])
async def test_a_task_group_around_the_loop_ends_in_order(kind: str, way: str) -> None:
    class Grouped(Actor[Any]):
        async def run(self) -> None:
            if kind == "asyncio":
                async with asyncio.TaskGroup() as group:
                    ticker = group.create_task(asyncio.Event().wait())
                    try:
                        await super().run()
                    finally:
                        ticker.cancel()
                return
            async with anyio.create_task_group() as outer:
                if kind == "nested":
                    async with anyio.create_task_group() as inner:
                        inner.start_soon(asyncio.sleep, 0)
                        await super().run()
                outer.start_soon(anyio.sleep_forever)
                await super().run()

        async def receive(self, message: Any) -> Any:
            return message

    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Grouped)
            assert await ref.ask(1) == 1
            if way != "block":
                getattr(ref, way)()
        told = await ref.join()
    assert told.error is None
    assert told.reason is (ExitReason.SHUTDOWN if way == "stop" else ExitReason.NORMAL)


async def test_a_failure_beside_the_exit_in_a_group_is_a_failure() -> None:
    class Failing(Actor[Any]):
        async def run(self) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.fail())
                await super().run()

        async def fail(self) -> None:
            await asyncio.sleep(0.01)
            raise ValueError("beside")

    async with soon(), ActorSystem(shutdown_timeout=0.1) as system:
        ref = await system.spawn(Failing, restart=Restart.TEMPORARY)
        told = await ref.join()
        assert told.reason is ExitReason.CRASHED
        assert isinstance(await outcome(ref.ask(1)), Exception)
