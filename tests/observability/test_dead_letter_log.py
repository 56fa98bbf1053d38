"""The log of dead letters: limited, without contents, silent at the end."""

import asyncio
import logging
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorSystem
from actorio.observability import DeadLetterLog
from actorio.testing import run_in_virtual_time


class Idle(Actor[Any]):
    def receive(self, message: Any) -> None:
        pass


def texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]


async def ended(system: ActorSystem, name: str) -> Any:
    ref = await system.spawn(Idle, name=name)
    ref.stop()
    await ref.join()
    return ref


def test_a_burst_is_logged_then_so_many_a_second_and_the_rest_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "actorio")

    async def main() -> None:
        async with ActorSystem() as system, DeadLetterLog(system, burst=2, per_second=1.0):
            old = await ended(system, "old")
            for number in range(5):
                old.send(f"canary {number}")
            assert texts(caplog) == ["dead letter to /old (unsent): str"] * 2
            await asyncio.sleep(1.5)
            old.send(1)
            old.send(2)
            assert texts(caplog)[2:] == ["dead letter to /old (unsent): int"]
            await asyncio.sleep(60)
            assert texts(caplog)[3:] == ["4 more dead letters to /old (unsent)"]
            await asyncio.sleep(600)
            assert len(texts(caplog)) == 4

    run_in_virtual_time(main)
    assert "canary" not in caplog.text
    assert {record.actor for record in caplog.records} == {"/old"}  # type: ignore[attr-defined]


async def test_it_is_silent_while_the_system_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "actorio")
    async with ActorSystem() as system, DeadLetterLog(system):
        ref = await system.spawn(Idle, name="idle")
        await ref.send(1)
        ref.stop()
        await ref.join()
        assert texts(caplog) == ["dead letter to /idle (stopped): int"]
        another = await system.spawn(Idle, name="another")
        another.send(1)
        another.stop()
        await system.shutdown()
    assert len(texts(caplog)) == 1


async def test_what_was_left_out_is_told_at_the_end_of_its_block(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "actorio")
    async with ActorSystem() as system:
        async with DeadLetterLog(system, burst=1):
            old = await ended(system, "old")
            for _ in range(3):
                old.send(None)
        old.send(None)
    assert texts(caplog) == ["dead letter to /old (unsent): NoneType", "2 more dead letters to /old (unsent)"]


async def test_o2_a_flood_to_many_actors_takes_no_more_memory_than_a_hundred_names() -> None:
    async with ActorSystem() as system, DeadLetterLog(system, burst=1) as log:
        for number in range(300):
            (await ended(system, f"old-{number}")).send(None)
        assert (len(log._left_out), log._elsewhere) == (100, 199)


async def test_what_makes_no_sense_is_refused() -> None:
    system = ActorSystem()
    with pytest.raises(TypeError):
        DeadLetterLog("system")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="burst"):
        DeadLetterLog(system, burst=0)
    with pytest.raises(ValueError, match="per_second"):
        DeadLetterLog(system, per_second=0)
    with pytest.raises(ActorError, match="not running"):
        async with DeadLetterLog(system):
            pass
