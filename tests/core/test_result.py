"""The `Result`: many may await it, each by itself."""

import asyncio
import contextvars
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actorio import Actor, ActorStoppedError, ActorSystem, DeadlockError, Result, Worker
from tests.guarantees.actors import Held, Silent, Valve, cancelled, outcome, soon, started
from tests.stage import ticks, until


async def test_a_result_may_be_awaited_many_times_and_gives_the_same_value() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(object)
        first = await result
        assert [await result, await result, result.result()] == [first] * 3
        assert result.done()
        assert not result.cancelled()
        assert result.exception() is None


async def test_a_result_raises_the_exception_object_of_the_work_each_time() -> None:
    def fail() -> None:
        raise error

    error = LookupError("work")
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(fail)
        with pytest.raises(LookupError) as caught:
            await result
        assert caught.traceback[-1].name == "fail"
        assert await outcome(result) is await outcome(result) is result.exception() is error
        assert ref.statistics().restarts == 0


@pytest.mark.parametrize("fails", [False, True])
async def test_a_value_that_somebody_else_has_given_stands_and_is_no_failure_of_the_actor(
    fails: bool,
) -> None:
    async with soon(), ActorSystem() as system:
        gate = asyncio.Event()
        ref = await system.spawn(Silent)
        running: Result[Any] = ref.submit(_after, gate, "late")
        queued: Result[Any] = ref.submit(len, "late")
        await ticks(3)
        for result in (running, queued):
            if fails:
                result.set_exception(LookupError("early"))
            else:
                result.set_result("early")
        gate.set()
        for result in (running, queued):
            came = await outcome(result)
            assert isinstance(came, LookupError) if fails else came == "early"
        assert await ref.submit(len, "abc") == 3
        assert ref.statistics().restarts == 0


async def test_one_awaiter_that_is_cancelled_harms_neither_the_work_nor_the_others() -> None:
    async with soon(), ActorSystem() as system:
        gate = asyncio.Event()
        ref = await system.spawn(Silent)
        result = ref.submit(_after, gate, "value")
        awaiters = [started(_await(result)) for _ in range(3)]
        await ticks(3)
        for awaiter in awaiters[:2]:
            assert await cancelled(awaiter)
        assert not result.done()
        gate.set()
        assert await awaiters[2] == "value"
        assert await result == "value"


async def _after(gate: asyncio.Event, value: Any) -> Any:
    await gate.wait()
    return value


async def _await(result: Result[Any]) -> Any:
    return await result


async def test_a_timeout_around_a_result_ends_the_wait_alone() -> None:
    async with soon(), ActorSystem() as system:
        gate = asyncio.Event()
        ref = await system.spawn(Silent)
        result = ref.submit(_after, gate, "value")
        for _ in range(50):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await result
        gate.set()
        assert await result == "value"


async def test_cancelling_a_result_cancels_its_running_work_at_its_next_await_and_nothing_else() -> None:
    async def work() -> None:
        log.append("begun")
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cleaned up")

    log: list[str] = []
    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(work)
        await entered.wait()
        assert result.cancel()
        assert not result.cancel()
        assert result.cancelled()
        waiting = started(_await(result))
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert await ref.submit(log.append, "next") is None
        statistics = ref.statistics()
        assert (statistics.restarts, statistics.failed) == (0, 0)
    assert log == ["begun", "cleaned up", "next"]


async def test_work_that_cancels_its_own_result_is_cancelled_at_its_next_await() -> None:
    async def work() -> None:
        results[0].cancel()
        log.append("goes on")
        await ticks(1)
        log.append("never")

    log: list[str] = []
    results: list[Result[Any]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        results.append(ref.submit(work))
        await ref.submit(int)
        assert results[0].cancelled()
        assert await ref.ask(1) is None
    assert log == ["goes on"]


async def test_work_that_swallows_its_cancel_harms_nobody() -> None:
    async def work() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await ticks(3)
            log.append("swallowed")

    log: list[str] = []
    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(work)
        await entered.wait()
        result.cancel()
        assert await ref.submit(_cancels_pending) == 0
        assert log == ["swallowed"]
        assert await ref.submit(int) == 0


def _cancels_pending() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_a_result_cancelled_at_any_tick_leaves_the_actor_sound() -> None:
    for tick in range(10):
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Silent)
            result = ref.submit(ticks, 3)
            await ticks(tick)
            result.cancel()
            assert await ref.submit(int) == 0
            await ref.submit(ticks, 3)
            assert ref.statistics().restarts == 0


async def test_a_kill_while_cancelled_work_winds_up_is_a_kill() -> None:
    async def work() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            winding_up.set()
            await asyncio.Event().wait()

    entered, winding_up = asyncio.Event(), asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(work)
        queued = ref.submit(int)
        await entered.wait()
        result.cancel()
        await winding_up.wait()
        ref.kill()
        await ref.join()
        assert isinstance(await outcome(queued), ActorStoppedError)


async def test_a_result_awaited_in_the_turn_that_its_work_waits_for_is_a_deadlock() -> None:
    class Waiting(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            result = self.context.ref.submit(int)
            error = await outcome(result)
            return error, result

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Waiting)
        error, result = await ref.ask(1)
        assert isinstance(error, DeadlockError)
        assert await result == 0


async def test_a_result_may_be_passed_on_and_awaited_by_another_actor() -> None:
    class Waiting(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await message

    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Silent)
        waiting = await system.spawn(Waiting)
        assert await waiting.ask(worker.submit(int)) == 0


async def test_callbacks_are_called_once_with_the_result_in_their_own_contextvars() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    called: list[tuple[Any, str]] = []
    context = contextvars.Context()
    context.run(variable.set, "theirs")
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(int)
        result.add_done_callback(lambda done: called.append((done, variable.get())), context=context)
        await result
        result.add_done_callback(lambda done: called.append((done, variable.get())), context=context)
        await ticks(2)
    assert called == [(result, "theirs")] * 2


async def test_result_and_exception_of_one_that_is_not_done_are_errors() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send(0)
        result = ref.submit(int)
        with pytest.raises(asyncio.InvalidStateError):
            result.result()
        with pytest.raises(asyncio.InvalidStateError):
            result.exception()
        assert repr(result) == "<Result pending>"
        valve.open.set()
        await result
        assert repr(result) == "<Result finished>"


async def test_a_result_set_by_hand_takes_one_value_and_ignores_it_when_cancelled() -> None:
    result: Result[int] = Result()
    result.set_result(1)
    with pytest.raises(asyncio.InvalidStateError):
        result.set_result(2)
    with pytest.raises(asyncio.InvalidStateError):
        result.set_exception(ValueError())
    assert await result == 1
    gone: Result[int] = Result()
    assert gone.cancel()
    gone.set_result(1)
    gone.set_exception(ValueError())
    assert gone.cancelled()


@pytest.mark.parametrize("error", [StopIteration(42), type("Stop", (StopIteration,), {})(42)])
async def test_a_stop_iteration_is_a_failure_and_not_a_value(error: StopIteration) -> None:
    result: Result[int] = Result()
    result.set_exception(error)
    with pytest.raises(RuntimeError) as caught:
        await result
    assert caught.value.__cause__ is error


async def test_a_failure_that_nobody_looks_at_is_logged_once_with_function_and_actor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse() -> None:
        raise LookupError("no such thing")

    async with ActorSystem() as system:
        ref = await system.spawn(Silent, name="till")
        looked_at = ref.submit(refuse)
        ref.submit(refuse)
        with pytest.raises(LookupError):
            await looked_at
        del looked_at
        await until(lambda: ref.statistics().handled == 2)
        gc.collect()
        records = [record for record in caplog.records if "nobody has looked" in record.getMessage()]
        assert [record.getMessage().split(",")[0].rpartition(".")[2] for record in records] == ["refuse"]
        assert "submitted to /till" in records[0].getMessage()
        assert records[0].exc_info is not None
        assert isinstance(records[0].exc_info[1], LookupError)


async def test_a_failure_that_was_looked_at_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(lambda: 1 / 0)
        await until(result.done)
        assert isinstance(result.exception(), ZeroDivisionError)
        del result
        gc.collect()
    assert not caplog.records


async def test_submitted_work_that_is_done_leaves_no_cycle_to_collect() -> None:
    class Table(Actor[Any]):
        async def rows(self) -> AsyncIterator[int]:
            yield 1
            yield 2

    async def of_each_kind() -> None:
        await worker.submit(int)
        async for _ in table.stream(Table.rows):
            pass
        async for _ in pool.map(abs, [1, 2, 3]):
            pass
        cancelled = worker.submit(asyncio.sleep, 1)
        cancelled.cancel()

    async with ActorSystem() as system:
        worker, table = await system.spawn(Worker), await system.spawn(Table)
        pool = await system.spawn_pool(Worker, size=2)
        await of_each_kind()
        await ticks()
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                await of_each_kind()
            await ticks()
            assert gc.collect() < 10  # less than one object for each time
        finally:
            gc.enable()
