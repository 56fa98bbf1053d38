"""Guarantee 5: an ask ends in exactly one way, at once, and never with None for "dead"."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorExit,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    AskCancelledError,
    AskTimeoutError,
    ExitReason,
    Failed,
    Mailbox,
    NoReplyError,
    Restart,
    Result,
    Supervision,
    Worker,
    all_results,
)
from actorio.testing import until
from tests.guarantees.actors import (
    Failing,
    Held,
    Recorder,
    Silent,
    Valve,
    cancelled,
    in_turn,
    outcome,
    soon,
    started,
)
from tests.stage import ticks


async def test_guarantee_05_ask_gives_what_receive_returns() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, [])
        for value in (1, None, "", [], ValueError("a value")):
            assert await ref.ask(value) is value


class Plain(Actor[Any]):
    """Its `receive` is a plain function."""

    def receive(self, message: Any) -> Any:  # type: ignore[override]
        if isinstance(message, BaseException):
            raise message
        return message


class Group(ExceptionGroup[Exception]):
    pass


@pytest.mark.parametrize("cls", [Failing, Plain])
@pytest.mark.parametrize(
    "error", [ValueError("v"), KeyError("k"), Group("g", [ValueError(), KeyError()]), ActorExit("exit")]
)
async def test_guarantee_05_ask_raises_the_handlers_own_exception_object(cls: Any, error: Exception) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(cls, []) if cls is Failing else await system.spawn(cls)
        with pytest.raises(type(error)) as caught:
            await ref.ask(error)
        assert caught.value is error
        if not isinstance(error, ActorExit):
            assert await ref.ask("and goes on") == "and goes on" or cls is Failing
            assert ref.statistics().restarts == 0


class Stop(StopIteration):
    pass


@pytest.mark.parametrize("cls", [Failing, Plain])
@pytest.mark.parametrize("error", [StopIteration(42), Stop(42), StopAsyncIteration(42)])
async def test_guarantee_05_a_stop_iteration_is_a_failure_and_not_a_value(cls: Any, error: Exception) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(cls, []) if cls is Failing else await system.spawn(cls)
        raised = await outcome(ref.ask(error))
        assert isinstance(raised, (RuntimeError, StopAsyncIteration))
        assert error in (raised, raised.__cause__)
        submitted = await outcome(ref.submit(_raise, error))
        assert isinstance(submitted, (RuntimeError, StopAsyncIteration))
        assert ref.is_alive


def _raise(error: BaseException) -> None:
    raise error


class Hard(BaseException):
    pass


@pytest.mark.parametrize(
    "error", [Hard("hard"), GeneratorExit("generator"), BaseExceptionGroup("g", [Hard()])]
)
async def test_guarantee_05_what_is_no_exception_stops_the_asked_actor_and_tells_the_asker(
    error: BaseException,
) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [])
        assert isinstance(await outcome(ref.ask(error)), ActorStoppedError)
        await until(lambda: ref.statistics().restarts == 1)
        assert await ref.ask("again") == "again"


@pytest.mark.parametrize("end", ["stop", "kill", "close"])
async def test_guarantee_05_ask_of_an_ended_actor_gets_actor_stopped_error(end: str) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, [])
        getattr(ref, end)()
        await ref.join()
        refused = await outcome(ref.ask("late", timeout=1_000))
        assert isinstance(refused, ActorStoppedError)
        assert refused.ref == ref
        assert refused.reason is (await ref.join()).reason
        assert refused.undelivered == "late"
        assert isinstance(await outcome(ref.call(Recorder.receive, "late")), ActorStoppedError)
        assert isinstance(await outcome(ref.submit(int)), ActorStoppedError)
        assert len(system._runtime.timers) == 0


@pytest.mark.parametrize("kind", ["ask", "call", "submit"])
async def test_guarantee_05_ask_of_a_killed_actor_gets_actor_stopped_error(kind: str) -> None:
    class Stuck(Actor[Any]):
        async def receive(self, message: Any = None) -> None:
            entered.set()
            await asyncio.Event().wait()

    async def work() -> None:
        entered.set()
        await asyncio.Event().wait()

    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stuck)
        asks = {
            "ask": lambda: ref.ask(1),
            "call": lambda: ref.call(Stuck.receive),
            "submit": lambda: ref.submit(work),
        }
        in_hand = started(outcome(asks[kind]()))
        await entered.wait()
        queued = started(outcome(asks[kind]()))
        await ticks(2)
        ref.kill()
        for answer in (await in_hand, await queued):
            assert isinstance(answer, ActorStoppedError)
            assert answer.ref == ref
        assert (await ref.join()).reason is ExitReason.KILLED


async def test_guarantee_05_the_error_for_a_killed_actor_is_no_cancellation() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        asking = started(ref.ask(1))
        await valve.entered.wait()
        ref.kill()
        await asyncio.wait([asking])
        assert not asking.cancelled()
        assert asking.cancelling() == 0
        assert isinstance(asking.exception(), ActorStoppedError)


async def test_guarantee_05_asks_queued_in_a_stopped_actor_are_told_at_once() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(2))
        asks = await in_turn(*(outcome(ref.ask(number)) for number in range(6)))
        await valve.entered.wait()
        ref.stop()
        await ticks(3)
        assert [ask.done() for ask in asks[3:]] == [True] * 3  # those in line: refused before the end
        valve.open.set()
        answers = [await ask for ask in asks]
    assert answers[0] == 0
    assert [type(answer) for answer in answers[1:]] == [ActorStoppedError] * 5


async def test_guarantee_05_asks_queued_over_a_crash_are_answered_by_the_next_incarnation() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [])
        ref.send_nowait(ValueError("crash"))
        asks = [started(outcome(ref.ask(number))) for number in range(3)]
        assert [await ask for ask in asks] == [0, 1, 2]
        assert ref.statistics().restarts == 1


async def test_guarantee_05_timeout_says_whether_handling_had_begun() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        asks = await in_turn(*(outcome(ref.ask(number, timeout=0.01)) for number in range(3)))
        in_hand, queued, in_line = [await ask for ask in asks]
        for error in (in_hand, queued, in_line):
            assert isinstance(error, AskTimeoutError)
            assert isinstance(error, TimeoutError)
        assert (in_hand.started, queued.started, in_line.started) == (True, False, False)
        valve.open.set()
        assert await ref.ask("next") == "next"
    assert valve.finished == [0, "next"]


async def test_guarantee_05_a_timeout_of_zero_is_a_timeout_or_an_answer() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        assert isinstance(await outcome(ref.ask("held", timeout=0)), AskTimeoutError)
        valve.open.set()
        assert await ref.ask("free", timeout=60) == "free"


async def test_guarantee_05_a_reply_later_than_the_timeout_is_dropped_and_harms_nobody() -> None:
    async with soon(), ActorSystem() as system:
        for tick in range(6):
            valve = Valve()
            ref = await system.spawn(Held, valve)
            ask = started(outcome(ref.ask("late", timeout=0)))
            await ticks(tick)
            valve.open.set()
            assert isinstance(await ask, AskTimeoutError) or await ask == "late"
            assert await ref.ask("next", timeout=60) == "next"
            assert ref.statistics().restarts == 0


async def test_guarantee_05_an_answered_ask_leaves_no_timer() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, [])
        for number in range(1_000):
            await ref.ask(number, timeout=3_600)
        assert len(system._runtime.timers) == 0


async def test_guarantee_05_the_askers_own_cancellation_stays_its_own() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        in_hand = started(ref.ask("in hand"))
        await valve.entered.wait()
        queued = started(ref.ask("queued"))
        await ticks(2)
        assert await cancelled(in_hand)
        assert await cancelled(queued)
        valve.open.set()
        assert await ref.ask("next") == "next"
    assert valve.finished == ["in hand", "next"]


async def test_guarantee_05_an_outer_timeout_works_as_with_any_await() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ref.ask("held")
        valve.open.set()
        assert await ref.ask("next") == "next"


@pytest.mark.parametrize("kind", ["ask", "call"])
async def test_guarantee_05_a_handler_that_is_cancelled_tells_its_asker_by_an_error(kind: str) -> None:
    class Cancelling(Actor[Any]):
        async def receive(self, message: Any = None) -> None:
            raise asyncio.CancelledError

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Cancelling)
        asking = started(ref.ask(1) if kind == "ask" else ref.call(Cancelling.receive))
        await asyncio.wait([asking])
        assert not asking.cancelled()
        error = asking.exception()
    assert isinstance(error, AskCancelledError)
    assert ("answer 1 was" if kind == "ask" else "Cancelling.receive was") in str(error)


async def needs_what_is_cancelled(*_: Any) -> None:
    needed = asyncio.get_running_loop().create_future()
    needed.cancel()
    await needed


@pytest.mark.parametrize("chunk", [1, 2])
async def test_guarantee_05_work_that_is_cancelled_from_the_inside_cancels_nobody(chunk: int) -> None:
    class Asking(Actor[ActorRef[Any]]):
        async def receive(self, worker: ActorRef[Any]) -> Any:
            return await worker.submit(needs_what_is_cancelled)

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2, supervision=Supervision(max_restarts=9))
        result = pool.submit(needs_what_is_cancelled, 1)
        error = await outcome(result)
        assert isinstance(error, AskCancelledError)
        assert "needs_what_is_cancelled" in str(error)
        assert result.exception() is error
        together = all_results([pool.submit(needs_what_is_cancelled)])
        assert isinstance(await outcome(together), AskCancelledError)
        asking = await system.spawn(Asking)
        assert isinstance(await outcome(asking.ask(pool)), AskCancelledError)
        assert asking.statistics().restarts == 0
        failures = pool.map(needs_what_is_cancelled, range(2), chunk=chunk, on_error=Failed)
        assert [type(failed.error) async for failed in failures] == [AskCancelledError] * 2
        pool.submit(needs_what_is_cancelled)  # nobody looks, and the pool has reported it


async def test_guarantee_05_a_result_that_is_cancelled_by_its_holder_says_so() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Worker)
        result = ref.submit(asyncio.sleep, 3_600)
        await ticks()
        assert result.cancel()
        with pytest.raises(asyncio.CancelledError):
            await result
        assert result.cancelled()
        assert await ref.submit(str, 1) == "1"
        assert ref.statistics().restarts == 0


async def test_guarantee_05_the_value_is_not_lost_to_a_cancel_in_the_same_tick() -> None:
    """Whatever the order of reply and cancel, the asker sees one of the two."""
    for tick in range(8):
        async with soon(), ActorSystem() as system:
            valve = Valve()
            ref = await system.spawn(Held, valve)
            asking = started(ref.ask("question"))
            await valve.entered.wait()
            valve.open.set()
            await ticks(tick)
            asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled() or asking.result() == "question"
            assert await ref.ask("next") == "next"
        assert valve.finished == ["question", "next"]


class Own(Actor[Any]):
    """An own loop that does what it is told with each message."""

    async def run(self) -> None:
        while True:
            message = await self.recv()
            if message == "return":
                return
            if message == "exit":
                raise ActorExit
            if message == "raise":
                raise LookupError(message)
            if message == "reply":
                self.context.reply("answer")
                self.context.reply("again")


async def test_guarantee_05_an_own_loop_answers_by_reply() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Own)
        assert await ref.ask("reply") == "answer"


@pytest.mark.parametrize(
    ("message", "errors"),
    [
        ("go on", (NoReplyError,)),
        ("return", (NoReplyError, ActorStoppedError)),
        ("exit", (NoReplyError, ActorStoppedError)),
        ("raise", (LookupError,)),
    ],
)
async def test_guarantee_05_an_own_loop_that_does_not_reply_fails_the_ask(message: str, errors: Any) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Own)
        assert isinstance(await outcome(ref.ask(message)), errors)


async def test_guarantee_05_an_own_loop_that_is_killed_or_stopped_fails_its_asks() -> None:
    class Holding(Actor[Any]):
        async def run(self) -> None:
            await self.recv()
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Holding)
        asks = [started(outcome(ref.ask(number))) for number in range(2)]
        await entered.wait()
        ref.kill()
        assert [type(await ask) for ask in asks] == [ActorStoppedError] * 2


class Deferring(Actor[Any]):
    """Takes every ask away and puts the handle into a list."""

    def __init__(self, handles: list[Result[Any]]) -> None:
        self.handles = handles

    async def receive(self, message: Any) -> None:
        if message == "crash":
            raise ValueError
        self.handles.append(self.context.defer())


async def test_guarantee_05_a_deferred_ask_is_answered_later_by_value_or_exception() -> None:
    async with soon(), ActorSystem() as system:
        handles: list[Result[Any]] = []
        ref = await system.spawn(Deferring, handles)
        asks = await in_turn(*(outcome(ref.ask(number)) for number in range(3)))
        await until(lambda: len(handles) == 3)
        handles[2].set_result("third")
        handles[0].set_exception(LookupError("first"))
        handles[1].cancel()
        first, second, third = [await ask for ask in asks]
    assert isinstance(first, LookupError)
    assert isinstance(second, AskCancelledError)
    assert third == "third"


async def test_guarantee_05_a_deferred_ask_that_is_given_a_cancel_does_not_cancel_its_asker() -> None:
    async with soon(), ActorSystem() as system:
        handles: list[Result[Any]] = []
        ref = await system.spawn(Deferring, handles)
        asks = await in_turn(*(ref.ask(number) for number in range(2)))
        await until(lambda: len(handles) == 2)
        handles[0].set_exception(asyncio.CancelledError())
        handles[1].cancel()
        handles[1].set_exception(LookupError("ignored, since it was cancelled"))
        await asyncio.wait(asks)
        for asking in asks:
            assert not asking.cancelled()
            assert isinstance(asking.exception(), AskCancelledError)
        with pytest.raises(AskCancelledError):
            handles[0].result()
        assert handles[1].cancelled()


async def test_guarantee_05_a_deferred_ask_that_is_dropped_fails_at_once() -> None:
    async with soon(), ActorSystem() as system:
        handles: list[Result[Any]] = []
        ref = await system.spawn(Deferring, handles)
        ask = started(outcome(ref.ask(1)))
        await until(lambda: handles)
        handles.clear()
        assert isinstance(await ask, NoReplyError)


@pytest.mark.parametrize("end", ["crash", "stop", "kill"])
async def test_guarantee_05_a_deferred_ask_is_told_when_the_incarnation_ends_and_a_late_answer_is_ignored(
    end: str,
) -> None:
    async with soon(), ActorSystem() as system:
        handles: list[Result[Any]] = []
        ref = await system.spawn(Deferring, handles)
        asks = [started(outcome(ref.ask(number))) for number in range(3)]
        await until(lambda: len(handles) == 3)
        if end == "crash":
            await ref.send("crash")
        else:
            getattr(ref, end)()
        for ask in asks:
            assert isinstance(await ask, ActorStoppedError)
        handles[0].set_result("late")
        handles[1].set_exception(LookupError("late"))
        handles[2].cancel()


async def test_guarantee_05_a_deferred_ask_that_has_timed_out_ignores_its_answer() -> None:
    async with soon(), ActorSystem() as system:
        handles: list[Result[Any]] = []
        ref = await system.spawn(Deferring, handles)
        error = await outcome(ref.ask(1, timeout=0.01))
        assert isinstance(error, AskTimeoutError)
        assert error.started
        handles[0].set_result("late")


async def test_guarantee_05_a_call_that_cannot_be_made_is_an_error_and_the_actor_goes_on() -> None:
    class Other(Actor[Any]):
        async def method(self) -> None: ...

    class Called(Actor[Any]):
        async def method(self, needed: int) -> int:
            return needed

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Called)
        untyped: ActorRef[Any] = ref
        with pytest.raises(TypeError, match="not a method of"):
            await untyped.call(Other.method)
        with pytest.raises(TypeError, match="needed"):
            await untyped.call(Called.method)
        with pytest.raises(TypeError, match="takes a function"):
            await untyped.call("method")
        assert await ref.call(Called.method, 3) == 3
        assert ref.statistics().restarts == 0


async def test_guarantee_05_an_ask_of_a_receive_with_the_wrong_signature_is_an_error() -> None:
    class Wrong(Actor[Any]):
        async def receive(self) -> None:  # type: ignore[override]
            ...

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Wrong)
        assert isinstance(await outcome(ref.ask(1)), TypeError)


async def test_guarantee_05_reply_errors_of_the_wrong_kind_are_refused_at_the_spawn() -> None:
    class Wrong(Actor[Any]):
        reply_errors = [ValueError]  # type: ignore[assignment]  # noqa: RUF012

    async with soon(), ActorSystem() as system:
        with pytest.raises(TypeError, match=r"Wrong\.reply_errors must be a tuple of exception classes"):
            await system.spawn(Wrong)


async def test_guarantee_05_an_error_that_is_not_listed_is_the_answer_and_fails_the_actor() -> None:
    class Strict(Failing):
        reply_errors = (LookupError,)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Strict, [])
        listed, other = KeyError("listed"), ValueError("other")
        assert await outcome(ref.ask(listed)) is listed
        assert ref.statistics().restarts == 0
        assert await outcome(ref.ask(other)) is other
        assert await ref.ask("next") == "next"
        assert ref.statistics().restarts == 1


async def test_guarantee_05_an_early_reply_is_the_answer_and_the_handler_goes_on() -> None:
    class Early(Actor[Any]):
        async def receive(self, message: Any) -> str:
            self.context.reply("early")
            await gate.wait()
            log.append("finished")
            return "late"

    gate = asyncio.Event()
    log: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Early)
        assert await ref.ask(1) == "early"
        assert log == []
        gate.set()
    assert log == ["finished"]


async def test_guarantee_05_asks_of_an_actor_that_fails_all_the_time_and_then_stops_all_end() -> None:
    for tick in range(1, 6):
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Failing, [], mailbox=Mailbox(5))
            asks = [
                started(outcome(ref.ask(ValueError(number) if number % 3 == 0 else number, timeout=5.0)))
                for number in range(300)
            ]
            await ticks(tick)
            ref.stop()
            answers = [await ask for ask in asks]
            assert None not in answers
            assert {type(answer) for answer in answers} <= {int, ValueError, ActorStoppedError}
            assert len(system._runtime.timers) == 0


async def test_guarantee_05_an_ask_after_the_system_has_ended_is_an_error() -> None:
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Silent)
        assert isinstance(await outcome(ref.ask(1, timeout=1_000)), ActorStoppedError)
        assert isinstance(await outcome(ref.call(Silent.receive, 1)), ActorStoppedError)
        assert isinstance(await outcome(ref.submit(int)), ActorStoppedError)


@pytest.mark.parametrize("way", ["ask", "call", "submit"])
async def test_guarantee_05_an_asker_is_told_the_same_reason_as_one_who_joins(way: str) -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve)
        ways: dict[str, Any] = {
            "ask": lambda: ref.ask("x"),
            "call": lambda: ref.call(Held.receive, "x"),
            "submit": lambda: ref.submit(_enter, valve),
        }
        asking = started(outcome(ways[way]()))
        await valve.entered.wait()
        task = ref._cell.task
        assert task is not None
        task.cancel()
        error = await asking
        assert isinstance(error, ActorStoppedError)
        assert error.reason is (await ref.join()).reason is ExitReason.KILLED


async def _enter(valve: Valve) -> None:
    valve.entered.set()
    await asyncio.Event().wait()


class Unusual(BaseException):
    """No Exception, and no exit."""


async def test_guarantee_05_the_asker_of_one_that_fails_by_no_exception_is_told_that_it_crashed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [], restart=Restart.TEMPORARY)
        error = await outcome(ref.ask(Unusual()))
        assert isinstance(error, ActorStoppedError)
        assert error.reason is (await ref.join()).reason is ExitReason.CRASHED


@pytest.mark.parametrize(("way", "what"), [("ask", "'my question'"), ("call", "receive")])
async def test_guarantee_05_the_error_of_cancelled_work_says_what_was_asked(
    way: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Stray(Actor[Any]):
        async def receive(self, message: Any) -> None:
            raise asyncio.CancelledError

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stray, name="stray")
        asked = ref.ask("my question") if way == "ask" else ref.call(Stray.receive, "x")
        error = await outcome(asked)
        assert isinstance(error, AskCancelledError)
        assert "/stray" in str(error)
        assert what in str(error)


@pytest.mark.parametrize("own_loop", [False, True])
async def test_guarantee_05_the_exit_of_the_one_that_is_asked_does_not_end_its_asker(own_loop: bool) -> None:
    """It is an answer like any other exception: the asker's own handler has failed, and has not ended its actor."""

    class Leaving(Actor[Any]):
        async def receive(self, message: Any) -> None:
            async with asyncio.TaskGroup():
                raise ActorExit

    class Asking(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await message.ask("leave")

    class InALoop(Asking):
        async def run(self) -> None:
            await super().run()

    async with soon(), ActorSystem() as system:
        asking = await system.spawn(InALoop if own_loop else Asking)
        asked = await system.spawn(Leaving)
        answer = await outcome(asking.ask(asked))
        assert isinstance(answer, ExceptionGroup)
        assert (await asked.join()).reason is ExitReason.NORMAL
        assert (asking.is_alive, asking.statistics().restarts) == (True, 0)
        await asking.send(await system.spawn(Leaving))  # nobody asked: a failure
        await asking.call(Actor.on_start)
        assert (asking.is_alive, asking.statistics().restarts) == (True, 1)
