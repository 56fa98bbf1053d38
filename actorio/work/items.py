"""The items of a mapping, from an iterable or an async one, taken only as they are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from actorio._cell.state import BEGIN, is_closing
from actorio._core.checks import kind_of
from actorio._core.iterators import close_iterator
from actorio.errors import ActorStoppedError, AskCancelledError

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Source"]


class Source:
    """Reads an iterable at once, and an async one in a task that belongs to an actor and ends with it."""

    def __init__(self, iterable: Iterable[Any] | AsyncIterable[Any], owner: Cell) -> None:
        self._owner = owner
        self._items: Iterator[Any] | None = None
        self._async_items: AsyncIterator[Any] | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._ready: list[Any] = []
        self._failure: BaseException | None = None
        self._wake: Callable[[], None] = _nothing
        self._is_awaited = False
        self.is_over = False
        if isinstance(iterable, AsyncIterable):
            self._async_items = aiter(iterable)
        else:
            if not isinstance(iterable, Iterable):
                raise TypeError(f"iterable must be an iterable or an async one, not {kind_of(iterable)}")
            self._items = iter(iterable)

    def take(self, count: int, wake: Callable[[], None]) -> list[Any]:
        """Return `count` items, fewer at the end; none while they are not there yet, then `wake` is called."""
        if self._items is not None:
            self._read(self._items, count)
        elif self._async_items is not None and not (
            self._reader or self.is_over or len(self._ready) >= count
        ):
            self._wake = wake
            self._start(self._read_async, self._async_items, count)
        if len(self._ready) < count and not self.is_over:
            return []
        items, self._ready = self._ready[:count], self._ready[count:]
        return items

    @property
    def is_reading(self) -> bool:
        """Tell whether an async iterable is being waited for."""
        return self._reader is not None

    def raise_failure(self) -> None:
        """Raise what the source has raised, once."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Read no further, and have an async generator clean up, soon. What cleaning up raises fails the owner."""
        self._items = self._failure = None
        self.is_over = True
        if self._reader is not None:
            self._reader.cancel()
        elif not self._owner.has_ended and not self._owner.runtime.loop.is_closed():
            items, self._async_items = self._async_items, None
            if items is not None:
                self._start(self._close, items)

    async def until_closed(self) -> None:
        """Wait, after `close`, until an async generator has cleaned up, and raise what that has raised.

        Cancellation: it goes on cleaning up.
        """
        items, self._async_items = self._async_items, None
        if self._reader is not None:
            self._is_awaited = True
            try:
                await asyncio.wait((self._reader,))
            except asyncio.CancelledError:
                self._is_awaited = False
                raise
        elif items is not None:  # there is no owner any more that could do it
            await close_iterator(items)
        self.raise_failure()

    def _read(self, items: Iterator[Any], count: int) -> None:
        try:
            while len(self._ready) < count and not self.is_over:
                self._ready.append(next(items))
        except StopIteration:
            self._ends(None)
        except (Exception, asyncio.CancelledError) as error:
            self._ends(error)

    def _start(self, func: Callable[..., Any], *args: Any) -> None:
        if self._owner.has_ended:
            self.is_over = True
            self._failure = ActorStoppedError(self._owner.ref, self._owner.reason)
        else:
            self._reader = self._owner.start_soon(func, args, copy_context(), begun=True)

    async def _read_async(self, items: AsyncIterator[Any], count: int) -> None:
        try:
            await BEGIN
            while len(self._ready) < count:
                self._ready.append(await anext(items))
                if self._is_cancelled():
                    raise asyncio.CancelledError  # once more: the source has swallowed it
        except StopAsyncIteration:
            self._ends(None)
        except asyncio.CancelledError as error:
            if self._is_cancelled():
                await self._leave(items)
                raise
            self._ends(error)
        except BaseException as error:
            self._fails(error)
        finally:
            self._reader = None
            self._wake()

    async def _leave(self, items: AsyncIterator[Any]) -> None:
        if not self.is_over:  # not by `close`: the actor ends
            self._ends(ActorStoppedError(self._owner.ref))
        await self._clean_up(items)

    def _fails(self, error: BaseException) -> None:
        if is_closing(error, self._reader):
            raise error
        if self.is_over:
            self._has_not_cleaned_up(error)
        else:
            self._ends(error)

    def _is_cancelled(self) -> bool:
        return self._reader is not None and self._reader.cancelling() > 0

    def _ends(self, failure: BaseException | None) -> None:
        if isinstance(failure, asyncio.CancelledError):  # nobody has cancelled the consumer
            cancelled, failure = failure, AskCancelledError("the source was cancelled from the inside")
            failure.__cause__ = cancelled
        self.is_over = True
        self._items = self._async_items = None
        self._failure = failure

    async def _close(self, items: AsyncIterator[Any]) -> None:
        try:
            await BEGIN
        finally:
            await self._clean_up(items)

    async def _clean_up(self, items: AsyncIterator[Any]) -> None:
        try:
            await close_iterator(items)
        except Exception as error:
            self._has_not_cleaned_up(error)

    def _has_not_cleaned_up(self, error: BaseException) -> None:
        if not self._is_awaited:
            raise error
        self._failure = error


def _nothing() -> None:
    """Wake nobody."""
