"""Guarantee 35: interleaved methods run beside the turns; and of 3, that nothing else does."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorExit,
    ActorFailed,
    ActorStoppedError,
    ActorSystem,
    AskCancelledError,
    DeadLetter,
    DeadlockError,
    ExitReason,
    Mailbox,
    MailboxFullError,
    Restart,
    interleave,
)
from actorio._cell.owned.interleave import awaits_interleaved
from actorio.testing import explore, until
from tests.guarantees.actors import Valve, cancelled, outcome, soon, started
from tests.stage import ticks

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


class Till(Actor[Any]):
    """Waits in its turns; what is interleaved looks at it meanwhile."""

    def __init__(self, valve: Valve, log: list[Any] | None = None) -> None:
        self.valve = valve
        self.log = [] if log is None else log
        self.changed = asyncio.Event()

    async def on_stop(self, reason: ExitReason) -> None:
        self.log.append(("stopped", reason))

    async def receive(self, message: Any) -> Any:
        self.valve.begun.append(message)
        self.valve.entered.set()
        if isinstance(message, Exception):
            raise message
        await self.valve.open.wait()
        self.valve.finished.append(message)
        return message

    async def plain(self) -> str:
        return "plain"

    async def set_changed(self) -> None:
        self.changed.set()

    async def waits_for(self, other: Any) -> Any:
        return await other()

    @interleave
    async def total(self) -> int:
        await ticks(1)
        return len(self.valve.begun)

    @interleave
    def at_once(self) -> int:
        return len(self.valve.begun)

    @interleave
    async def wait_for_change(self) -> str:
        try:
            await self.changed.wait()
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        self.log.append("changed")
        return "changed"

    @interleave
    async def does(self, work: Any) -> Any:
        outcome = work(self)
        return await outcome if asyncio.iscoroutine(outcome) else outcome


class Serial(Till):
    """Overrides an interleaved method by one that is not."""

    async def total(self) -> int:
        return -1


# --- when it runs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [Till.total, Till.at_once])
async def test_guarantee_35_an_interleaved_method_runs_while_a_turn_waits(method: Any) -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, valve)
        await till.send(1)
        await till.send(2)
        await valve.entered.wait()
        assert await till.call(method) == 1
        assert (valve.begun, valve.finished) == ([1], [])
        valve.open.set()


async def test_guarantee_3_a_method_that_is_not_marked_waits_for_its_turn() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Serial, valve)
        await till.send(1)
        await valve.entered.wait()
        calls = [started(till.call(method)) for method in (Till.plain, Till.total)]
        await ticks(5)
        assert not any(call.done() for call in calls)
        valve.open.set()
        assert [await call for call in calls] == ["plain", -1]


async def test_guarantee_35_an_actor_may_call_its_own_interleaved_method() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, valve)
        assert await till.call(Till.waits_for, lambda: till.call(Till.total)) == 0


async def test_guarantee_35_one_that_waits_for_the_end_of_its_actor_is_a_deadlock() -> None:
    class Waiting(Actor[Any]):
        @interleave
        async def join(self) -> None:
            await self.context.ref.join()

    async with soon(), ActorSystem() as system:
        waiting = await system.spawn(Waiting)
        with pytest.raises(DeadlockError):
            await waiting.call(Waiting.join)


async def test_guarantee_35_an_exit_in_it_fails_the_actor_and_is_raised_from_the_block() -> None:
    class Leaving(Actor[Any]):
        @interleave
        async def leave(self) -> None:
            raise SystemExit(3)

    async def block() -> None:
        async with soon(), ActorSystem() as system:
            leaving = await system.spawn(Leaving)
            with pytest.raises(ActorStoppedError) as caught:
                await leaving.call(Leaving.leave)
            assert caught.value.reason is ExitReason.CRASHED
            assert (await leaving.join()).reason is ExitReason.CRASHED

    with pytest.raises(SystemExit):
        await block()


async def test_guarantee_35_it_runs_in_its_senders_contextvars() -> None:
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, Valve())
        WHO.set("me")
        assert await till.call(Till.does, lambda _: WHO.get()) == "me"
        await till.call(Till.does, lambda _: WHO.set("changed"))
        assert WHO.get() == "me"


async def test_guarantee_35_called_before_the_start_it_runs_after_it() -> None:
    class Late(Till):
        async def on_start(self) -> None:
            refs.append(self.context.ref)
            await ticks(5)
            self.log.append("started")

    refs: list[Any] = []
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        spawning = started(system.spawn(Late, Valve(), log))
        await until(lambda: refs)
        waiting = started(refs[0].call(Till.wait_for_change))
        assert await refs[0].call(Till.does, lambda till: till.log[:]) == ["started"]
        late = await spawning
        await late.call(Till.set_changed)
        assert await waiting == "changed"


async def test_guarantee_35_it_does_not_hold_up_an_own_loop() -> None:
    class Own(Till):
        async def run(self) -> None:
            while True:
                self.context.reply(await self.recv())

    async with soon(), ActorSystem() as system:
        own = await system.spawn(Own, Valve())
        waiting = started(own.call(Till.wait_for_change))
        await ticks(3)
        assert await own.ask(1) == 1
        await own.call(Till.set_changed)
        assert await waiting == "changed"


async def test_guarantee_35_a_routee_runs_it_beside_its_jobs() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Till, valve, size=1)
        waiting = started(pool.call(Till.wait_for_change))
        await ticks(3)
        assert await pool.call(Till.plain) == "plain"
        await pool.call(Till.set_changed)
        assert await waiting == "changed"


# --- how many -------------------------------------------------------------------------------------


async def test_guarantee_35_no_more_run_than_the_mailbox_has_capacity() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        till = await system.spawn(Till, Valve(), mailbox=Mailbox(2))
        waiting = [started(till.call(Till.wait_for_change)) for _ in range(2)]
        await ticks(3)
        assert isinstance(await outcome(till.call(Till.total)), MailboxFullError)
        assert isinstance(await outcome(till.cast(Till.total)), MailboxFullError)
        till.cast(Till.total)
        letter = await anext(letters)
        assert (letter.message, letter.reason) == (Till.total, "unsent")
        assert await till.call(Till.plain) == "plain", "others are not held up"
        await till.call(Till.set_changed)
        assert [await call for call in waiting] == ["changed"] * 2
        assert await till.call(Till.total) == 0
        await ticks(2)
        assert till.statistics().handled == 5


async def test_guarantee_35_what_was_queued_and_finds_no_room_is_dropped() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        pool = await system.spawn_pool(Till, Valve(), size=1)
        routee = pool.routees[0]._cell
        routee.mailbox.capacity = 2
        waiting = [started(pool.call(Till.wait_for_change)) for _ in range(2)]
        await ticks(5)
        assert isinstance(await outcome(pool.call(Till.total)), MailboxFullError)
        await pool.cast(Till.total)
        letter = await anext(letters)
        assert (letter.message, letter.reason) == (Till.total, "dropped")
        await pool.call(Till.set_changed)
        assert [await call for call in waiting] == ["changed"] * 2


async def test_guarantee_35_one_that_nobody_waits_for_any_more_does_not_begin() -> None:
    class Late(Till):
        async def on_start(self) -> None:
            refs.append(self.context.ref)
            await self.valve.open.wait()

    refs: list[Any] = []
    log: list[Any] = []
    valve = Valve()
    async with soon(), ActorSystem() as system:
        spawning = started(system.spawn(Late, valve, log))
        await until(lambda: refs)
        call = started(refs[0].call(Till.does, lambda till: till.log.append("ran")))
        await ticks(3)
        assert await cancelled(call)
        valve.open.set()
        late = await spawning
        first = started(late.call(Till.wait_for_change))
        await ticks(3)
        assert await cancelled(first)  # begun, it goes on unharmed
        await late.call(Till.set_changed)
        await until(lambda: log)
    assert log == ["changed", ("stopped", ExitReason.NORMAL)]


async def test_guarantee_20_a_call_that_has_ended_leaves_nothing_in_its_actor() -> None:
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, Valve())
        for _ in range(3):
            await till.call(Till.total)
            await till.cast(Till.total)
        cell = till._cell
        await until(lambda: cell.handled == 6 and not cell.tasks)
        assert not cell.deferred
        assert not awaits_interleaved(cell)


# --- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["close", "block", "parent", "pool"])
@pytest.mark.parametrize("own_loop", [False, True])
async def test_guarantee_35_close_cancels_one_that_waits_for_what_never_comes(  # noqa: C901 (four ways)
    way: str, own_loop: bool
) -> None:
    """Such as mail, or a tick: after the drain it has `shutdown` seconds."""

    class Waiting(Actor[Any]):
        def __init__(self) -> None:
            self.came = asyncio.Event()

        async def receive(self, message: Any) -> None:
            self.came.set()

        @interleave
        async def wait(self) -> None:
            log.append("waits")
            await self.came.wait()

        async def on_stop(self, reason: ExitReason) -> None:
            log.append(reason)

    class Owning(Waiting):
        async def run(self) -> None:
            while True:
                await self.receive(await self.recv())

    class Parent(Actor[Any]):
        async def on_start(self) -> None:
            self.child = await self.context.spawn(kind, shutdown=0.05)

        async def receive(self, message: Any) -> Any:
            return self.child

    log: list[Any] = []
    kind = Owning if own_loop else Waiting
    async with soon():
        async with ActorSystem() as system:
            if way == "pool":
                top: Any = await system.spawn_pool(kind, size=1, shutdown=0.05)
                ref = top
            else:
                top = (
                    await system.spawn(Parent) if way == "parent" else await system.spawn(kind, shutdown=0.05)
                )
                ref = await top.ask("child") if way == "parent" else top
            calling = started(outcome(ref.call(kind.wait)))
            await until(lambda: log)
            if way != "block":
                top.close()
                await top.join()
        error = await calling
        assert isinstance(error, ActorStoppedError)
        assert log == ["waits", ExitReason.NORMAL]


async def test_guarantee_35_close_waits_for_it() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, Valve(), log)
        waiting = started(till.call(Till.wait_for_change))
        await ticks(3)
        instance: Any = till._cell.instance
        till.close()
        await ticks(5)
        assert till.is_alive
        assert isinstance(await outcome(till.call(Till.total)), ActorStoppedError)
        instance.changed.set()
        assert await waiting == "changed"
        assert (await till.join()).reason is ExitReason.NORMAL
    assert log == ["changed", ("stopped", ExitReason.NORMAL)]


async def test_guarantee_35_none_begins_when_the_actor_is_about_to_end() -> None:
    class Leaving(Till):
        async def receive(self, message: Any) -> Any:
            if message == "leave":
                self.context.stop()
            elif message == "fail":
                self.context.start_soon(asyncio.sleep, -1).cancel()
                self.context.start_soon(self.fails)
                await ticks(3)
            return await super().receive(message)

        async def fails(self) -> None:
            raise ValueError

    for message in ("leave", "fail"):
        valve = Valve()
        async with soon(), ActorSystem() as system:
            leaving = await system.spawn(Leaving, valve)
            await leaving.send(message)
            await valve.entered.wait()
            calls = [started(outcome(leaving.call(method))) for method in (Till.at_once, Till.at_once)]
            await ticks(3)
            assert not any(call.done() for call in calls)
            valve.open.set()
            for call in calls:
                if message == "leave":
                    assert isinstance(await call, ActorStoppedError)
                else:
                    assert await call == 1
                    assert leaving.statistics().restarts == 1


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
async def test_guarantee_35_the_end_of_the_incarnation_cancels_it(end: str, begun: bool) -> None:
    class Counting(Till):
        @interleave
        async def wait_for_change(self) -> str:
            nonlocal waits
            waits += 1
            return await super().wait_for_change()

    waits = 0
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        till = await system.spawn(Counting, Valve(), log)
        if begun:
            await till.call(Till.plain)
        calls = [started(till.call(Till.wait_for_change)) for _ in range(2)]
        await till.cast(Till.wait_for_change)
        await until(lambda: waits == 3)
        if end == "crash":
            await till.send(ValueError(end))
        else:
            getattr(till, end)()
        for call in calls:
            assert isinstance(await outcome(call), ActorStoppedError)
        letter = await anext(letters)
        assert (letter.message, letter.reason) == (Till.wait_for_change, "interrupted")
        if end == "crash":
            assert await till.call(Till.plain) == "plain"
        else:
            assert (await till.join()).reason is (ExitReason.KILLED if end == "kill" else ExitReason.SHUTDOWN)
        assert log[:3] == ["cancelled"] * 3


async def test_guarantee_35_its_exception_is_the_answer_and_no_more() -> None:
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, Valve())
        waiting = started(till.call(Till.wait_for_change))
        error = ValueError("mine")
        assert await outcome(till.call(Till.does, lambda _: _raise(error))) is error
        assert till.statistics().failed == 1
        assert not waiting.done()
        await till.call(Till.set_changed)
        await waiting


async def test_guarantee_35_an_exception_that_is_no_answer_fails_the_actor() -> None:
    class Strict(Till):
        reply_errors = (KeyError,)

    error = ValueError("mine")
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        strict = await system.spawn(Strict, Valve())
        assert await outcome(strict.call(Till.does, lambda _: _raise(error))) is error
        assert (await anext(failures)).error is error
        await strict.cast(Till.does, lambda _: _raise(error))
        assert (await anext(failures)).error is error
        assert await strict.call(Till.plain) == "plain"
        assert strict.statistics().restarts == 2


async def test_guarantee_35_a_cancel_of_its_own_is_a_failure() -> None:
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, Valve())
        error = await outcome(till.call(Till.does, lambda _: _raise(asyncio.CancelledError())))
        assert isinstance(error, AskCancelledError)
        assert await till.call(Till.plain) == "plain"
        assert till.statistics().restarts == 1


async def test_guarantee_21_a_system_exit_in_it_ends_the_system() -> None:
    async def main() -> None:
        async with soon(), ActorSystem() as system:
            till = await system.spawn(Till, Valve())
            error = await outcome(till.call(Till.does, lambda _: _raise(SystemExit(3))))
            assert isinstance(error, ActorStoppedError)
            await asyncio.Event().wait()

    with pytest.raises(SystemExit, match="3"):
        await main()


@pytest.mark.parametrize("error", [GeneratorExit("mine"), BaseException("mine")], ids=repr)
async def test_guarantee_35_what_is_no_exception_fails_the_actor_and_tells_its_caller(
    error: BaseException,
) -> None:
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        till = await system.spawn(Till, Valve())
        told = await outcome(till.call(Till.does, lambda _: _raise(error)))
        assert isinstance(told, ActorStoppedError)
        assert (await anext(failures)).error is error
        await till.cast(Till.does, lambda _: _raise(error))
        assert (await anext(failures)).error is error
        assert await till.call(Till.plain) == "plain"
        assert till.statistics().restarts == 2
        till.close()
        assert (await till.join()).reason is ExitReason.NORMAL


@pytest.mark.parametrize("way", ["call", "cast"])
async def test_guarantee_35_an_actor_exit_in_it_ends_its_actor_normally(way: str) -> None:
    error = ActorExit()
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, Valve(), log)
        told = await outcome(getattr(till, way)(Till.does, lambda _: _raise(error)))
        assert told is (error if way == "call" else None)
        assert (await till.join()).reason is ExitReason.NORMAL
        assert till.statistics().failed == 0
    assert log == [("stopped", ExitReason.NORMAL)]


def _raise(error: BaseException) -> None:
    raise error


# --- deadlocks ------------------------------------------------------------------------------------


async def test_guarantee_7_an_interleaved_method_closes_no_cycle_by_being_called() -> None:
    async with soon(), ActorSystem() as system:
        one, two = await system.spawn(Till, Valve()), await system.spawn(Till, Valve())

        async def back() -> Any:
            return await two.call(Till.waits_for, lambda: one.call(Till.total))

        assert await one.call(Till.waits_for, back) == 0


async def test_guarantee_7_what_an_interleaved_method_waits_for_is_seen() -> None:
    async with soon(), ActorSystem() as system:
        one, two = await system.spawn(Till, Valve()), await system.spawn(Till, Valve())

        async def back(_: Till) -> Any:
            return await one.call(Till.plain)

        error = await outcome(one.call(Till.waits_for, lambda: two.call(Till.does, back)))
        assert isinstance(error, DeadlockError)
        assert error.path == (two.path, one.path, two.path)
        assert isinstance(
            await outcome(one.call(Till.waits_for, lambda: one.call(Till.does, back))), DeadlockError
        )
        assert await two.call(Till.does, back) == "plain"


async def test_guarantee_35_a_shutdown_from_inside_it_only_begins_the_end() -> None:
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, Valve())
        await till.call(Till.does, lambda _: system.shutdown())
        await till.join()


# --- what it may not ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["reply", "defer", "stash", "unstash_all"])
async def test_guarantee_35_it_has_no_message_of_its_own(what: str) -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        till = await system.spawn(Till, valve)
        asking = started(till.ask("mine"))
        await valve.entered.wait()
        args = ("theirs",) if what in ("reply", "stash") else ()
        error = await outcome(till.call(Till.does, lambda till: getattr(till.context, what)(*args)))
        assert "interleaved" in str(error)
        valve.open.set()
        assert await asking == "mine"


def test_only_a_method_without_a_yield_can_be_interleaved() -> None:
    async def generator() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="yield"):
        interleave(generator)
    with pytest.raises(TypeError, match="method"):
        interleave(3)  # type: ignore[type-var]


# --- in simulation --------------------------------------------------------------------------------


class Ledgered(Actor[Any]):
    """Crashes, and is asked beside its turns whatever it is at."""

    def __init__(self) -> None:
        self.inside = 0

    async def receive(self, message: Any) -> Any:
        assert self.inside == 0, "two turns overlap"
        self.inside += 1
        await asyncio.sleep(0.001)
        self.inside -= 1
        if message == "crash":
            raise ValueError(message)
        return message

    @interleave
    async def look(self, number: int) -> int:
        await asyncio.sleep(0.001 * (number % 3))
        return number


async def _asked_beside_its_turns() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Ledgered, mailbox=Mailbox(3))
        looks = [started(actor.call(Ledgered.look, number)) for number in range(6)]
        work = [started(outcome(actor.ask(number))) for number in range(4)]
        for message in ("crash", 1):
            await actor.send(message)
            await outcome(actor.cast(Ledgered.look, 2))
        seen = [await outcome(look) for look in looks]
        for number, value in enumerate(seen):
            assert value == number or isinstance(value, (ActorStoppedError, MailboxFullError))
        await asyncio.wait(work)
        if seen[0] == 0:
            actor.kill()


def test_guarantee_35_holds_in_simulation() -> None:
    assert explore(_asked_beside_its_turns, seeds=range(80)).distinct > 60


class Aside(Actor[Any]):
    """Fails by its messages; a call beside its turns waits, or cancels itself."""

    @interleave
    async def wait(self) -> None:
        await asyncio.Event().wait()

    @interleave
    async def cancel_itself(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def receive(self, message: Any) -> None:
        raise message


async def test_guarantee_35_one_that_cancels_its_own_task_fails_its_actor_as_a_turn_does() -> None:
    async with soon(), ActorSystem() as system:
        actor = await system.spawn(Aside, restart=Restart.TEMPORARY)
        assert isinstance(await outcome(actor.call(Aside.cancel_itself)), AskCancelledError)
        assert (await actor.join()).reason is ExitReason.CRASHED


@pytest.mark.parametrize("end", ["crash", "stop", "kill"])
async def test_guarantee_05_an_interleaved_call_is_told_the_reason_that_join_says(end: str) -> None:
    async with soon(), ActorSystem() as system:
        actor = await system.spawn(Aside, restart=Restart.TEMPORARY)
        calling = started(outcome(actor.call(Aside.wait)))
        await ticks(3)
        if end == "crash":
            await actor.send(ValueError("crash"))
        else:
            getattr(actor, end)()
        error = await calling
        assert isinstance(error, ActorStoppedError)
        assert error.reason is (await actor.join()).reason


async def test_guarantee_35_a_call_that_came_too_early_counts_once() -> None:
    class Slow(Actor[Any]):
        async def on_start(self) -> None:
            await gate.wait()

        @interleave
        async def beside(self) -> str:
            return "done"

    gate = asyncio.Event()
    async with soon(), ActorSystem() as system:
        spawning = started(system.spawn(Slow, name="slow"))
        await ticks(2)
        calling = started(system.lookup("slow").call(Slow.beside))
        await ticks(2)
        gate.set()
        assert await calling == "done"
        assert (await spawning).statistics().handled == 1
