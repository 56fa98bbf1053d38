"""The last hooks of an incarnation have their time, and are given up after it."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorSystem,
    ExitReason,
)
from actorio._cell.state import KILL_GRACE
from tests.cell.stubborn import FOR_EVER, GRACE, Stubborn, abandoned, gates, let_go
from tests.stage import NEVER, Diary, in_virtual_time, now, ticks, until


@in_virtual_time
async def test_a_hook_that_swallows_its_cancel_is_abandoned_and_named() -> None:
    system = ActorSystem()
    async with system:
        actor = await system.spawn(Stubborn, [], 0, FOR_EVER, name="s", shutdown=1.0)
        actor.close()
        ended = await actor.join()
        assert now() == 1.0 + 2 * GRACE
        assert isinstance(ended.error, TimeoutError)
    assert abandoned(system) == ("/s on_stop",)
    await let_go()


@pytest.mark.parametrize("swallows", [1, 2])
@in_virtual_time
async def test_a_hook_that_swallows_its_cancel_but_ends_is_not_abandoned(swallows: int) -> None:
    class Slow(Actor[Any]):
        async def on_stop(self, reason: ExitReason) -> None:
            try:
                await asyncio.sleep(NEVER)
            except asyncio.CancelledError:
                await asyncio.sleep(GRACE)

    system = ActorSystem()
    async with system:
        actor = await system.spawn(Slow, shutdown=1.0)
        actor.stop()
        ended = await actor.join()
        assert now() == 1.0 + GRACE
    assert ended.error is None
    assert abandoned(system) == ()


@in_virtual_time
async def test_a_kill_that_a_hook_swallows_gives_up_the_hook() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Stubborn, [], 0, FOR_EVER, name="s", shutdown=NEVER)
        actor.stop()
        await gates.gate.reached()
        actor.kill()
        ended = await actor.join()
        assert (now(), ended.reason, ended.error) == (2 * GRACE, ExitReason.KILLED, None)
        await ticks()
        assert abandoned(system) == ("/s on_stop",)
        assert (await actor.join()) == ended
    await let_go()


@in_virtual_time
async def test_a_task_of_on_stop_that_a_kill_cancels_has_the_grace_to_tidy_up() -> None:
    diary: Diary = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(KILL_GRACE / 2)
            diary.append("tidy")

    class Stubborn(Actor[Any]):
        async def on_stop(self, reason: ExitReason) -> None:
            self.context.start_soon(tidy)
            diary.append("on_stop")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.Event().wait()

    async with ActorSystem() as system:
        actor = await system.spawn(Stubborn, shutdown=5)
        actor.stop()
        await until(lambda: diary)
        actor.kill()
        await actor.join()
        assert diary == ["on_stop", "tidy"]
    assert system.report.abandoned == ()
