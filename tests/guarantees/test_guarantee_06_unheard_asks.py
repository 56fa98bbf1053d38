"""Guarantee 6: an ask nobody waits for does not run; one that runs goes on unharmed."""

import asyncio
from typing import Any

import pytest

from actorio import ActorSystem, AskTimeoutError, Mailbox
from tests.guarantees.actors import Held, Recorder, Valve, cancelled, in_turn, outcome, soon, started
from tests.stage import ticks


@pytest.mark.parametrize("way", ["timeout", "cancel"])
async def test_guarantee_06_a_queued_ask_that_nobody_waits_for_is_skipped(way: str) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send("in hand")
        await valve.entered.wait()
        before, gone, after = await in_turn(
            outcome(ref.ask("before")),
            outcome(ref.ask("gone", timeout=0.01 if way == "timeout" else None)),
            outcome(ref.ask("after")),
        )
        if way == "cancel":
            assert await cancelled(gone)
        else:
            assert isinstance(await gone, AskTimeoutError)
        valve.open.set()
        assert (await before, await after) == ("before", "after")
        assert ref.statistics().handled == 3
    assert valve.begun == ["in hand", "before", "after"]


@pytest.mark.parametrize("way", ["timeout", "cancel"])
async def test_guarantee_06_an_ask_in_line_that_nobody_waits_for_gives_its_place_up(way: str) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        gone = started(outcome(ref.ask(2, timeout=0.01 if way == "timeout" else None)))
        await ticks(1)
        last = started(outcome(ref.send(3)))
        await ticks(1)
        if way == "cancel":
            assert await cancelled(gone)
        else:
            assert not (await gone).started
        valve.open.set()
        await last
    assert valve.finished == [0, 1, 3]


async def test_guarantee_06_a_queued_call_that_was_cancelled_is_skipped() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send(0)
        await valve.entered.wait()
        call = started(ref.call(Held.receive, 1))
        await ticks(1)
        assert await cancelled(call)
        valve.open.set()
    assert valve.begun == [0]


async def test_guarantee_06_a_queued_submission_that_was_cancelled_is_skipped() -> None:
    ran: list[int] = []
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(2))
        await ref.send(0)
        await valve.entered.wait()
        results = [ref.submit(ran.append, number) for number in range(5)]
        for index in (0, 1, 3):  # in the mailbox, and in line for it
            assert results[index].cancel()
        valve.open.set()
        await results[4]
        assert [result.cancelled() for result in results] == [True, True, False, True, False]
    assert ran == [2, 4]


@pytest.mark.parametrize("way", ["timeout", "cancel"])
async def test_guarantee_06_an_ask_that_runs_goes_on_unharmed(way: str) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        gone = started(outcome(ref.ask("running", timeout=0.01 if way == "timeout" else None)))
        await valve.entered.wait()
        if way == "cancel":
            assert await cancelled(gone)
        else:
            assert (await gone).started
        await ticks(3)
        assert valve.finished == []
        valve.open.set()
        assert await ref.ask("next") == "next"
        assert ref.statistics().restarts == 0
    assert valve.finished == ["running", "next"]


async def test_guarantee_06_an_ask_cancelled_at_any_tick_runs_whole_or_not_at_all() -> None:
    for tick in range(10):
        async with soon(), ActorSystem() as system:
            valve = Valve()
            valve.open.set()
            ref = await system.spawn(Held, valve)
            ask = started(ref.ask("question"))
            await ticks(tick)
            ask.cancel()
            await asyncio.wait([ask])
            await ref.ask("next")
        assert valve.begun == valve.finished
        assert valve.finished in (["next"], ["question", "next"])


async def test_guarantee_06_an_ask_that_was_never_awaited_never_runs() -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen)
        ref.ask("not awaited").close()
        await ref.ask("awaited")
    assert seen == ["awaited"]
