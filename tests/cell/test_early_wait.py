"""A start that waits before its task has had a step."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem
from tests.cell.test_life import Echo, Starting


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_a_start_that_asks_is_answered_before_or_after_its_tasks_first_step(turns: int) -> None:
    async with ActorSystem() as system:
        other = await system.spawn(Echo)
        await other.ask("awake")

        async def start(actor: Actor[Any]) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            assert await other.ask(actor) is actor

        ref = await system.spawn(Starting, start)
        assert await ref.ask(1) == 1
