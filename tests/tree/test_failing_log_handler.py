"""A handler of the log that raises changes nothing else, at any of the records of actorio."""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from actorio import Actor, ActorSystem, ExitReason, RestartLimitError, Supervision
from tests.guarantees.actors import Silent, outcome, soon
from tests.stage import ticks, until


class Raising(logging.Handler):
    """Raises at every record, as one that writes to a closed connection may."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def handle(self, record: logging.LogRecord) -> bool:
        self.records.append(record)
        raise OSError("the log is not to be had")


@pytest.fixture
def handler() -> Iterator[Raising]:
    logger, raising = logging.getLogger("actorio"), Raising()
    level = logger.level
    logger.addHandler(raising)
    logger.setLevel(logging.DEBUG)
    yield raising
    logger.removeHandler(raising)
    logger.setLevel(level)


class Clumsy(Actor[Any]):
    """Fails where it is told to."""

    async def receive(self, message: Any) -> Any:
        if message == "task":
            self.context.start_soon(self.fail)
        elif message == "stuck":
            await asyncio.Event().wait()
        elif isinstance(message, asyncio.Event):
            while not message.is_set():
                try:
                    await message.wait()
                except asyncio.CancelledError:
                    continue
        elif message == "fail":
            raise ValueError(message)
        return message

    async def fail(self) -> None:
        raise ValueError("task")

    async def on_stop(self, reason: ExitReason) -> None:
        raise LookupError("hook")


@pytest.mark.parametrize("message", ["fail", "task"])
async def test_a_failure_restarts_its_actor_all_the_same(handler: Raising, message: str) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clumsy)
        await ref.send(message)
        await until(lambda: ref.statistics().restarts == 1)
        assert await ref.ask("x") == "x"
    assert handler.records


async def test_a_failing_last_hook_ends_its_actor_all_the_same(handler: Raising) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clumsy)
        ref.stop()
        assert isinstance((await ref.join()).error, LookupError)
        assert await outcome((await system.spawn(Silent)).ask(1)) is None  # no false deadlock


async def test_an_escalation_ends_the_system_all_the_same(handler: Raising) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Clumsy)
            for _ in range(5):
                await outcome(ref.send("fail"))
                await ticks(3)
            await asyncio.Event().wait()
    assert caught.group_contains(RestartLimitError)


async def test_what_is_abandoned_is_abandoned_all_the_same(handler: Raising) -> None:
    let_go = asyncio.Event()
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Clumsy, name="stubborn")
            await ref.send(let_go)
            await ticks(3)
            ref.kill()
            assert (await ref.join()).reason is ExitReason.KILLED
        assert system.report.abandoned == ("/stubborn",)
        let_go.set()
        await ticks(5)


async def test_the_limits_of_the_end_hold_all_the_same(handler: Raising) -> None:
    async with soon():
        async with ActorSystem(close_timeout=0.02, shutdown_timeout=0.02) as system:
            system.before_shutdown(lambda: 1 / 0)
            ref = await system.spawn(Clumsy)
            await ref.send("stuck")
            await ticks(3)
        assert (await ref.join()).reason is ExitReason.KILLED
        assert len(system.report.failed) == 1


async def test_a_stuck_job_of_a_pool_is_replaced_all_the_same(handler: Raising) -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(
            Clumsy, size=1, job_timeout=0.02, supervision=Supervision(max_restarts=10)
        )
        await pool.send("stuck")
        assert await pool.ask("x") == "x"
    assert any("is at one job" in record.getMessage() for record in handler.records)
