"""What can be asked of a cell without changing it: its ref, its figures, where its end leads, what it owns."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from actorio import Actor, ActorStoppedError, ActorSystem, ExitReason
from actorio._cell.state import is_closing
from actorio._cell.states import Intent
from actorio._core.envelope import Parcel
from actorio._core.observer import Observer
from tests.guarantees.actors import Held, Valve, outcome, soon
from tests.stage import ticks


async def test_an_actor_has_one_ref_while_it_lives_and_its_cell_keeps_none_after_it() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Actor)
        cell: Any = ref._cell
        assert cell.ref is ref
        ref.stop()
        await ref.join()
        assert cell.ref is ref
        kept = weakref.ref(ref)
        del ref
        gc.collect()
        assert kept() is None
        again = cell.ref
        assert cell.ref is again
        assert again.path == cell.path


async def test_one_that_has_ended_without_mail_may_be_observed_still() -> None:
    class Arrivals(Observer):
        def accepted(self, cell: Any, item: Any) -> None:
            raise AssertionError

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Actor)
        ref.stop()
        await ref.join()
        observer = Arrivals()
        system._runtime.observe(observer, ref._cell)
        assert isinstance(await outcome(ref.send("late")), ActorStoppedError)
        system._runtime.unobserve(observer, ref._cell)


@pytest.mark.parametrize(
    ("intent", "must_end", "at_once", "reason"),
    [
        (Intent.NONE, False, False, ExitReason.NORMAL),
        (Intent.CLOSE, False, False, ExitReason.NORMAL),
        (Intent.RESTART, True, False, ExitReason.SHUTDOWN),
        (Intent.STOP_SELF, True, False, ExitReason.NORMAL),
        (Intent.SHUT_DOWN, True, False, ExitReason.SHUTDOWN),
        (Intent.RESTART_NOW, True, True, ExitReason.KILLED),
        (Intent.STOP, True, False, ExitReason.SHUTDOWN),
        (Intent.KILL, True, True, ExitReason.KILLED),
    ],
)
async def test_each_intent_says_whether_a_message_may_run_and_where_it_leads(
    intent: int, must_end: bool, at_once: bool, reason: ExitReason
) -> None:
    async with ActorSystem() as system:
        cell: Any = (await system.spawn(Actor))._cell
        cell.intent = intent
        assert (cell.must_end(), cell.must_end_at_once()) == (must_end, at_once)
        assert cell.exit_reason() is reason
        cell.intent = Intent.NONE


async def test_a_failure_from_outside_is_about_to_end_it() -> None:
    async with ActorSystem() as system:
        cell: Any = (await system.spawn(Actor))._cell
        assert not cell.is_about_to_end()
        cell.failure = ValueError()
        assert cell.is_about_to_end()
        assert not cell.must_end()
        cell.failure = None


async def test_the_peak_of_the_figures_is_never_below_the_depth() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve := Valve())
        await ref.send(0)
        await valve.entered.wait()
        for number in (1, 2, 3):
            await ref.send(number)
        figures = ref._cell.statistics()
        assert (figures.depth, figures.handled) == (3, 0)
        assert figures.peak >= 3
        valve.open.set()
        await ticks()
        figures = ref._cell.statistics()
        assert (figures.depth, figures.handled, figures.peak) == (0, 4, 3)


async def test_a_thing_is_owned_under_its_key_until_it_is_let_go() -> None:
    class Thing:
        """May be cancelled."""

        def cancel(self) -> None: ...

    async with ActorSystem() as system:
        cell: Any = (await system.spawn(Actor))._cell
        assert cell.owned_of(Thing) is None
        thing = cell.own(Thing, Thing())
        assert cell.owned_of(Thing) is thing
        cell.let_go(Thing)
        assert cell.owned_of(Thing) is None


async def test_who_is_to_be_told_can_be_taken_back_also_when_it_was_never_there() -> None:
    async with ActorSystem() as system:
        cell: Any = (await system.spawn(Actor))._cell
        watcher, joiner = object(), object()
        cell.drop_watcher(watcher)
        cell.drop_joiner(joiner)
        cell.add_watcher(watcher)
        cell.add_joiner(joiner)
        assert (list(cell.watchers), cell.joiners) == ([watcher], [joiner])
        cell.drop_watcher(watcher)
        cell.drop_joiner(joiner)
        assert (cell.watchers, cell.joiners) == ({}, [])


async def test_a_cancel_of_the_task_is_a_kill_unless_it_is_one_of_submitted_work() -> None:
    class Patient(Actor[Any]):
        async def receive(self, message: Any) -> None:
            cell: Any = self.context._cell
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                seen.append(cell.is_killed())
                cell.interrupted = object()
                seen.append(cell.is_killed())
                cell.interrupted = None
                cell.task.uncancel()

    seen: list[bool] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Patient)
        await ref.send(1)
        cell: Any = ref._cell
        assert not cell.is_killed()
        await asyncio.sleep(0)
        cell.task.cancel()
        await ticks()
        assert ref.is_alive
    assert seen == [True, False]


async def test_a_request_has_begun_when_its_turn_has() -> None:
    async with ActorSystem() as system:
        cell: Any = (await system.spawn(Actor))._cell
        parcel = Parcel("hello", None)
        assert not cell.has_begun(parcel)
        parcel.begin()
        assert cell.has_begun(parcel)


async def test_a_coroutine_that_is_closed_from_elsewhere_is_told_from_one_that_fails_so() -> None:
    task = asyncio.current_task()
    other = asyncio.ensure_future(asyncio.sleep(0))
    assert is_closing(GeneratorExit(), other)
    assert is_closing(GeneratorExit(), None)
    assert not is_closing(GeneratorExit(), task)
    assert not is_closing(ValueError(), other)
    await other
