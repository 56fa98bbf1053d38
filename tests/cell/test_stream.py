"""Guarantee 29: streams."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    AskCancelledError,
    DeadlockError,
    ExitReason,
    Worker,
    interleave,
)
from actorio.testing import explore, until
from tests.guarantees.actors import cancelled, outcome, soon, started
from tests.stage import ticks


class Table(Actor[Any]):
    """Streams numbers, and puts down all that happens in order."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def rows(self, count: int, *, fail_at: int = -1) -> AsyncIterator[int]:
        try:
            for number in range(count):
                if number == fail_at:
                    raise ValueError(number)
                self.log.append(number)
                yield number
        finally:
            await asyncio.sleep(0)
            self.log.append("closed")

    async def hold(self) -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def receive(self, message: Any) -> Any:
        self.log.append(message)
        return message

    def plain(self) -> int:
        return 1


async def test_guarantee_29_the_items_come_in_order_and_the_stream_ends() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        stream = table.stream(Table.rows, 100)
        assert [row async for row in stream] == list(range(100))
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert log == [*range(100), "closed"]


@pytest.mark.parametrize("window", [1, 5])
async def test_guarantee_29_the_generator_is_at_most_a_window_ahead(window: int) -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        taken = 0
        async for _ in table.stream(Table.rows, 30).buffered(window):
            taken += 1
            await ticks(10)
            assert len(log) - taken <= window
    assert taken == 30


async def test_guarantee_29_the_stream_is_one_turn() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        stream = table.stream(Table.rows, 3).buffered(1)
        assert await anext(stream) == 0
        asked = started(table.ask("behind"))
        await ticks(5)
        assert [row async for row in stream] == [1, 2]
        assert await asked == "behind"
    assert log == [0, 1, 2, "closed", "behind"]


async def test_guarantee_29_a_consumer_that_leaves_closes_the_generator_before_the_next_message() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        async for row in table.stream(Table.rows, 1_000).buffered(2):
            if row == 3:
                await table.send("next")
                break
        assert await table.ask("after") == "after"
        assert table.statistics().restarts == 0
    assert log[-3:] == ["closed", "next", "after"]
    assert len(log) < 12


async def test_guarantee_29_a_cancelled_consumer_leaves_too() -> None:
    async def consume(table: ActorRef[Table]) -> None:
        async for _ in table.stream(Table.hold):
            got.set()

    got = asyncio.Event()
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, [])
        task = started(consume(table))
        await got.wait()
        assert await cancelled(task)
        del task
        assert await table.ask("next") == "next"


async def test_guarantee_29_nothing_runs_before_the_first_item_is_asked_for() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        stream = table.stream(Table.rows, 3)
        await ticks(5)
        assert log == []
        await anext(stream)
        with pytest.raises(ActorError):
            stream.buffered(3)
        await stream.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_guarantee_29_what_the_method_raises_comes_after_the_items_before() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        stream = table.stream(Table.rows, 9, fail_at=3)
        rows = [await anext(stream) for _ in range(3)]
        with pytest.raises(ValueError, match="3"):
            await anext(stream)
        assert await table.ask("next") == "next"
    assert rows == [0, 1, 2]
    assert log == [0, 1, 2, "closed", "next"]


async def test_guarantee_29_a_stream_that_is_cancelled_from_the_inside_is_not_taken_for_complete() -> None:
    class Cancelled(Table):
        async def rows(self, count: int, *, fail_at: int = -1) -> AsyncIterator[int]:
            async for row in super().rows(count):
                yield row
            needed = asyncio.get_running_loop().create_future()
            needed.cancel()
            await needed

    async with soon(), ActorSystem() as system:
        table = await system.spawn(Cancelled, [])
        stream = table.stream(Table.rows, 3)
        assert [await anext(stream) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(AskCancelledError, match=r"^Table\.rows, "):
            await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        assert await table.ask("next") == "next"
        assert table.statistics().restarts == 1


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_guarantee_29_the_stream_ends_with_the_actor(end: str) -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        stream = table.stream(Table.rows, 1_000).buffered(3)
        await anext(stream)
        getattr(table, end)()
        with pytest.raises(ActorStoppedError):
            [row async for row in stream]
        assert isinstance(await outcome(anext(table.stream(Table.rows, 1))), ActorStoppedError)
    assert len(log) < 20
    assert log[-1] == "closed"


async def test_guarantee_29_closing_the_actor_lets_the_stream_end() -> None:
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, [])
        stream = table.stream(Table.rows, 50).buffered(2)
        await anext(stream)
        table.close()
        assert len([row async for row in stream]) == 49
        assert (await table.join()).reason is ExitReason.NORMAL


async def test_guarantee_29_a_method_that_yields_nothing_is_refused() -> None:
    class Odd(Table):
        @interleave
        async def beside(self) -> int:
            return 1

        async def rows(self, count: int, *, fail_at: int = -1) -> int:  # type: ignore[override]
            return count

        def numbers(self) -> Iterator[int]:
            yield 1

    methods: list[Any] = [Table.plain, Odd.beside, Odd.rows, Odd.numbers, partial(Odd.rows, count=1)]
    async with soon(), ActorSystem() as system:
        odd = await system.spawn(Odd, [])
        for method in methods:
            with pytest.raises(TypeError, match="async generator"):
                await anext(odd.stream(method))
        with pytest.raises(TypeError, match="async generator"):
            await anext(odd.stream(Table.rows, 1))  # known for what it is in the turn alone
        assert await odd.ask("next") == "next"


def _plain_numbers() -> Iterator[int]:
    raise AssertionError("it is not to run")
    yield 1


YIELDING: list[Any] = [
    Table.rows,
    partial(Table.rows, count=1),
    _plain_numbers,
    Table([]).rows,
]


@pytest.mark.parametrize("function", YIELDING)
async def test_what_has_a_yield_in_it_is_refused_where_a_generator_would_get_out(function: Any) -> None:
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, [])
        for use in (table.cast, table.submit, table.submit_threadsafe):
            with pytest.raises(TypeError, match=r"yield.*stream"):
                use(function, 1)
        with pytest.raises(TypeError, match=r"yield.*stream"):
            await table.call(function, 1)
        assert table.statistics().handled == 0


async def test_an_override_with_a_yield_in_it_is_refused_as_well() -> None:
    class Odd(Table):
        async def plain(self) -> AsyncIterator[int]:  # type: ignore[override]
            yield 1

    async with soon(), ActorSystem() as system:
        odd = await system.spawn(Odd, [])
        with pytest.raises(TypeError, match=r"yield.*stream"):
            await odd.call(Table.plain)
        assert await odd.ask("next") == "next"


async def test_guarantee_29_a_subclass_streams_its_own_and_a_worker_streams_too() -> None:
    class Fewer(Table):
        async def rows(self, count: int, *, fail_at: int = -1) -> AsyncIterator[int]:
            yield -count

    class Numbers(Worker):
        async def numbers(self) -> AsyncIterator[int]:
            yield 1
            yield 2

    async with soon(), ActorSystem() as system:
        fewer = await system.spawn(Fewer, [])
        assert [row async for row in fewer.stream(Table.rows, 5)] == [-5]
        pool = await system.spawn_pool(Numbers, size=2)
        assert [number async for number in pool.stream(Numbers.numbers)] == [1, 2]


async def test_guarantee_29_asking_the_streaming_actor_from_within_is_a_deadlock() -> None:
    class Reader(Actor[Any]):
        def __init__(self, table: ActorRef[Table]) -> None:
            self.table = table

        async def receive(self, message: Any) -> Any:
            async for _ in self.table.stream(Table.rows, 9).buffered(1):
                await self.table.ask("while it streams")

        async def itself(self) -> AsyncIterator[int]:
            async for _ in self.context.ref.stream(Reader.itself):
                yield 1

    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, [])
        reader = await system.spawn(Reader, table)
        assert isinstance(await outcome(reader.ask("read")), DeadlockError)
        assert isinstance(await outcome(anext(reader.stream(Reader.itself))), DeadlockError)
        assert await table.ask("next") == "next"


async def test_guarantee_29_an_actor_that_reads_slowly_is_no_deadlock() -> None:
    class Reader(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            total = 0
            async for row in message.stream(Table.rows, 200).buffered(3):
                await ticks(row % 4)
                total += row
            return total

    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, [])
        reader = await system.spawn(Reader)
        assert await reader.ask(table) == sum(range(200))


async def _read_and_leave() -> None:
    log: list[Any] = []
    async with ActorSystem() as system:
        table = await system.spawn(Table, log)
        other = asyncio.get_running_loop().create_task(_ask_often(table))
        for leave_at in (2, 5, 100):
            rows = []
            async for row in table.stream(Table.rows, 12).buffered(3):
                rows.append(row)
                if row == leave_at:
                    break
            assert rows == list(range(min(leave_at + 1, 12)))
        await other
    for place, entry in enumerate(log):
        if isinstance(entry, str) and entry != "closed":
            assert place == 0 or isinstance(log[place - 1], str), "a message has run within the stream"


async def _ask_often(table: ActorRef[Table]) -> None:
    for number in range(8):
        assert await table.ask(f"message {number}") == f"message {number}"
        await asyncio.sleep(0.001)


def test_guarantee_29_holds_in_simulation() -> None:
    assert explore(_read_and_leave, seeds=range(60)).distinct > 40


async def test_a_stream_that_is_dropped_unread_is_closed() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        stream = table.stream(Table.rows, 1_000)
        await anext(stream)
        del stream
        await until(lambda: log[-1] == "closed")


async def test_guarantee_29_the_exception_that_ended_the_loop_does_not_keep_the_stream_alive() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table, log)
        try:
            async with asyncio.timeout(None) as limit:
                async for item in table.stream(Table.hold):
                    log.append(item)
                    limit.reschedule(asyncio.get_running_loop().time())
        except TimeoutError:
            assert await table.ask("in the except block") == "in the except block"
    assert log == [1, "in the except block"]


class Cleaning(Actor[Any]):
    """Cleans up in each way there is, with awaits."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await ticks(5)
            self.log.append("closed")

    async def with_finally(self) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await ticks(5)
            self.log.append("closed")

    async def with_context(self) -> AsyncIterator[int]:
        async with self.connection():
            for number in range(3):
                yield number

    async def numbers(self) -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def with_another_generator(self) -> AsyncIterator[int]:
        async with self.connection():
            async for number in self.numbers():
                yield number

    async def receive(self, message: Any) -> Any:
        self.log.append(message)
        return message


@pytest.mark.parametrize(
    "method", [Cleaning.with_finally, Cleaning.with_context, Cleaning.with_another_generator]
)
@pytest.mark.parametrize("leaves_after", range(12))
async def test_guarantee_29_the_cleaning_up_is_never_cut_short(method: Any, leaves_after: int) -> None:
    """Wherever the generator is, ahead of its consumer, when that leaves."""
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Cleaning, log)
        async with ref.stream(method) as items:
            async for _ in items:
                for _ in range(leaves_after):
                    await asyncio.sleep(0)
                break
        assert await ref.ask("next message") == "next message"
    assert log == ["closed", "next message"]


async def test_guarantee_29_a_generator_that_waits_for_its_next_item_is_cancelled() -> None:
    class Waits(Actor[Any]):
        async def in_a_loop(self) -> AsyncIterator[int]:
            while True:
                yield 1
                try:
                    await asyncio.Event().wait()
                finally:
                    log.append("cancelled")

        async def after_the_last(self) -> AsyncIterator[int]:
            yield 1
            try:
                await asyncio.Event().wait()
            finally:
                log.append("cancelled")

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Waits)
        for method in (Waits.in_a_loop, Waits.after_the_last):
            async with ref.stream(method) as items:
                async for _ in items:
                    await ticks(3)
                    break
        await ref.submit(int)
    assert log == ["cancelled", "cancelled"]


async def test_guarantee_29_what_the_cleaning_up_raises_after_the_consumer_has_left_is_nobodys_business() -> (
    None
):
    class Fails(Actor[Any]):
        async def rows(self) -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                await ticks(5)
                raise ValueError("in the cleaning up")

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Fails)
        async with ref.stream(Fails.rows) as items:
            async for _ in items:
                await ticks(2)
                break
        await ref.submit(int)
        assert ref.statistics().restarts == 0
