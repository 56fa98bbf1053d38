"""The world of a replayed actor: whoever it knows is there, takes its mail and does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actorio import Actor, ActorRef
from actorio._cell.states import Options
from actorio._core.mailbox import Mailbox
from actorio.testing._replay.recorded import Answers
from actorio.testing._replay.stage import QuietTimer, Stage
from tests.stage import in_virtual_time, ticks

SECOND = 1.0  # of virtual time


class Till(Actor[Any]):
    """Does what its message says, and puts down all else."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def receive(self, message: Any) -> Any:
        if not callable(message):
            self.seen.append(message)
            return message
        return await message(self)


@asynccontextmanager
async def staged(path: str = "/till", *, runs_children: bool = False) -> AsyncIterator[tuple[Stage, Any]]:
    """Set up the stage for an actor at that path, and start it."""
    answers = Answers({"/prices": lambda message: ("price of", message)})
    stage = Stage(path, 7, answers, runs_children=runs_children)
    async with stage.system:
        stage.system._runtime.observe(stage)
        name = path.rpartition("/")[2]
        cell = stage.table_of_subject().start(Till, (), name, Mailbox(None), Options())
        yield stage, cell
        await stage.system.shutdown()


async def do(cell: Any, what: Any) -> Any:
    """Have the replayed actor do something in its turn."""
    return await ActorRef.ask(cell.ref, what)


async def test_whoever_is_looked_up_is_there_and_one_path_has_one_ref() -> None:
    async with staged("/shop/till") as (stage, cell):
        assert stage.subject is cell
        assert cell.path == "/shop/till"
        assert stage.system.lookup("/bank") is stage.ref_of("/bank")
        assert stage.ref_of("/bank/safe").path == "/bank/safe"
        assert stage.ref_of("/shop/till") is cell.ref
        assert stage.ref_of("/shop/till/drawer")._cell.siblings.owner is cell


async def test_what_it_sends_is_swallowed_and_what_it_asks_is_answered_as_given() -> None:
    async def talk(me: Till) -> Any:
        prices = me.context.system.lookup("prices")
        await prices.send("news")
        prices.send_nowait("more")
        await prices.cast(Till.receive, "cast")
        return await prices.ask("tea")

    async with staged() as (stage, cell):
        assert await do(cell, talk) == ("price of", "tea")
        assert stage.ref_of("/prices").statistics().handled == 0


async def test_its_mail_to_itself_is_quiet() -> None:
    async def talk(me: Till) -> None:
        me.context.ref.send_nowait("to myself")

    async with staged() as (_, cell):
        await do(cell, talk)
        await ticks()
        assert cell.instance.seen == []


@in_virtual_time
async def test_its_timers_keep_their_time_and_send_nothing() -> None:
    async def begin(me: Till) -> None:
        timers.extend([me.context.send_after(1, "once"), me.context.send_every(1, "again")])
        me.context.when_idle(0.1, "silence")

    timers: list[Any] = []
    async with staged() as (_, cell):
        await do(cell, begin)
        assert [type(timer) for timer in timers] == [QuietTimer, QuietTimer]
        await asyncio.sleep(2.5 * SECOND)
        assert [timer.cancel() for timer in timers] == [False, True]
        assert cell.instance.seen == []


async def test_its_context_says_what_production_said() -> None:
    async def look(me: Till) -> Any:
        return me.context.incarnation, me.context.path

    async with staged() as (stage, cell):
        assert await do(cell, look) == (7, "/till")
        assert stage.system.lookup("/other")._cell.instance.context.incarnation == 0


@pytest.mark.parametrize("runs_children", [False, True])
async def test_its_children_are_stubs_unless_they_are_to_run(runs_children: bool) -> None:
    async def spawn(me: Till) -> Any:
        return await me.context.spawn(Till, name="child"), await me.context.get_or_spawn("other", Till)

    async with staged(runs_children=runs_children) as (stage, cell):
        for child in await do(cell, spawn):
            assert child.path.startswith("/till/")
            assert isinstance(child._cell.instance, Till) is runs_children
            assert stage.is_real(child._cell) is runs_children


async def test_sources_and_pipes_are_held_open_and_bring_nothing() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1

    async def add(me: Till) -> None:
        me.context.pipe(asyncio.sleep(0, "piped"))
        me.context.add_source(numbers())

    async with staged() as (_, cell):
        await do(cell, add)
        await ticks()
        assert cell.instance.seen == []


async def test_it_ends_nobody_and_what_it_watches_is_quiet() -> None:
    async def end(me: Till) -> None:
        other = me.context.system.lookup("other")
        me.context.watch(other)
        me.context.link(other)
        other.kill()

    async with staged() as (stage, cell):
        await do(cell, end)
        assert stage.ref_of("/other").is_alive
        assert not cell.watching
        assert not cell.links


async def test_its_failure_is_kept_and_that_of_another_is_not() -> None:
    async def fail(me: Till) -> None:
        me.context.fail(ValueError("no"))

    async with staged() as (stage, cell):
        stage.failed(stage.ref_of("/other")._cell, None, LookupError())
        assert stage.errors == []
        await do(cell, fail)
        await ticks()
        assert [str(error) for error in stage.errors] == ["no"]
        assert stage.moved.is_set()


async def test_it_is_in_turn_when_its_own_code_runs() -> None:
    async def look(me: Till) -> Any:
        aside = me.context.start_soon(tell)
        return stage.is_in_turn(), stage.is_asking(), await aside

    async def tell() -> Any:
        return stage.is_in_turn(), stage.is_asking()

    async with staged() as (stage, cell):
        assert await do(cell, look) == (True, True, (False, True))
        assert (stage.is_in_turn(), stage.is_asking()) == (False, False)


class Prices(Actor[Any]):
    """Is called by the replayed actor, and never runs."""

    async def of(self, what: str, *, size: int) -> None: ...

    async def soon(self, *, timeout: float) -> None: ...


async def test_a_function_that_answers_a_call_has_all_of_its_arguments() -> None:
    seen: list[Any] = []

    async def ask_for_prices(till: Till) -> None:
        prices: Any = stage.ref_of("/prices")
        await prices.call(Prices.of, "tea", size=2)
        await prices.call(Prices.of, "milk", size=1, timeout=60)
        await prices.call(Prices.soon, timeout=5)

    def answer(method: Any, *args: Any, **kwargs: Any) -> None:
        seen.append((method.__name__, args, kwargs))

    async with staged() as (stage, cell):
        stage.answers._given = {"/prices": answer}
        await do(cell, ask_for_prices)
    assert seen == [
        ("of", ("tea",), {"size": 2}),
        ("of", ("milk",), {"size": 1}),
        ("soon", (), {"timeout": 5}),
    ]
