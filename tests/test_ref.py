"""The ref: what it says of its actor, its doors for other threads, and bad input at every entry."""

import asyncio
import concurrent.futures
import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    ExitReason,
    Mailbox,
    Overflow,
    PriorityMailbox,
    Restart,
    Result,
    WrongThreadError,
)
from actorio.testing import until
from tests.guarantees.actors import (
    SOON,
    Failing,
    Held,
    Recorder,
    Silent,
    Valve,
    outcome,
    soon,
    started,
)
from tests.stage import ticks

# -- what it is ------------------------------------------------------------------------------------


async def test_a_ref_says_who_and_where_its_actor_is() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent, name="it")
        assert (ref.name, ref.path, ref.is_alive, ref.state) == ("it", "/it", True, "running")
        assert repr(ref) == "<ActorRef /it>"
        ref.stop()
        await ref.join()
        assert (ref.name, ref.path, ref.is_alive, ref.state) == ("it", "/it", False, "ended")
        assert repr(ref) == "<ActorRef /it (ended)>"


async def test_refs_are_hashable_and_equal_when_they_are_of_one_actor() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Showing, [], name="it")
        other = await system.spawn(Showing, [])
        assert ref == system.lookup("it") == await ref.call(Showing.own_ref)
        assert hash(ref) == hash(system.lookup("it"))
        assert ref != other
        assert ref != "ref"
        assert {ref: 1, other: 2}[system.lookup("it")] == 1
        ref.stop()
        await ref.join()
        again = await system.spawn(Showing, [], name="it")
        assert again != ref
        assert (await ref.join()).ref == ref


class Showing(Recorder):
    async def own_ref(self) -> ActorRef[Any]:
        return self.context.ref


async def test_a_ref_stays_valid_over_restarts() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [])
        for restarts in (1, 2, 3):
            await ref.send(ValueError())
            await until(lambda restarts=restarts: ref.statistics().restarts == restarts)
            assert await ref.ask(restarts) == restarts


async def test_statistics_count_what_was_handled_failed_and_restarted() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [])
        for _ in range(3):
            await ref.send(1)
        await outcome(ref.ask(ValueError()))
        await ref.submit(int)
        await ref.call(Failing.receive, 1)
        await ref.send(ValueError())
        await ref.ask(2)
        statistics = ref.statistics()
        assert (statistics.depth, statistics.failed, statistics.restarts) == (0, 2, 1)
        assert statistics.handled == 7  # the message that failed the actor was not handled to the end
        ref.stop()
        await ref.join()
        assert ref.statistics() == statistics


async def test_a_hook_and_a_task_that_raise_are_counted_as_failed() -> None:
    class Unlucky(Actor[Any]):
        async def fail(self) -> None:
            raise LookupError

        async def receive(self, message: Any) -> None:
            self.context.start_soon(self.fail)

        async def on_stop(self, reason: ExitReason) -> None:
            raise LookupError

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Unlucky, restart=Restart.TEMPORARY)
        await ref.send("go")
        await ref.join()
        assert ref.statistics().failed == 2


async def test_handled_is_right_at_any_moment_and_after_a_stop() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        valve.open.set()
        for number in range(10):
            await ref.send(number)
        await ref.call(Held.receive, 10)
        assert ref.statistics().handled in (10, 11)
        for number in range(5):
            await ref.send(number)
        await until(lambda: len(valve.finished) == 16)
        ref.stop()
        await ref.join()
        assert ref.statistics().handled == 16


# -- close, stop, kill, join -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "reason"),
    [("close", ExitReason.NORMAL), ("stop", ExitReason.SHUTDOWN), ("kill", ExitReason.KILLED)],
)
async def test_every_end_is_idempotent_and_has_its_reason(end: str, reason: ExitReason) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        for _ in range(3):
            getattr(ref, end)()
        joins = [started(ref.join()) for _ in range(3)]
        ended = await ref.join()
        assert (ended.ref, ended.reason, ended.error) == (ref, reason, None)
        assert [await join for join in joins] == [ended] * 3
        for other in ("close", "stop", "kill"):
            getattr(ref, other)()
        assert await ref.join(0) == ended


@pytest.mark.parametrize("first", ["close", "stop"])
async def test_a_mightier_end_overtakes(first: str) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        for number in range(3):
            await ref.send(number)
        await valve.entered.wait()
        getattr(ref, first)()
        await ticks(2)
        ref.kill()
        assert (await ref.join()).reason is ExitReason.KILLED
    assert valve.finished == []


async def test_a_milder_end_does_not_take_back() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        for number in range(3):
            await ref.send(number)
        await valve.entered.wait()
        ref.stop()
        ref.close()
        valve.open.set()
        assert (await ref.join()).reason is ExitReason.SHUTDOWN
    assert valve.finished == [0]


async def test_join_of_a_crashed_actor_has_its_error() -> None:
    from actorio import Restart

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [], restart=Restart.TEMPORARY)
        error = ValueError("crash")
        await ref.send(error)
        ended = await ref.join()
        assert (ended.reason, ended.error) == (ExitReason.CRASHED, error)


async def test_join_with_a_timeout_raises_timeout_error_and_may_be_tried_again() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent, name="it")
        for timeout in (0, 0.001):
            with pytest.raises(TimeoutError, match="/it"):
                await ref.join(timeout)
        assert len(system._runtime.timers) == 0
        ref.stop()
        assert (await ref.join(60)).reason is ExitReason.SHUTDOWN
        assert len(system._runtime.timers) == 0


async def test_a_killed_actor_ends_within_a_tick_or_two() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send(0)
        await valve.entered.wait()
        ref.kill()
        await ticks(5)
        assert not ref.is_alive


# -- the doors for other threads -------------------------------------------------------------------


@pytest.fixture
def in_thread() -> Iterator[Callable[..., asyncio.Future[Any]]]:
    """Run a function in another thread: `await in_thread(func, *args)`."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield lambda func, *args: asyncio.get_running_loop().run_in_executor(pool, func, *args)


InThread = Callable[..., Awaitable[Any]]


async def test_a_priority_that_raises_does_not_hold_up_the_mail_of_threads(in_thread: InThread) -> None:
    def priority(message: Any) -> int:
        if message == "no":
            raise ValueError("no priority")
        return 0

    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        seen: list[Any] = []
        ref = await system.spawn(Recorder, seen, mailbox=PriorityMailbox(priority))
        for message in (1, "no", 2):
            await in_thread(ref.send_threadsafe, message)
        await in_thread(ref.send_threadsafe, 3)
        await until(lambda: len(seen) == 3)
    assert seen == [1, 2, 3]
    assert [letter.message async for letter in letters] == ["no"]


async def test_submit_threadsafe_gives_the_value_or_the_exception(in_thread: InThread) -> None:
    async def coroutine(value: int) -> int:
        await ticks(1)
        return value

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)

        def use() -> list[Any]:
            values = [
                ref.submit_threadsafe(int).result(5),
                ref.submit_threadsafe(coroutine, value=3).result(5),
            ]
            values.append(ref.submit_threadsafe(divmod, 1, 0).exception(5))
            return values

        first, second, error = await in_thread(use)
        assert (first, second) == (0, 3)
        assert isinstance(error, ZeroDivisionError)


async def test_a_future_of_another_thread_that_is_cancelled_cancels_the_work(in_thread: InThread) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        entered = asyncio.Event()
        running = ref.submit_threadsafe(_wait_for_ever, entered)
        queued = ref.submit_threadsafe(valve.finished.append, 1)
        await entered.wait()
        assert await in_thread(queued.cancel)
        assert await in_thread(running.cancel)
        assert await ref.submit(int) == 0
        assert concurrent.futures.wait([running, queued], timeout=5).not_done == set()
        for future in (running, queued):
            assert future.cancelled()
            with pytest.raises(concurrent.futures.CancelledError):
                future.result(0)
        assert ref.statistics().restarts == 0
    assert valve.finished == []


async def _wait_for_ever(entered: asyncio.Event) -> None:
    entered.set()
    await asyncio.Event().wait()


async def test_a_future_cancelled_at_once_never_runs_its_work() -> None:
    ran: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        future = ref.submit_threadsafe(ran.append, 1)
        future.cancel()
        await ticks(3)
        assert await ref.submit(int) == 0
    assert ran == []


async def test_a_future_that_is_cancelled_while_its_value_comes_breaks_nothing(in_thread: InThread) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)

        def use() -> int:
            cancelled = 0
            for _ in range(200):
                cancelled += ref.submit_threadsafe(int).cancel()
            return cancelled

        await in_thread(use)
        await in_thread(lambda: [ref.submit_threadsafe(int).result(5) for _ in range(50)])


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_work_of_another_thread_is_told_when_the_actor_ends(end: str, in_thread: InThread) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send(0)
        await valve.entered.wait()
        queued = ref.submit_threadsafe(int)
        await ticks(2)
        getattr(ref, end)()
        valve.open.set()
        error = await in_thread(queued.exception, 5)
        assert isinstance(error, ActorStoppedError)
        late = ref.submit_threadsafe(int)
        assert isinstance(await in_thread(late.exception, 5), ActorStoppedError)


async def test_the_doors_are_shut_once_the_system_has_ended(in_thread: InThread) -> None:
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Silent)
        for use in (ref.send_threadsafe, ref.submit_threadsafe):
            refused = await outcome(in_thread(use, int))
            assert isinstance(refused, ActorStoppedError)
            assert refused.undelivered is int


def test_the_doors_are_shut_once_the_loop_is_closed() -> None:
    async def main() -> ActorRef[Any]:
        async with ActorSystem() as system:
            return await system.spawn(Silent)

    ref = asyncio.run(main())
    with pytest.raises(ActorStoppedError):
        ref.send_threadsafe(1)
    with pytest.raises(ActorStoppedError):
        ref.submit_threadsafe(int)


async def test_everything_else_is_refused_from_another_thread(in_thread: InThread) -> None:
    async with soon(), ActorSystem() as system:
        seen: list[Any] = []
        ref = await system.spawn(Recorder, seen, name="it")

        def run(work: Any) -> Any:
            return asyncio.run(_finish(work))

        for use in (
            lambda: ref.send(1),
            lambda: ref.send_nowait(1),
            lambda: ref.cast(Recorder.receive, 1),
            lambda: ref.submit(int),
            ref.close,
            ref.stop,
            ref.kill,
            lambda: run(ref.ask(1)),
            lambda: run(ref.call(Recorder.receive, 1)),
            lambda: run(ref.join()),
            lambda: run(system.spawn(Silent)),
            lambda: run(system.get_or_spawn("it", Silent)),
            lambda: run(system.shutdown()),
            lambda: system.lookup("it"),
            lambda: system.register("alias", ref),
            lambda: system.unregister("alias"),
            system.snapshot,
        ):
            refused = await outcome(in_thread(use))
            assert isinstance(refused, WrongThreadError), use
        assert ref.is_alive
        assert await ref.ask(2) == 2
    assert seen == [2]


async def _finish(work: Awaitable[Any]) -> Any:
    return await work


def test_a_result_that_is_not_done_is_refused_on_another_loop_of_the_same_thread() -> None:
    async def first() -> Result[int]:
        await system.__aenter__()
        ref = await system.spawn(Held, valve)
        await ref.send(1)
        await valve.entered.wait()
        return ref.submit(int)

    async def second() -> None:
        assert isinstance(await outcome(_finish(result)), WrongThreadError)

    async def last() -> None:
        valve.open.set()
        assert await result == 0
        await system.__aexit__(None, None, None)

    valve, system = Valve(), ActorSystem()
    with asyncio.Runner() as runner:
        result = runner.run(first())
        with asyncio.Runner() as other:
            other.run(second())
        runner.run(last())


def test_everything_is_refused_on_another_loop_of_the_same_thread() -> None:
    async def first() -> None:
        await system.__aenter__()
        refs.append(await system.spawn(Recorder, seen, name="it"))

    async def second() -> None:
        ref = refs[0]
        for use in (
            lambda: ref.send(1),
            lambda: ref.send_nowait(1),
            lambda: ref.submit(int),
            lambda: ref.ask(1),
            lambda: ref.call(Recorder.receive, 1),
            ref.join,
            lambda: system.spawn(Silent),
            system.shutdown,
            ref.kill,
            lambda: system.lookup("it"),
        ):
            refused = await outcome(_finish(_late(use)))
            assert isinstance(refused, WrongThreadError), use

    seen: list[Any] = []
    refs: list[ActorRef[Recorder]] = []
    system = ActorSystem()
    with asyncio.Runner() as runner:
        runner.run(first())
        with asyncio.Runner() as other:
            other.run(second())
        runner.run(system.__aexit__(None, None, None))
    assert seen == []


def test_a_send_from_another_loop_to_a_busy_actor_is_handled_when_its_own_goes_on() -> None:
    async def first() -> ActorRef[Held]:
        await system.__aenter__()
        ref = await system.spawn(Held, valve)
        await ref.send(1)
        await valve.entered.wait()
        return ref

    async def last() -> None:
        valve.open.set()
        await system.__aexit__(None, None, None)

    valve, system = Valve(), ActorSystem()
    with asyncio.Runner() as runner:
        ref = runner.run(first())
        with asyncio.Runner() as other:
            other.run(_finish(ref.send(2)))
        runner.run(last())
    assert valve.finished == [1, 2]


async def _late(use: Callable[[], Any]) -> Any:
    value = use()
    return await value if isinstance(value, Awaitable) else value


# -- bad input -------------------------------------------------------------------------------------

BAD_DURATIONS: list[tuple[Any, type[Exception]]] = [
    (float("nan"), ValueError),
    (float("inf"), ValueError),
    (-1, ValueError),
    (-0.001, ValueError),
    (10**400, ValueError),
    (True, TypeError),
    ("1", TypeError),
    (1j, TypeError),
    ([], TypeError),
]


@pytest.mark.parametrize(("bad", "error"), BAD_DURATIONS)
async def test_a_duration_that_is_none_is_refused_at_every_entry(bad: Any, error: type[Exception]) -> None:
    class Timing(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            context = self.context
            return [
                await outcome(_late(use))
                for use in (
                    lambda: context.send_after(bad, 1),
                    lambda: context.send_every(bad, 1),
                    lambda: context.spawn(Silent, shutdown=bad),
                    lambda: context.spawn(Silent, start_timeout=bad),
                )
            ]

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Timing)
        refused = [
            await outcome(ref.ask(1, timeout=bad)),
            await outcome(ref.join(bad)),
            await outcome(system.spawn(Silent, start_timeout=bad)),
            await outcome(system.spawn(Silent, shutdown=bad)),
            *await ref.ask(1),
        ]
        assert [type(one) for one in refused] == [error] * 8
        assert len(system.snapshot()) == 1
        assert ref.statistics().handled == 1  # the ask that was refused was not sent
    with pytest.raises(error):
        ActorSystem(shutdown_timeout=bad)


@pytest.mark.parametrize("bad", [None, 1, "method", object()])
async def test_what_cannot_be_called_is_refused_where_a_function_is_wanted(bad: Any) -> None:
    async with soon(), ActorSystem() as system:
        ref: Any = await system.spawn(Silent)
        for use in (ref.submit, ref.submit_threadsafe, ref.cast, ref.call):
            refused = await outcome(_late(functools.partial(use, bad)))
            assert isinstance(refused, TypeError)
            assert "takes a function and its arguments" in str(refused)


async def test_a_coroutine_object_is_refused_where_a_function_is_wanted_and_closed() -> None:
    async with soon(), ActorSystem() as system:
        ref: Any = await system.spawn(Silent)
        for use in (ref.submit, ref.submit_threadsafe, ref.cast, ref.call):
            refused = await outcome(_late(functools.partial(use, ticks(1))))
            assert isinstance(refused, TypeError)
            assert "leave the () out" in str(refused)


@pytest.mark.parametrize("bad", ["ref", None, Silent, 3])
async def test_what_is_no_ref_is_refused_where_a_ref_is_wanted(bad: Any) -> None:
    class Binding(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            context = self.context
            return [
                await outcome(_late(functools.partial(use, bad)))
                for use in (context.watch, context.unwatch, context.link, context.unlink)
            ]

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Binding)
        refused = [
            *await ref.ask(1),
            await outcome(_late(lambda: system.register("alias", bad))),
            await outcome(_late(lambda: system.groups.join("group", bad))),
        ]
        for error in refused:
            assert isinstance(error, TypeError)
            assert "takes an ActorRef, not" in str(error)


async def test_a_message_with_hostile_methods_does_no_harm() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise ValueError("repr")

        def __eq__(self, other: object) -> bool:
            raise ValueError("eq")

        def __bool__(self) -> bool:
            raise ValueError("bool")

        def __hash__(self) -> int:
            raise ValueError("hash")

        def __len__(self) -> int:
            raise ValueError("len")

    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        message = Hostile()
        full = await system.spawn(Held, valve, mailbox=Mailbox(1, overflow=Overflow.FAIL))
        await full.send(message)
        await valve.entered.wait()
        await full.send(message)
        for refused in (await outcome(full.send(message)), await outcome(full.ask(message))):
            assert "whose repr raised ValueError" in str(refused)
        failing = await system.spawn(HostileFailing)
        await failing.send(message)
        await until(lambda: failing.statistics().restarts == 1)
        assert await outcome(failing.ask(message)) is not None
        full.kill()
        failing.kill()
    assert [letter.reason async for letter in letters] == ["interrupted", "stopped"]


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__


class HostileFailing(Actor[Any]):
    async def receive(self, message: Any) -> None:
        raise HostileError


async def test_a_result_of_a_foreign_kind_is_awaited_as_any_awaitable_is() -> None:
    """What a handler returns is awaited when it can be: a future, a `Result`, an object with `__await__`."""

    class Custom:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return "custom"

    class Returning(Actor[Any]):
        def receive(self, message: Any) -> Any:  # type: ignore[override]
            return message

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Returning)
        other = await system.spawn(Silent)
        future = asyncio.get_running_loop().create_future()
        future.set_result("future")
        result: Result[int] = other.submit(int)
        assert [await ref.ask(one) for one in (Custom(), future, result)] == ["custom", "future", 0]


async def test_what_send_gives_is_taken_by_all_that_take_awaitables_or_coroutines() -> None:
    async with soon(), ActorSystem() as system:
        seen: list[Any] = []
        ref = await system.spawn(Recorder, seen, mailbox=Mailbox(1))
        await asyncio.wait_for(ref.send(1), SOON)
        await asyncio.ensure_future(ref.send(2))
        await asyncio.gather(*(ref.send(number) for number in (3, 4, 5)))
        await asyncio.create_task(ref.send(6))  # type: ignore[arg-type]  # for the checkers it is no coroutine
        await ref.ask(7)
        assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_no_time_to_join_asks_whether_it_has_ended() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        with pytest.raises(TimeoutError):
            await ref.join(timeout=0)
        ref.stop()
        await ref.join()
        assert (await ref.join(timeout=0)).reason is ExitReason.SHUTDOWN


async def test_a_join_that_timed_out_is_forgotten() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Silent)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await ref.join(0)
        assert not ref._cell.joiners


@pytest.mark.parametrize("name", ["two\nlines", "nul\0", "bell\a", "\udc80"])
async def test_a_name_that_cannot_be_printed_is_refused(name: str) -> None:
    async with ActorSystem() as system:
        with pytest.raises(ValueError, match="printable"):
            await system.spawn(Silent, name=name)
        await system.spawn(Silent, name="größer als 1")
