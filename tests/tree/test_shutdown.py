"""How the block of a system ends: the limit of its normal end, and which exception surfaces."""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import functools
import logging
from pathlib import Path
from typing import Any

import pytest

from actorio import Actor, ActorSystem, Backoff, ExitReason, Supervision
from actorio.testing import run_in_virtual_time
from tests.guarantees.actors import Recorder, outcome, soon, started
from tests.stage import until


class Stuck(Actor[Any]):
    """Never finishes its message; notes how it ends."""

    def __init__(self, ends: list[ExitReason] | None = None) -> None:
        self.ends = [] if ends is None else ends

    async def receive(self, message: Any) -> None:
        await asyncio.Event().wait()  # the line that is to be named

    async def on_stop(self, reason: ExitReason) -> None:
        self.ends.append(reason)


class Ticker(Actor[Any]):
    """Never asks for a message."""

    async def run(self) -> None:
        await asyncio.Event().wait()  # the line of the ticker


class Parent(Actor[Any]):
    """Has a child that is stuck."""

    async def on_start(self) -> None:
        child = await self.context.spawn(Stuck, name="child", shutdown=0.01)
        await child.send("go")


def line_of(text: str) -> str:
    """Return file and line of the first line of this file with that text."""
    lines = Path(__file__).read_text().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if text in line)
    return f"{__file__}:{number}"


async def test_guarantee_20_a_normal_end_has_a_limit_if_it_is_given_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ends: list[ExitReason] = []
    handled: list[Any] = []
    async with soon():
        async with ActorSystem("shop", close_timeout=0.05) as system:
            stuck = await system.spawn(Stuck, ends, name="till", shutdown=0.01)
            await stuck.send("go")
            parent = await system.spawn(Parent, name="parent")
            ticker = await system.spawn(Ticker, name="ticker", shutdown=0.01)
            good = await system.spawn(Recorder, handled)
            for number in range(5):
                await good.send(number)
        assert handled == list(range(5))
        assert (await stuck.join()).reason is ExitReason.KILLED
        assert not parent.is_alive
        assert not ticker.is_alive
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    said = record.getMessage()
    line = line_of("# the line that is to be named")
    assert "shop has not ended within close_timeout=0.05 s" in said
    assert f"/till at {line}" in said
    assert f"/parent/child at {line}" in said
    assert "/ticker at " in said
    assert "/parent at" not in said


async def test_guarantee_20_a_normal_end_in_time_is_not_cut_short(caplog: pytest.LogCaptureFixture) -> None:
    handled: list[Any] = []
    async with soon(), ActorSystem(close_timeout=30.0) as system:
        good = await system.spawn(Recorder, handled)
        for number in range(200):
            await good.send(number)
    assert handled == list(range(200))
    assert not caplog.records


async def test_guarantee_20_without_a_limit_a_normal_end_waits() -> None:
    valve = asyncio.Event()

    class Held(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await valve.wait()
            handled.append(message)

    async def main() -> None:
        async with ActorSystem(shutdown_timeout=0) as system:
            await (await system.spawn(Held, shutdown=0.01)).send(1)

    handled: list[Any] = []
    async with soon():
        task = started(main())
        await asyncio.sleep(0.05)
        assert not task.done()
        valve.set()
        await task
    assert handled == [1]


def test_guarantee_20_a_normal_end_that_takes_long_says_once_whom_it_waits_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with ActorSystem("shop") as system:
            ticker = await system.spawn(Ticker, name="ticker")
            asyncio.get_running_loop().call_later(60, ticker.kill)

    run_in_virtual_time(main)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    line = line_of("# the line of the ticker")
    assert record.getMessage() == (
        f"the block of shop has waited for 5 s for its actors to end; still at work: /ticker at {line}"
    )


@pytest.mark.parametrize("count", [20, 21])
def test_guarantee_20_of_very_many_that_are_still_at_work_some_are_named(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            for _ in range(count):
                ticker = await system.spawn(Ticker)
                asyncio.get_running_loop().call_later(60, ticker.kill)

    run_in_virtual_time(main)
    (text,) = [record.getMessage() for record in caplog.records if "has waited" in record.getMessage()]
    assert text.count("/Ticker-") == 20
    assert text.endswith("; and more") is (count > 20)


def test_guarantee_20_a_shutdown_hook_and_an_actor_between_two_lives_are_waited_for_by_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hook() -> None:
        await asyncio.sleep(6)  # the line of the hook

    class Failing(Actor[Any]):
        async def receive(self, message: Any) -> None:
            raise ValueError(message)

    async def main(*hooks: Any) -> None:
        pause = Supervision(backoff=Backoff(initial=30.0, maximum=30.0, jitter=0.0))
        async with ActorSystem("shop", supervision=pause) as system:
            for each in hooks:
                system.before_shutdown(each)
            failing = await system.spawn(Failing, name="failing")
            await failing.send(1)
            await failing.send(2)

    caplog.set_level(logging.WARNING)
    run_in_virtual_time(functools.partial(main, hook))
    run_in_virtual_time(main)
    texts = [record.getMessage() for record in caplog.records if "has waited" in record.getMessage()]
    assert texts[0].endswith(f"still at work: shop shutdown hook at {line_of('# the line of the hook')}")
    assert texts[1].endswith("still at work: /failing (restarting)")


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "5", True])
def test_a_close_timeout_that_is_no_duration_is_refused(wrong: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="close_timeout"):
        ActorSystem(close_timeout=wrong)


async def test_an_abandoned_task_is_named_by_the_users_own_line(caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(Actor[Any]):
        async def receive(self, message: Any) -> None:
            while not let_go.is_set():
                entered.set()
                try:
                    await let_go.wait()  # where it swallows
                except asyncio.CancelledError:
                    continue

    entered, let_go = asyncio.Event(), asyncio.Event()
    async with soon(), ActorSystem() as system:
        stubborn = await system.spawn(Stubborn)
        await stubborn.send(1)
        await entered.wait()
        stubborn.kill()
        await stubborn.join()
        let_go.set()
    assert line_of("# where it swallows") in caplog.text


# --- what surfaces --------------------------------------------------------------------------------


async def test_guarantee_19_what_the_body_raises_surfaces_though_its_end_is_cancelled() -> None:
    class Slow(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await valve.wait()

    async def body() -> None:
        async with ActorSystem() as system:
            await (await system.spawn(Slow)).send(1)
            raise ValueError("the cause")

    valve = asyncio.Event()
    async with soon():
        task = started(body())
        await asyncio.sleep(0.01)
        task.cancel()
        await until(task.cancelling)
        valve.set()
        assert isinstance(await outcome(task), ValueError)


async def test_guarantee_19_a_task_group_around_the_block_has_cause_and_consequence() -> None:
    class Slow(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await asyncio.Event().wait()

    async def follow(ref: Any) -> None:
        await ref.ask("never answered")

    with pytest.raises(ExceptionGroup) as caught:
        async with soon(), asyncio.TaskGroup() as group, ActorSystem(shutdown_timeout=0.05) as system:
            slow = await system.spawn(Slow)
            group.create_task(follow(await system.spawn(Slow)))
            await slow.send(1)
            await asyncio.sleep(0)
            raise ValueError("the cause")
    assert [type(error).__name__ for error in caught.value.exceptions] == ["ActorStoppedError", "ValueError"]


async def test_guarantee_19_a_cancel_that_ends_the_body_is_still_a_cancel() -> None:
    async def body() -> None:
        async with ActorSystem():
            await asyncio.Event().wait()

    async with soon():
        task = started(body())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
