"""O7: a blocked loop is seen while it is blocked, with actor and line; nobody else is to blame."""

import asyncio
import ctypes
import logging
import threading
import time
from typing import Any

import pytest

from actorio import Actor, ActorSystem
from actorio.observability import Blocked, Observatory
from tests.observability.actors import BLOCK, Gate, observed, until

HALF = BLOCK / 2


def watch(observatory: Observatory, found: list[Blocked]) -> threading.Thread:
    """Look from another thread, as the doors do."""

    def look() -> None:
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            if (blocked := observatory.blocked) is not None:
                found.append(blocked)
                return
            threading.Event().wait(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    return thread


async def test_o7_it_is_seen_while_it_lasts_with_actor_and_line(caplog: pytest.LogCaptureFixture) -> None:
    async with observed(blocked_after=0.3) as (system, observatory):
        await asyncio.sleep(0.05)
        gate = await system.spawn(Gate, name="gate")
        found: list[Blocked] = []
        thread = watch(observatory, found)
        with caplog.at_level(logging.WARNING, "actorio"):
            await gate.ask("block")
        thread.join()
        blocked = found[0]
        assert blocked.path == "/gate"
        assert blocked.frames[-1].code.startswith("time.sleep(BLOCK)")
        assert [frame.function for frame in blocked.frames] == ["Gate.receive"]
        assert 0.3 <= blocked.seconds < BLOCK
        blocks = await until(observatory.blocks)
        assert len(blocks) == 1
        assert blocks[0].path == "/gate"
        assert 0.9 < blocks[0].seconds < 2
        assert observatory.blocked is None
        warnings = [record.getMessage() for record in caplog.records if "blocked" in record.getMessage()]
        assert len(warnings) == 1
        assert "/gate" in warnings[0]
        assert "actors.py:" in warnings[0]
        assert (await observatory.overview()).blocks == 1


async def test_o7_a_task_of_an_actor_is_named_and_code_of_nobody_is_not() -> None:
    class Owner(Actor[Any]):
        async def on_start(self) -> None:
            self.context.start_soon(self.hog)

        async def hog(self) -> None:
            await asyncio.sleep(0)
            time.sleep(HALF)  # noqa: ASYNC251

    async with observed(blocked_after=0.2) as (system, observatory):
        await system.spawn(Owner, name="owner")
        assert (await until(observatory.blocks))[0].path == "/owner"
        await until(lambda: observatory.blocked is None)
        time.sleep(HALF)  # noqa: ASYNC251
        block = (await until(lambda: observatory.blocks()[1:] and observatory.blocks()))[0]
        assert block.path == ""
        assert block.frames[-1].function.startswith("test_o7_a_task")


async def test_o7_ages_stand_still_meanwhile() -> None:
    async with observed(blocked_after=0.2, stuck_after=0.6) as (system, observatory):
        waiting = await system.spawn(Gate, name="waiting")
        await waiting.send("wait")
        await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        await observatory.overview()
        hog = await system.spawn(Gate, name="hog")
        await hog.ask("block")
        await until(observatory.blocks)
        assert [line.kind for line in (await observatory.overview()).attention] == []
        row = next(row for row in await observatory.top("turn") if row.path == "/waiting")
        assert row.turn_seconds is not None
        assert row.turn_seconds < 0.6
        waiting._cell.instance.open.set()


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_o7_code_that_holds_the_interpreter_is_seen_when_it_ends() -> None:
    async with ActorSystem() as system, Observatory(system, socket=False, blocked_after=0.2) as observatory:
        await asyncio.sleep(0.05)
        ctypes.PyDLL(None).usleep(800_000)
        block = (await until(observatory.blocks))[0]
        assert 0.3 < block.seconds < 2
