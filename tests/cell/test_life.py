"""The cell is the coroutine of its task: what asyncio, and who looks into tasks, sees of it."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, NoReturn

import pytest

from actorio import Actor, ActorSystem
from actorio._cell.cell import Cell


class Gate:
    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()


class Echo(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        if isinstance(message, Gate):
            message.reached.set()
            await message.opened.wait()
        return message


def task_of(ref: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] | None = ref._cell.task
    assert task is not None
    return task


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


async def test_the_stack_of_a_handler_that_awaits_begins_at_the_turns() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        gate = Gate()
        asked = asyncio.create_task(ref.ask(gate))
        await gate.reached.wait()
        assert [frame.f_code.co_name for frame in task_of(ref).get_stack()] == ["mailbox_loop"]
        gate.opened.set()
        assert await asked is gate


async def test_a_cancel_before_the_first_step_is_a_kill() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        ref.send_nowait("never handled")
        task_of(ref).cancel()
        assert (await ref.join()).reason.value == "killed"


async def test_a_cancel_of_a_parked_task_is_a_kill() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        await ref.ask(1)
        task_of(ref).cancel()
        assert (await ref.join()).reason.value == "killed"
        assert ref._cell.work is None


async def test_an_end_in_order_begins_no_life(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(cell: Cell, *at: object) -> NoReturn:
        raise AssertionError(f"{cell.path} has begun a life at {at}")

    monkeypatch.setattr(Cell, "_live", refuse)
    async with ActorSystem() as system:
        for end in ("stop", "close"):
            ref = await system.spawn(Echo)
            await ref.ask(1)
            getattr(ref, end)()
            await ref.join()
