"""`pool.map`: a function over many items, by the routees of a pool, with back pressure from end to end.

    async for facts in pool.map(survey_file, paths):
        ...

No task runs beside the consumer: whoever asks for the next value hands over as many items as there is room
for. So a slow consumer slows the source down, and one that leaves leaves nothing behind.

Source: `Task.async_stream` of Elixir.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import deque
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, cast

from actorio._core.checks import check_callable, check_count, check_optional_some_time, check_plain_function
from actorio._core.feed import ReaderGuard
from actorio._core.result import Result, wait_of_current
from actorio._core.typevar import TypeVar
from actorio.errors import describe
from actorio.work.chunk import Chunk, Outcome, run, run_async
from actorio.work.items import Source

if TYPE_CHECKING:
    from types import TracebackType

    from actorio._core.submitter import SizedSubmitter, Submitter

__all__ = ["Failed", "OnError", "PoolMap", "Progress"]

T = TypeVar("T")
R = TypeVar("R")

OnError = Callable[[T, Exception], Any]
Progress = Callable[[int, int | None], object]


@dataclass(frozen=True, slots=True)
class Failed:
    """An item that failed, in the place of its value: `pool.map(func, items, on_error=Failed)`."""

    item: Any
    error: Exception


class PoolMap(Generic[R]):
    """The values, as an async iterator. Leaving it ends all work in flight; `aclose` does so by name.

    Kept in a variable it is not left by `break`, since Python does not tell an iterator so: use it as an async
    context manager, which closes it.
    """

    def __init__(
        self,
        pool: SizedSubmitter,
        func: Callable[[T], Any],
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | None,
        ordered: bool,
        timeout: float | None,
        on_error: OnError[T] | None,
        progress: Progress | None,
        chunk: int,
    ) -> None:
        # As in a stream, this handle is in no frame that waits for a value: it goes when the loop is left.
        self._values: _Values[R] = _Values(
            pool,
            func,
            iterable,
            limit=limit,
            ordered=ordered,
            timeout=timeout,
            on_error=on_error,
            progress=progress,
            chunk=chunk,
        )
        self._flight = self._values.flight

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[Any, Any, R]:
        """Wait for the next value. Cancellation: no value is lost.

        Raises:
            Exception: what the source or the work raised, where nothing takes its place.
            AskCancelledError: the source or the work was cancelled, not by the consumer but from the inside.
            RuntimeError: another task waits for it already.
            WrongThreadError: from another thread or event loop.
        """
        return self._values.next()

    async def aclose(self) -> None:
        """End it: what waits is not begun, what runs is cancelled, an async source has been closed. Idempotent.

        Raises:
            Exception: what the source raised as it was closed.
            WrongThreadError: from another thread or event loop, and it has not ended.

        Cancellation: the source goes on closing.
        """
        await self._values.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        flight = getattr(self, "_flight", None)  # the consumer has left
        if flight is not None:
            flight.finalise()


class _Values(Generic[R]):
    """Works on a map for its consumer."""

    def __init__(
        self,
        pool: SizedSubmitter,
        func: Callable[[T], Any],
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | None,
        ordered: bool,
        timeout: float | None,
        on_error: OnError[T] | None,
        progress: Progress | None,
        chunk: int,
    ) -> None:
        check_callable("map", func)
        for name, value in (("on_error", on_error), ("progress", progress)):
            if value is not None:
                check_plain_function(name, value)
        timeout = check_optional_some_time("timeout", timeout)
        check_count("chunk", chunk, least=1)
        if limit is None:
            limit = max(1, 2 * pool.size) * chunk
        self._on_error = on_error
        self._progress = progress
        self._total = len(iterable) if isinstance(iterable, Sized) else None
        self._count = 0
        self._reading = ReaderGuard()
        self._outcomes: deque[tuple[Any, Outcome]] = deque()
        self.flight = _Flight(
            pool,
            func,
            Source(iterable, pool._cell),
            check_count("limit", limit, least=1),
            ordered=bool(ordered),
            timeout=timeout,
            chunk=chunk,
        )

    async def next(self) -> R:
        """Wait for the next value."""
        self.flight.check_thread()
        with self._reading:
            return cast("R", await self._next())

    async def _next(self) -> Any:
        if not self._outcomes:
            try:
                self._outcomes.extend(await self.flight.next())
            except BaseException as error:
                if not isinstance(error, asyncio.CancelledError):
                    self.flight.close()
                raise
        item, (good, value) = self._outcomes.popleft()
        self.flight.handed_out()
        try:
            if not good:
                value = self._instead(item, value)
        except BaseException:
            del value  # or the traceback and this frame would keep each other alive
            raise
        self._count += 1
        if self._progress is not None:
            try:
                self._progress(self._count, self._total)
            except BaseException:
                self._drop()
                raise
        return value

    def _instead(self, item: Any, error: Exception) -> Any:
        """Return what takes the place of the value of an item that failed."""
        try:
            if self._on_error is None:
                with contextlib.suppress(
                    Exception
                ):  # one that takes no notes, a frozen dataclass for instance
                    error.add_note(f"raised for the item {describe(item)}")
                raise error
            return self._on_error(item, error)
        except BaseException:
            self._drop()
            raise
        finally:
            del error  # or the traceback and this frame would keep each other alive

    async def aclose(self) -> None:
        """End it, and wait until an async source has been closed."""
        self._drop()
        await self.flight.until_closed()

    def _drop(self) -> None:
        self.flight.close()
        self._outcomes.clear()


class _Flight:
    """The items between the source and the consumer."""

    def __init__(
        self,
        pool: Submitter,
        func: Callable[[Any], Any],
        source: Source,
        limit: int,
        *,
        ordered: bool,
        timeout: float | None,
        chunk: int,
    ) -> None:
        self._pool = pool
        self._func = func
        self._source = source
        self._limit = limit
        self._ordered = ordered
        self._timeout = timeout
        self._chunk = min(chunk, limit)
        self._run = run_async if inspect.iscoroutinefunction(func) else run
        self._held = 0
        self._chunks: deque[Chunk] = deque()
        """Handed over and not handed out: in order of the items, or, unordered, of their end."""
        self._running: dict[Chunk, None] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    async def next(self) -> Iterable[tuple[Any, Outcome]]:
        """Wait for the next outcomes, and keep the pool busy meanwhile.

        Raises:
            StopAsyncIteration: there are no more.
            Exception: what the source raised, after the values of the items before.
        """
        while True:
            self._fill()
            if self._chunks and self._chunks[0].is_done:
                chunk = self._chunks.popleft()
                return zip(chunk.items, chunk.outcomes(), strict=True)
            if self._closed or (not self._held and self._source.is_over):
                self._source.raise_failure()
                raise StopAsyncIteration
            await self._wait()

    def handed_out(self) -> None:
        """One value has reached the consumer."""
        self._held -= 1

    def close(self) -> None:
        """Cancel what is in flight, and read the source no further. Idempotent; never waits."""
        if self._closed:
            return
        self.check_thread()
        self._closed = True
        for chunk in (*self._running, *self._chunks):
            chunk.cancel()
        self._running.clear()
        self._chunks.clear()
        self._source.close()
        self._wake()

    async def until_closed(self) -> None:
        """Wait, after `close`, until the source has been closed, and raise what that has raised."""
        await self._source.until_closed()

    def finalise(self) -> None:
        """Close it, from a finaliser on whatever thread."""
        if not self._closed:
            self._pool._cell.runtime.finalise(self.close)

    def check_thread(self) -> None:
        """Refuse use from another thread or event loop."""
        self._pool._check_thread()

    def _fill(self) -> None:
        """Hand over items as far as there is room, and those that the source has ready."""
        while not self._closed and self._limit - self._held >= self._chunk:
            items = self._source.take(self._chunk, self._wake)
            if not items:
                return
            self._held += len(items)
            self._hand_over(items)

    def _hand_over(self, items: list[Any]) -> None:
        if self._chunk == 1:
            result = self._pool.submit(self._func, items[0])
        else:
            result = self._pool.submit(self._run, self._func, items)
        chunk = Chunk(items, result, single=self._chunk == 1)
        self._running[chunk] = None
        if self._ordered:
            self._chunks.append(chunk)
        if self._timeout is not None:
            chunk.alarm = self._pool._cell.runtime.timers.after(self._timeout, chunk.expire)
        result.add_done_callback(lambda _: self._landed(chunk))

    def _landed(self, chunk: Chunk) -> None:
        if chunk.alarm is not None:
            chunk.alarm.cancel()
        if chunk not in self._running:
            return  # it was given up
        del self._running[chunk]
        if not self._ordered:
            self._chunks.append(chunk)
        self._wake()

    async def _wait(self) -> None:
        waiter = self._waiter = self._pool._cell.runtime.loop.create_future()
        release = wait_of_current(self._needed(), every=False)
        try:
            await waiter
        finally:
            self._waiter = None
            if release is not None:
                release()

    def _needed(self) -> list[Result[Any]]:
        """Return the results of which one must come before there is a value; none while the source may bring more."""
        if self._ordered:
            return [self._chunks[0].result] if self._chunks else []
        return [] if self._source.is_reading else [chunk.result for chunk in self._running]

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
