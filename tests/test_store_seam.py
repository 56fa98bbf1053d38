"""What the runtime does for durable actors: a store around the block, `fail`, and whose name was given."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorSystem, ExitReason
from tests.guarantees.actors import soon


class Diary:
    """A store that notes what is done to it."""

    def __init__(self, lines: list[str], *, refuses: Exception | None = None, is_open: bool = False) -> None:
        self.lines, self.refuses, self.is_open = lines, refuses, is_open
        self.abandoned = ""
        self.gate: asyncio.Event | None = None

    async def open(self) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.is_open = True
        self.lines.append("open")

    async def close(self) -> None:
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.abandoned = "the diary: 2 writes"
            raise
        self.lines.append("close")


class Noting(Actor[Any]):
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    async def on_start(self) -> None:
        self.lines.append(f"start {self.context.name_given}")

    async def receive(self, message: Any) -> Any:
        if isinstance(message, Exception):
            self.context.fail(message)
        return self.context.in_turn, await self.context.start_soon(self.aside)

    async def aside(self) -> bool:
        await asyncio.sleep(0)
        return self.context.in_turn

    async def on_stop(self, reason: ExitReason) -> None:
        self.lines.append(f"stop {reason.value}")


async def test_the_store_is_open_before_any_actor_and_until_after_the_last_one() -> None:
    lines: list[str] = []
    store: Any = Diary(lines)
    async with soon(), ActorSystem(store=store) as system:
        assert system.store is store
        system.after_shutdown(lines.append, "after")
        await system.spawn(Noting, lines, name="it")
    assert lines == ["open", "start True", "stop normal", "close", "after"]


async def test_a_store_that_is_open_already_is_left_open() -> None:
    lines: list[str] = []
    store: Any = Diary(lines, is_open=True)
    async with soon(), ActorSystem(store=store):
        pass
    assert lines == []


async def test_what_opening_the_store_raises_comes_out_of_the_block_unchanged() -> None:
    error = OSError("no such disk")
    store: Any = Diary([], refuses=error)
    with pytest.raises(OSError, match="no such disk") as caught:
        async with ActorSystem(store=store):
            pytest.fail("the block was entered")
    assert caught.value is error


@pytest.mark.real_loop("real time")
async def test_a_store_that_does_not_close_after_a_kill_is_in_the_report() -> None:
    store: Any = Diary([])
    store.gate = asyncio.Event()
    system = ActorSystem(store=store, shutdown_timeout=0)
    with pytest.raises(ZeroDivisionError):
        async with soon(), system:
            raise ZeroDivisionError
    assert system.report.abandoned == ("the diary: 2 writes",)


async def test_a_system_without_a_store_says_so() -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(ActorError, match="has no store"):
            _ = system.store
    wrong: Any
    unfinished = SimpleNamespace(is_open=False, open=None, close=None)
    for wrong in (3, "bank.db", Diary, unfinished):
        with pytest.raises(TypeError, match="store must be a Store"):
            ActorSystem(store=wrong)
