"""Guarantees 27 and 28: `pool.map`, and several results at once."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorFailed,
    ActorStoppedError,
    ActorSystem,
    AskCancelledError,
    Failed,
    Worker,
    WorkerError,
    all_results,
    as_completed,
    first_result,
)
from actorio.testing import explore, until
from tests.guarantees.actors import cancelled, outcome, soon, started
from tests.stage import ticks


class Gauge:
    """How many run, and how many ran at most; how far the source was read."""

    def __init__(self) -> None:
        self.running = self.peak = self.read = self.done = self.cancelled = 0

    async def work(self, number: int) -> int:
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            await ticks(1 + number * 7 % 5)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        self.done += 1
        return number * 10

    def source(self, count: int) -> Iterator[int]:
        for number in range(count):
            self.read += 1
            yield number

    async def async_source(self, count: int) -> AsyncIterator[int]:
        try:
            for number in self.source(count):
                await ticks(number % 3)
                yield number
        finally:
            self.done = -1


async def even(number: int) -> int:
    if number % 2:
        raise ValueError(number)
    return number


def square(number: int) -> int:
    return number * number


def process_of(number: int) -> int:
    return os.getpid()


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__()
        self.hook = lambda: None


def fail_at_three(number: int) -> int:
    if number == 3:
        raise Unpicklable
    return number


# --- 27: the values -------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 3])
@pytest.mark.parametrize("ordered", [True, False])
async def test_guarantee_27_each_item_has_one_value(ordered: bool, chunk: int) -> None:
    gauge = Gauge()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=4)
        values = [v async for v in pool.map(gauge.work, range(50), ordered=ordered, chunk=chunk, limit=9)]
    assert sorted(values) == [number * 10 for number in range(50)]
    assert ordered == (values == sorted(values))


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_guarantee_27_no_more_than_limit_are_between_source_and_consumer(asynchronous: bool) -> None:
    gauge, taken = Gauge(), 0
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=8)
        source = gauge.async_source(60) if asynchronous else gauge.source(60)
        async for _ in pool.map(gauge.work, source, limit=5):
            taken += 1
            assert gauge.read - taken <= 5
            await ticks(taken % 4)
    assert (taken, gauge.read) == (60, 60)
    assert 1 < gauge.peak <= 5


async def test_guarantee_27_nothing_begins_before_the_first_value_is_asked_for() -> None:
    gauge = Gauge()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(gauge.work, gauge.source(5))
        await ticks(5)
        assert gauge.read == 0
        assert [value async for value in mapping] == [0, 10, 20, 30, 40]
        with pytest.raises(StopAsyncIteration):
            await anext(mapping)


async def test_guarantee_27_a_slow_async_source_holds_no_value_back() -> None:
    more = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        await more.wait()
        yield 2

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        async with pool.map(even, source(), on_error=Failed) as mapping:
            assert (await anext(mapping)).item == 1
            more.set()
            assert await anext(mapping) == 2


async def test_guarantee_27_a_failure_ends_the_mapping_and_names_the_item() -> None:
    gauge = Gauge()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(even, gauge.source(100))
        assert await anext(mapping) == 0
        with pytest.raises(ValueError, match="1") as caught:
            await anext(mapping)
        assert caught.value.__notes__ == ["raised for the item 1"]
        with pytest.raises(StopAsyncIteration):
            await anext(mapping)
        assert gauge.read < 10


@pytest.mark.parametrize("chunk", [1, 4])
async def test_guarantee_27_on_error_takes_the_place_of_the_value(chunk: int) -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        values = [v async for v in pool.map(even, range(5), on_error=Failed, chunk=chunk)]
        assert [v.item if isinstance(v, Failed) else v for v in values] == list(range(5))
        assert [type(v.error) for v in values if isinstance(v, Failed)] == [ValueError] * 2
        instead = pool.map(even, range(5), on_error=lambda item, error: -item, chunk=chunk)
        assert [v async for v in instead] == [0, -1, 2, -3, 4]


async def test_guarantee_27_a_source_that_fails_does_so_after_the_values_before() -> None:
    def source() -> Iterator[int]:
        yield 2
        raise OSError("disk")

    values = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(even, source())
        values.append(await anext(mapping))
        with pytest.raises(OSError, match="disk"):
            await anext(mapping)
    assert values == [2]


class Unusual(BaseException):
    """No Exception, and no exit."""


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("kind", [Unusual, GeneratorExit, SystemExit, asyncio.CancelledError])
async def test_guarantee_27_whatever_a_source_raises_is_raised_by_the_mapping(
    kind: type[BaseException], asynchronous: bool
) -> None:
    error = kind("the source's own")

    def source() -> Iterator[int]:
        yield 2
        raise error

    async def async_source() -> AsyncIterator[int]:
        yield 2
        raise error

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(square, async_source() if asynchronous else source(), limit=1)
        assert await anext(mapping) == 4
        with pytest.raises(BaseException) as caught:  # noqa: PT011 (any, and it must be this one)
            await anext(mapping)
        if kind is asyncio.CancelledError:  # nobody has cancelled the consumer
            assert isinstance(caught.value, AskCancelledError)
            assert caught.value.__cause__ is error
        else:
            assert caught.value is error
        with pytest.raises(StopAsyncIteration):
            await anext(mapping)
        assert await pool.submit(square, 3) == 9
        assert pool.statistics().restarts == 0
        assert pool._cell.restarts == 0


async def test_guarantee_27_a_source_that_waits_for_what_is_cancelled_does_not_cancel_the_consumer() -> None:
    async def source() -> AsyncIterator[int]:
        yield 2
        needed = asyncio.get_running_loop().create_future()
        needed.cancel()
        await needed

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(square, source())
        assert await anext(mapping) == 4
        assert isinstance(await outcome(anext(mapping)), AskCancelledError)


async def test_guarantee_27_an_item_that_takes_too_long_is_cancelled() -> None:
    async def wait_for_ever_at(number: int) -> int:
        await asyncio.sleep(3600 if number == 1 else 0)
        return number

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(wait_for_ever_at, range(3), timeout=0.03, on_error=Failed)
        values = [value async for value in mapping]
    assert (values[0], values[2], values[1].item) == (0, 2, 1)
    assert isinstance(values[1].error, TimeoutError)


async def test_guarantee_27_a_progress_that_raises_ends_the_map() -> None:
    """The value that it was told of is not handed out, and the next one is not to be taken for it."""

    def fail(done: int, total: int | None) -> None:
        if done == 2:
            raise LookupError(done)

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        values = pool.map(square, [1, 2, 3, 4], progress=fail)
        assert await anext(values) == 1
        with pytest.raises(LookupError):
            await anext(values)
        assert [value async for value in values] == []


async def test_guarantee_27_progress_counts_the_values_handed_out() -> None:
    seen: list[tuple[int, int | None]] = []

    def note(done: int, total: int | None) -> None:
        seen.append((done, total))

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        assert [v async for v in pool.map(square, [1, 2, 3], progress=note)] == [1, 4, 9]
        assert [v async for v in pool.map(square, iter([1]), progress=note)] == [1]
    assert seen == [(1, 3), (2, 3), (3, 3), (1, None)]


@pytest.mark.parametrize("options", [{"limit": 0}, {"chunk": 0}, {"timeout": -1}, {"limit": -3}])
async def test_guarantee_27_an_option_out_of_range_is_refused(options: dict[str, Any]) -> None:
    async with ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=1)
        with pytest.raises(ValueError, match="must be"):
            pool.map(square, [1], **options)
        with pytest.raises(TypeError):
            pool.map(3, [1])  # type: ignore[arg-type]


async def test_guarantee_27_a_pool_that_ends_ends_the_mapping() -> None:
    gauge = Gauge()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(gauge.work, gauge.source(100), limit=4)
        await anext(mapping)
        pool.kill()
        with pytest.raises(ActorStoppedError):
            [value async for value in mapping]
    assert gauge.read < 20


@pytest.mark.parametrize("runner", ["loop", "thread"])
async def test_guarantee_27_holds_of_each_runner(runner: str) -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(partial(Worker, runner=runner), size=2)  # type: ignore[arg-type]
        assert [v async for v in pool.map(square, range(10), chunk=3)] == [n * n for n in range(10)]


@pytest.mark.real_loop("processes")
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_guarantee_27_holds_of_processes() -> None:
    async with ActorSystem() as system:
        pool = await system.spawn_pool(partial(Worker, runner="process"), size=2)
        assert [v async for v in pool.map(square, range(10), chunk=3)] == [n * n for n in range(10)]
        processes = {v async for v in pool.map(process_of, range(8))}
        assert len(processes - {os.getpid()}) == len(processes) > 0
        values = [v async for v in pool.map(fail_at_three, range(6), chunk=6, on_error=Failed)]
        assert isinstance(values[3].error, WorkerError)
        assert values[:3] + values[4:] == [0, 1, 2, 4, 5]


# --- 28: leaving ----------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_guarantee_28_breaking_out_begins_nothing_more_and_cancels_the_rest(asynchronous: bool) -> None:
    gauge = Gauge()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=3)
        source = gauge.async_source(1000) if asynchronous else gauge.source(1000)
        async for value in pool.map(gauge.work, source, limit=6):
            if value == 40:
                break
        await ticks(3)
        read, done = gauge.read, gauge.done
        await until(lambda: not gauge.running)
        await ticks(20)
        assert (gauge.read, gauge.done) == (read, done)
        assert gauge.read < 20
        assert await pool.submit(square, 3) == 9


async def test_guarantee_28_a_cancelled_consumer_leaves_nothing() -> None:
    gauge, endless = Gauge(), asyncio.Event()

    async def consume() -> None:
        async for _ in pool.map(lambda number: endless.wait(), gauge.source(10), limit=4):
            raise AssertionError("no value is there")

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        task = started(consume())
        await until(lambda: gauge.read == 4)
        assert await cancelled(task)
        del task
        assert await pool.submit(square, 3) == 9


async def test_guarantee_28_a_source_that_was_never_read_is_closed_all_the_same() -> None:
    class Connection:
        closed = 0

        def __aiter__(self) -> "Connection":
            return self

        async def __anext__(self) -> int:
            raise AssertionError("nobody is to read it")

        async def aclose(self) -> None:
            self.closed += 1

    connection = Connection()
    async with soon(), ActorSystem() as system:
        mapping = (await system.spawn_pool(Worker, size=1)).map(even, connection)
        first = mapping.__anext__()
        first.send(None)  # it waits for the task that is to read the source, and has not begun
        await mapping.aclose()
        first.close()
        await until(lambda: connection.closed)
    assert connection.closed == 1


@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize("way", ["async with", "aclose"])
async def test_guarantee_28_a_mapping_that_is_left_by_name_has_closed_its_source(
    way: str, reading: bool
) -> None:
    log: list[str] = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
            if reading:
                await asyncio.Event().wait()
            yield 3
        finally:
            await ticks(5)
            log.append("closed")

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(square, source(), limit=9 if reading else 1)
        if way == "aclose":
            assert await anext(mapping) == 1
            await mapping.aclose()
        else:
            async with mapping:
                async for _ in mapping:
                    break
        assert log == ["closed"]
        await mapping.aclose()
        assert all(task.done() for task in pool._cell.tasks or ())


@pytest.mark.parametrize("reading", [True, False])
async def test_guarantee_28_what_a_source_raises_as_it_is_closed_is_raised_to_who_closes(
    reading: bool,
) -> None:
    error = OSError("it is gone already")

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
            await asyncio.Event().wait()
        finally:
            await ticks(1)
            raise error

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(square, source(), limit=9 if reading else 1)
        assert await anext(mapping) == 1
        assert await outcome(mapping.aclose()) is error
        assert await outcome(mapping.aclose()) is None
        assert await pool.submit(square, 3) == 9
        assert pool._cell.restarts == 0


async def test_guarantee_28_a_source_that_swallows_its_cancel_is_closed_all_the_same() -> None:
    log: list[str] = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    yield 2
        finally:
            log.append("closed")

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(square, source())
        assert await anext(mapping) == 1
        await mapping.aclose()
        assert log == ["closed"]


async def test_guarantee_28_the_source_of_a_pool_that_has_ended_is_closed() -> None:
    log: list[str] = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await ticks(1)
            log.append("closed")

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        mapping = pool.map(square, source(), limit=1)
        assert await anext(mapping) == 1
        pool.close()
        await pool.join()
        assert isinstance(await outcome(anext(mapping)), ActorStoppedError)
        assert log == []
        await mapping.aclose()
        assert log == ["closed"]


async def test_guarantee_28_a_consumer_that_fails_leaves_no_exception_behind() -> None:
    async def fail(number: int) -> int:
        raise ValueError(number)

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=4)
        mapping = pool.map(fail, range(10), limit=8, on_error=Failed)
        await anext(mapping)
        await ticks(10)
        await mapping.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(mapping)


async def _map_and_leave() -> None:
    gauge = Gauge()
    async with ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=3)
        values = []
        async for value in pool.map(gauge.work, gauge.async_source(30), limit=5, ordered=False):
            values.append(value)
            assert gauge.read - len(values) <= 5
            if len(values) == 20:
                break
        assert len(set(values)) == 20
    assert gauge.running == 0


def test_guarantees_27_and_28_hold_in_simulation() -> None:
    assert explore(_map_and_leave, seeds=range(40)).distinct > 30


# --- several results ------------------------------------------------------------------------------


async def later(number: int) -> int:
    await ticks(10 - number)
    return number


async def called_on(turn: asyncio.Event, number: int) -> int:
    await turn.wait()
    return number


class Napper(Actor[Any]):
    """Does submitted work."""


async def test_all_results_are_in_their_order_and_none_of_none_is_none() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Napper, size=5)
        assert await all_results(pool.submit(later, number) for number in range(5)) == list(range(5))
        assert await all_results([]) == []


async def test_the_first_failure_ends_all_results_at_once_and_cancels_the_rest() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Napper, size=3)
        results = [pool.submit(asyncio.sleep, 3600), pool.submit(even, 1), pool.submit(even, 2)]
        with pytest.raises(ValueError, match="1"):
            await all_results(results)
        await until(results[0].cancelled)


async def test_the_first_result_is_the_first_value_and_the_rest_is_cancelled() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Napper, size=3)
        results = [pool.submit(even, 1), pool.submit(later, 5), pool.submit(asyncio.sleep, 3600)]
        assert await first_result(results) == 5
        await until(results[2].cancelled)
        failed = await outcome(first_result([pool.submit(even, 1), pool.submit(even, 3)]))
        assert isinstance(failed, ExceptionGroup)
        with pytest.raises(ValueError, match="no result"):
            await first_result([])


async def test_results_come_as_they_complete_and_leaving_leaves_them_alone() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Napper, size=5)
        turns = [asyncio.Event() for _ in range(5)]
        results = [pool.submit(called_on, turn, number) for number, turn in enumerate(turns)]
        turns[4].set()
        values = []
        async for result in as_completed(results):
            values.append(result.result())
            if len(values) == 3:
                break
            turns[4 - len(values)].set()
        assert values == [4, 3, 2]
        for turn in turns[:2]:
            turn.set()
        assert await results[0] == 0


async def test_cancelling_the_wait_for_all_cancels_the_work() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Napper, size=2)
        results = [pool.submit(asyncio.sleep, 3600) for _ in range(2)]
        task = started(all_results(results))
        await ticks(2)
        assert await cancelled(task)
        await until(lambda: all(result.cancelled() for result in results))


@pytest.mark.parametrize("wait", [first_result, all_results])
async def test_the_rest_is_cancelled_by_the_time_that_a_wait_ends(wait: Any) -> None:
    async with soon(), ActorSystem() as system:
        quick, slow = await system.spawn(Worker), await system.spawn(Worker)
        rest = slow.submit(asyncio.Event().wait)
        if wait is first_result:
            assert await first_result([rest, quick.submit(int)]) == 0
        else:
            with pytest.raises(ValueError, match="base 10"):
                await all_results([rest, quick.submit(int, "no number")])
        assert rest.cancelled()


async def _several_results() -> None:
    running = 0

    async def work(number: int) -> int:
        nonlocal running
        running += 1
        try:
            await asyncio.sleep(0.001 * (7 - number))
        finally:
            running -= 1
        if number == 1:
            raise ValueError(number)
        return number

    async with ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=4)
        with pytest.raises(ValueError, match="1"):
            await all_results(pool.submit(work, number) for number in range(6))
        assert await first_result(pool.submit(work, number) for number in range(6)) != 1
        results = [pool.submit(work, number) for number in range(6)]
        done = [result async for result in as_completed(results)]
        assert sorted(map(id, done)) == sorted(map(id, results))
        values = [result.result() for result in results if result.exception() is None]
        assert values == [0, 2, 3, 4, 5]
    assert running == 0


def test_several_results_hold_in_simulation() -> None:
    assert explore(_several_results, seeds=range(40)).distinct > 30


async def test_guarantee_28_what_a_source_raises_as_it_is_closed_fails_the_pool_when_nobody_waits_for_it() -> (
    None
):
    closing = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        try:
            for number in range(100):
                yield number
        finally:
            await closing.wait()
            raise OSError("it is gone already")

    async with soon(), ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        pool = await system.spawn_pool(Worker, size=1)
        mapping = pool.map(square, source())
        assert await anext(mapping) == 0
        leaving = started(mapping.aclose())
        await ticks(5)
        assert await cancelled(leaving)
        closing.set()
        await ticks(5)
        pool.close()
        assert isinstance((await anext(failures)).error, OSError)


@dataclasses.dataclass(frozen=True)
class Refused(Exception):
    """An exception that takes no notes."""

    code: int


async def test_guarantee_27_an_exception_that_takes_no_notes_is_raised_all_the_same() -> None:
    def refuse(item: int) -> None:
        raise Refused(item)

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=1)
        with pytest.raises(Refused) as caught:
            async for _ in pool.map(refuse, [1]):
                pass
        assert caught.value.code == 1


async def test_guarantee_28_an_exception_that_ends_the_loop_does_not_keep_the_map_alive() -> None:
    async def wait(item: int) -> int:
        if item:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(item)
        return item

    begun = asyncio.Event()
    ended: list[int] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=1)
        try:
            async with asyncio.timeout(0.01):
                async for _ in pool.map(wait, range(3)):
                    await begun.wait()
        except TimeoutError:
            assert await pool.submit(str, 1) == "1"
        assert ended == [1]


async def test_guarantee_28_a_map_gives_nothing_more_after_it_was_closed() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=1)
        values = pool.map(abs, range(6), chunk=3)
        assert await anext(values) == 0  # of a chunk that has two more
        await values.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(values)


async def test_guarantee_28_a_map_that_was_left_keeps_no_alarm() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=1)
        before = len(system._runtime.timers)
        values = pool.map(asyncio.sleep, [0, 3600], timeout=3600)
        await anext(values)
        assert len(system._runtime.timers) > before
        closing = values.aclose()
        with pytest.raises(StopIteration):  # in one step, before the loop goes on
            closing.send(None)
        assert len(system._runtime.timers) == before
