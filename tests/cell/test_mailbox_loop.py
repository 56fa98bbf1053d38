"""The loop takes messages while its task is parked, and steps that only where a handler awaits."""

from __future__ import annotations

import asyncio

from actorio import ActorSystem
from tests.cell.test_life import Echo, Gate, task_of


async def test_a_cancel_of_a_parked_task_is_a_kill() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        await ref.ask(1)
        task_of(ref).cancel()
        assert (await ref.join()).reason.value == "killed"
        assert ref._cell.work is None


async def test_the_stack_of_a_handler_that_awaits_begins_at_the_turns() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        gate = Gate()
        asked = asyncio.create_task(ref.ask(gate))
        await gate.reached.wait()
        assert [frame.f_code.co_name for frame in task_of(ref).get_stack()] == ["mailbox_loop"]
        gate.opened.set()
        assert await asked is gate
