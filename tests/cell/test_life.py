"""The cell is the coroutine of its task: what asyncio, and who looks into tasks, sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn

import pytest

from actorio import Actor, ActorSystem, current_actor
from actorio._cell.cell import Cell
from actorio.errors import DeadlockError

current: ContextVar[str] = ContextVar("current", default="outside")


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


async def test_a_cancel_before_the_first_step_is_a_kill() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        ref.send_nowait("never handled")
        task_of(ref).cancel()
        assert (await ref.join()).reason.value == "killed"


async def test_an_end_in_order_begins_no_life(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(cell: Cell, *at: object) -> NoReturn:
        raise AssertionError(f"{cell.path} has begun a life at {at}")

    monkeypatch.setattr(Cell, "_live", refuse)
    async with ActorSystem() as system:
        for end in ("stop", "close"):
            ref = await system.spawn(Echo)
            await ref.ask(1)
            getattr(ref, end)()
            assert (await ref.join()).reason.value in {"normal", "shutdown"}


class Starting(Actor[Any]):
    def __init__(self, start: Callable[[Actor[Any]], Any]) -> None:
        self.start = start

    async def on_start(self) -> None:
        outcome = self.start(self)
        if outcome is not None:
            await outcome

    def receive(self, message: Any) -> Any:
        return message


async def test_a_start_that_does_not_wait_runs_within_the_spawn() -> None:
    seen: list[Any] = []

    def start(actor: Actor[Any]) -> None:
        seen.extend((asyncio.current_task(), current_actor()))
        current.set("changed")

    async with ActorSystem() as system:
        spawning: Any = system.spawn(Starting, start)
        with pytest.raises(StopIteration) as stopped:
            spawning.send(None)
        ref = stopped.value.value
        assert seen == [task_of(ref), ref]
        assert asyncio.current_task() is not task_of(ref)
        assert current_actor() is None
        assert current.get() == "outside"
        assert ref.state == "running"
        assert await ref.ask(1) == 1


async def test_mail_of_a_start_to_itself_is_handled() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Starting, lambda actor: actor.context.ref.send("early"))
        assert await ref.ask("late") == "late"
        assert ref.statistics().handled == 2


async def test_starts_within_starts_do_not_nest_without_an_end() -> None:
    depth = 300

    async def start(actor: Any) -> None:
        if (left := len(actor.context.path.split("/"))) < depth:
            await actor.context.spawn(Starting, start, name=str(left))

    async with ActorSystem() as system:
        await system.spawn(Starting, start, name="0")
        assert len(system.snapshot()) == depth - 1


async def test_a_start_that_asks_who_spawns_it_is_a_deadlock() -> None:
    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            me: Any = self.context.ref
            await self.context.spawn(Starting, lambda actor: me.ask("?"))

    async with ActorSystem() as system:
        with pytest.raises(DeadlockError):
            await (await system.spawn(Parent)).ask("spawn")
