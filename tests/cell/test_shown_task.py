"""The view of a task whose coroutine is a cell."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from actorio import ActorSystem
from tests.cell.test_life import Echo, task_of


async def test_a_turn_that_never_awaits_costs_no_coroutine_and_no_generator() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        assert [await ref.ask(number) for number in range(3)] == [0, 1, 2]
        assert ref._cell.work is None
        coroutine: Any = task_of(ref).get_coro()
        assert asyncio.iscoroutine(coroutine)
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
        assert "Echo" in repr(task_of(ref))
        assert task_of(ref).get_stack() == []
