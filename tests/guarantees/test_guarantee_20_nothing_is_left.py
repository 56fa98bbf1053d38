"""Guarantee 20: leaving the block leaves no task, timer, name, thread or unretrieved exception.

That no task, timer, thread or unretrieved exception is left is looked at by the suite after every test; so
these tests are about the ways out, and about what else there is to be left.
"""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    NameNotFoundError,
    Supervision,
    WrongThreadError,
)
from actorio.testing import until
from tests.guarantees.actors import (
    Held,
    Recorder,
    Silent,
    Valve,
    cancelled,
    outcome,
    soon,
    started,
)
from tests.stage import ticks


class Busy(Actor[Any]):
    """Has everything that there is to leave."""

    supervision = Supervision(max_restarts=1_000)

    def __init__(self, depth: int) -> None:
        self.depth = depth

    async def on_start(self) -> None:
        context = self.context
        if self.depth:
            child = await context.spawn(Busy, self.depth - 1, name="child")
            context.watch(child)
            context.link(child)
        context.send_every(0.001, "tick", key="train")
        context.send_after(3_600, "never")
        context.start_soon(asyncio.Event().wait)
        context.system.groups.join("busy", context.ref)

    async def receive(self, message: Any) -> Any:
        if message == "wait":
            await asyncio.Event().wait()
        if message == "fail":
            raise ValueError
        return message


def all_tasks() -> set[asyncio.Task[Any]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


@pytest.mark.parametrize("way", ["normal", "exception", "cancel", "shutdown"])
async def test_guarantee_20_every_way_out_leaves_nothing(way: str) -> None:
    async def block() -> None:
        async with ActorSystem(shutdown_timeout=0.05) as system:
            systems.append(system)
            system.events.subscribe(DeadLetter)
            refs = [await system.spawn(Busy, 2, name=f"busy-{index}", shutdown=0.01) for index in range(3)]
            system.register("alias", refs[0])
            await refs[0].send("fail")
            refs[1].submit(asyncio.Event().wait)
            refs[1].submit(int)
            refs[1].send("never")
            await refs[2].ask("in time", timeout=3_600)
            if way == "exception":
                raise LookupError
            if way == "cancel":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            if way == "shutdown":
                await system.shutdown()
            if way == "normal":
                refs[1].kill()
            await ticks(5)

    before = all_tasks()
    systems: list[ActorSystem] = []
    async with soon():
        task = started(block())
        await asyncio.wait([task])
        assert task.cancelled() is (way == "cancel")
        assert way != "exception" or isinstance(task.exception(), LookupError)
    system = systems[0]
    await ticks(2)
    assert all_tasks() == before
    assert len(system._runtime.timers) == 0
    assert system.groups.members("busy") == ()
    for name in ("alias", "busy-0", "/busy-1/child"):
        with pytest.raises(NameNotFoundError):
            system.lookup(name)


async def test_guarantee_20_the_way_out_waits_for_everything_that_was_accepted() -> None:
    seen: list[int] = []
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Recorder, seen)
            for number in range(500):
                ref.send_nowait(number)
            results = [ref.submit(seen.append, number) for number in range(500, 600)]
        assert seen == list(range(600))
        assert [result.result() for result in results] == [None] * 100


async def test_guarantee_20_a_message_that_sends_messages_on_the_way_out_is_told_who_has_ended() -> None:
    class First(Actor[Any]):
        async def receive(self, message: Any) -> None:
            errors.append(await outcome(second.send("late")))
            errors.append(await outcome(second.ask("late")))

    errors: list[Any] = []
    async with soon(), ActorSystem() as system:
        first = await system.spawn(First)
        second = await system.spawn(Silent)
        await first.send("go")
        system_ending = second.close  # the last started closes first
        system_ending()
        await second.join()
    assert [type(error) for error in errors] == [ActorStoppedError] * 2


async def test_guarantee_20_results_that_nobody_looks_at_are_not_reported() -> None:
    for end in ("stop", "kill", "close"):
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Silent)
            ref.submit(asyncio.Event().wait if end == "kill" else ticks, 3) if end != "kill" else ref.submit(
                asyncio.Event().wait
            )
            ref.submit(int)
            await ticks(1)
            getattr(ref, end)()
            ref.submit(int)
            await ref.join()
            ref.submit(int)
        gc.collect()
        await ticks(2)


@pytest.fixture
def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the log away from pytest, which keeps its records and their exceptions."""
    monkeypatch.setattr(logging.getLogger("actorio"), "disabled", True)


async def test_guarantee_20_an_actor_that_has_ended_is_not_kept(no_log: None) -> None:
    class Kept(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "fail":
                raise ValueError
            return message

    async with soon(), ActorSystem() as system:
        instances: list[weakref.ref[Any]] = []
        for end in ("stop", "kill", "close", "crash"):
            ref = await system.spawn(lambda: _remembered(Kept(), instances))
            await ref.ask(1)
            if end == "crash":
                await ref.send("fail")
                while not ref.statistics().restarts:
                    await ticks(1)
                ref.stop()
            else:
                getattr(ref, end)()
            await ref.join()
        del ref
        gc.collect()
        assert [instance() for instance in instances] == [None] * len(instances)
        assert len(instances) >= 4


def _remembered(actor: Actor[Any], instances: list[weakref.ref[Any]]) -> Actor[Any]:
    instances.append(weakref.ref(actor))
    return actor


class Failing(Actor[Any]):
    supervision = Supervision(max_restarts=1_000)

    def __init__(self, errors: list[weakref.ref[Exception]]) -> None:
        self.errors = errors

    async def receive(self, message: Any) -> Any:
        if message == "fail":
            error = Big("x" * 1_000)
            self.errors.append(weakref.ref(error))
            try:
                raise error
            finally:
                del error
        return message


class Big(Exception):
    pass


async def test_guarantee_20_an_exception_is_not_kept_once_it_was_reported(no_log: None) -> None:
    errors: list[weakref.ref[Exception]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, errors)
        await ref.send("fail")
        await until(lambda: ref.statistics().restarts == 1)
        with pytest.raises(Big):
            await ref.ask("fail")
        await ref.ask(1)
        gc.collect()
        assert [error() for error in errors] == [None, None]


async def test_guarantee_20_no_garbage_is_made_by_asks_sends_and_failures(no_log: None) -> None:
    """What refers to itself waits for the collector; on these paths nothing does."""
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [])
        await ref.ask(1)
        await outcome(ref.ask("fail"))
        gc.collect()
        gc.disable()
        try:
            for number in range(50):
                await ref.ask(number, timeout=60)
                await ref.send(number)
                await outcome(ref.ask("fail"))
            left = gc.collect()
        finally:
            gc.enable()
        assert left < 50


@pytest.mark.parametrize("end", ["stop", "kill", "close", "by itself"])
async def test_guarantee_20_no_garbage_is_made_by_lives_that_end_in_order(end: str) -> None:
    class Leaving(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "by itself":
                self.context.stop()

    async with soon(), ActorSystem() as system:

        async def live() -> None:
            ref = await system.spawn(Leaving)
            await ref.ask(1)
            if end == "by itself":
                ref.send_nowait(end)
            else:
                getattr(ref, end)()
            await ref.join()

        await live()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                await live()
            left = gc.collect()
        finally:
            gc.enable()
        assert left < 50


async def test_guarantee_20_an_actor_lives_without_anybody_holding_its_ref() -> None:
    async with soon(), ActorSystem() as system:
        await system.spawn(Silent, name="alone")
        gc.collect()
        await ticks(3)
        gc.collect()
        assert await system.lookup("alone").ask(1) is None


async def test_guarantee_20_after_the_block_everything_is_refused_by_a_typed_error() -> None:
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Silent)
        for refused in (
            await outcome(ref.send(1)),
            await outcome(ref.ask(1)),
            await outcome(ref.submit(int)),
            await outcome(ref.cast(Silent.receive, 1)),
            await outcome(system.spawn(Silent)),
            await outcome(system.get_or_spawn("it", Silent)),
        ):
            assert isinstance(refused, ActorStoppedError)
        for call in (lambda: ref.send_nowait(1), lambda: ref.send_threadsafe(1), system.snapshot):
            with pytest.raises(ActorStoppedError):
                call()
        ref.close()
        ref.stop()
        ref.kill()
        assert (await ref.join()).ref == ref
        await system.shutdown()
        events = system.events.subscribe(DeadLetter)
        assert [event async for event in events] == []


async def test_guarantee_20_a_second_system_in_the_same_loop_works() -> None:
    async with soon():
        for _ in range(3):
            async with ActorSystem() as system:
                ref = await system.spawn(Recorder, [], name="it")
                assert await ref.ask(1) == 1


async def test_guarantee_20_two_systems_side_by_side_do_not_know_each_other() -> None:
    async with soon(), ActorSystem("one") as one, ActorSystem("two") as two:
        first = await one.spawn(Recorder, [], name="it")
        with pytest.raises(NameNotFoundError):
            two.lookup("it")
        second = await two.spawn(Recorder, [], name="it")
        assert first != second
        assert (await first.ask(1), await second.ask(2)) == (1, 2)
        await one.shutdown()
        assert await second.ask(3) == 3


def test_guarantee_20_a_second_run_in_the_same_process_works_and_refuses_refs_of_the_first() -> None:
    async def main() -> Any:
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Recorder, [])
            assert await ref.ask(1) == 1
            for old in refs:
                assert isinstance(await outcome(_send(old)), (ActorStoppedError, WrongThreadError))
                assert isinstance(await outcome(old.ask(1)), (ActorStoppedError, WrongThreadError))
        refs.append(ref)

    refs: list[Any] = []
    asyncio.run(main())
    asyncio.run(main())


async def _send(ref: Any) -> None:
    await ref.send(1)


async def test_guarantee_20_a_hook_that_never_ends_does_not_hold_the_way_out_up_for_ever() -> None:
    async with soon():
        with pytest.raises(LookupError):
            async with ActorSystem(shutdown_timeout=0.02) as system:
                system.before_shutdown(asyncio.Event().wait)
                system.after_shutdown(asyncio.Event().wait)
                await system.spawn(Silent)
                raise LookupError
        assert [type(error) for error in system.report.failed] == [TimeoutError, TimeoutError]


async def test_guarantee_20_an_actor_that_does_not_end_is_killed_when_the_time_is_over() -> None:
    async with soon():
        valve = Valve()
        with pytest.raises(LookupError):
            async with ActorSystem(shutdown_timeout=0.02) as system:
                ref = await system.spawn(Held, valve, shutdown=None)
                await ref.send(1)
                await valve.entered.wait()
                raise LookupError
        assert valve.finished == []
        assert not ref.is_alive


async def test_guarantee_20_nothing_can_be_begun_by_an_actor_that_ends() -> None:
    class Ending(Actor[Any]):
        async def on_stop(self, reason: Any) -> None:
            context = self.context
            tried.append(await outcome(context.spawn(Silent)))
            tried.append(await outcome(context.ref.send("to itself")))
            context.send_after(0.001, "never")
            context.send_every(0.001, "never")
            tasks.append(context.start_soon(asyncio.Event().wait))
            await ticks(2)

    tried: list[Any] = []
    tasks: list[asyncio.Task[Any]] = []
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Ending)
            ref.stop()
            await ref.join()
            assert len(system.snapshot()) == 0
        await ticks(2)
    assert [type(error) for error in tried] == [ActorStoppedError] * 2
    assert tasks[0].cancelled()


async def test_guarantee_20_a_waiter_that_is_cancelled_leaves_no_trace() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send(0)
        await valve.entered.wait()
        for _ in range(20):
            waits = [started(ref.join(60)), started(ref.ask(1, timeout=60)), started(ref.join())]
            await ticks(2)
            for wait in waits:
                assert await cancelled(wait)
        assert len(system._runtime.timers) == 0
        valve.open.set()
    assert valve.finished == [0]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("swallows", [1, 2, 99])
async def test_guarantee_20_a_shutdown_hook_that_swallows_its_cancel_does_not_hang_the_block(
    when: str, swallows: int, no_log: None
) -> None:
    async def stubborn() -> None:
        for _ in range(swallows):
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
            return

    free = asyncio.Event()
    async with soon(), ActorSystem(shutdown_timeout=0.01) as system:
        (system.before_shutdown if when == "before" else system.after_shutdown)(stubborn)
        await system.spawn(Recorder, [])
        await system.shutdown()
    abandoned = system.report.abandoned
    assert abandoned == (("actorio shutdown hook",) if swallows > 2 else ())
    free.set()
    await ticks(3)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_guarantee_20_a_shutdown_hook_may_ask_for_the_shutdown(when: str) -> None:
    async def hook() -> None:
        reports.append(await system.shutdown())

    reports: list[Any] = []
    async with soon(), ActorSystem() as system:
        (system.before_shutdown if when == "before" else system.after_shutdown)(hook)
    assert len(reports) == 1
    assert system.report.failed == ()
