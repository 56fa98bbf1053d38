"""The loop takes messages while its task is parked, and steps that only where a handler awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any

import pytest

from actorio import Actor, ActorSystem, Mailbox
from actorio._cell.handler import BUDGET, CLOCK_EVERY
from actorio._cell.mailbox_loop import is_drained, rest
from tests.cell.test_life import Echo, Gate, task_of
from tests.guarantees.actors import Held, Valve, soon
from tests.stage import ticks


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


WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


async def test_messages_that_await_nothing_are_taken_in_the_name_of_the_parked_task() -> None:
    class Looking(Actor[Any]):
        def receive(self, message: Any) -> Any:
            return [asyncio.current_task()]

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Looking)
        assert [await ref.ask(number) for number in range(3)] == [[ref._cell.task]] * 3


async def test_a_handler_that_cancels_itself_and_swallows_that_goes_on_with_the_next_message() -> None:
    class Stubborn(Held):
        async def receive(self, message: Any) -> Any:
            try:
                return await super().receive(message)
            except asyncio.CancelledError:
                self.valve.finished.append("swallowed")

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stubborn, valve := Valve())
        await ref.send(1)
        await valve.entered.wait()
        task: Any = ref._cell.task
        task.cancel()
        await ticks()
        valve.open.set()
        assert await ref.ask(2) == 2
    assert valve.finished == ["swallowed", 2]
    assert ref.statistics().restarts == 0


async def test_what_one_handler_sets_in_its_context_no_other_sees() -> None:
    class Setting(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            before = WHO.get()
            WHO.set(message)
            await asyncio.sleep(0)
            return before, WHO.get()

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Setting)
        assert [await ref.ask(name) for name in "ab"] == [("nobody", "a"), ("nobody", "b")]
        WHO.set("sender")
        assert await ref.ask("c") == ("sender", "c")


async def test_the_peak_counts_what_comes_while_a_handler_waits() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve := Valve())
        await ref.send(0)
        await valve.entered.wait()
        for number in range(5):
            await ref.send(number)
        valve.open.set()
        await ticks()
        assert ref.statistics().peak == 5


async def test_an_actor_takes_no_more_than_its_share_while_another_has_mail() -> None:
    share, count = len(BUDGET) * len(CLOCK_EVERY), 1_000

    class Counting(Actor[Any]):
        def receive(self, message: Any) -> None:
            taken.append(self.context.name)

    taken: list[str] = []
    async with soon(), ActorSystem() as system:
        refs = [await system.spawn(Counting, name=name, mailbox=Mailbox(None)) for name in "ab"]
        for ref in refs:
            for number in range(count):
                ref.send_nowait(number)
    assert sorted(taken) == ["a"] * count + ["b"] * count
    while taken.count("a") and taken.count("b"):
        run = next(place for place, name in enumerate(taken) if name != taken[0])
        assert run <= share
        del taken[:run]


async def test_an_actor_is_drained_when_it_is_closed_and_has_nothing_left() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve := Valve())
        cell: Any = ref._cell
        assert not is_drained(cell)
        await ref.send(1)
        await valve.entered.wait()
        await ref.send(2)
        ref.close()
        assert not is_drained(cell)
        valve.open.set()
        await ref.join()
        assert is_drained(cell)


def test_the_rest_of_a_generator_is_given_values_and_exceptions() -> None:
    def work() -> Generator[str, Any, None]:
        given.append((yield "first"))
        try:
            yield "second"
        except LookupError as error:
            given.append(error)

    given: list[Any] = []
    steps = work()
    driven = rest(steps, next(steps))
    assert next(driven) == "first"
    assert driven.send(5) == "second"
    error = LookupError()
    with pytest.raises(StopIteration):
        driven.throw(error)
    assert given == [5, error]
