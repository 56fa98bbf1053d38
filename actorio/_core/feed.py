"""A feed: what the runtime pushes, one task reads as an async iterator. The base of event streams and monitors."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self

from actorio._core.typevar import TypeVar

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Feed", "ReaderGuard"]

E = TypeVar("E", default=Any)


class ReaderGuard:
    """One reader at a time: a second one would take items that the first one waits for.

    Held while a task waits for the next item: `with reading: ...`. It is refused to a second one, at once.
    """

    __slots__ = ("_is_held",)

    def __init__(self) -> None:
        self._is_held = False

    def __enter__(self) -> None:
        if self._is_held:  # as an async generator that is running already
            raise RuntimeError("another task waits for the next item already: this is read by one at a time")
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False


class Feed(Generic[E]):
    """Items in order, with one reader; `limit` is how many it holds at most, None for no limit.

    While it is open it belongs to a thread and a loop, which `check_thread` looks after.

    Attributes:
        dropped: how many items, oldest first, were dropped since nobody read them in time.
    """

    def __init__(self, check_thread: Callable[[], None], limit: int | None = None) -> None:
        self._check_thread = check_thread
        self._items: deque[E] = deque(maxlen=limit)
        self._reader: asyncio.Future[None] | None = None
        self._reading = ReaderGuard()
        self._closed = False
        self.dropped = 0

    def close(self) -> None:
        """Take no more; iteration ends after what is held. Idempotent."""
        self._closed = True
        self._wake()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        """Wait for the next item.

        Raises:
            RuntimeError: another task waits for it already.
            WrongThreadError: from another thread or event loop than the system's, and it is not closed.

        Cancellation: none is lost.
        """
        if not self._closed:
            self._check_thread()
        with self._reading:
            while not self._items:
                if self._closed:
                    raise StopAsyncIteration
                self._reader = asyncio.get_running_loop().create_future()
                await self._reader
            return self._items.popleft()

    def _push(self, item: E) -> None:
        if len(self._items) == self._items.maxlen:
            self.dropped += 1
        self._items.append(item)
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
