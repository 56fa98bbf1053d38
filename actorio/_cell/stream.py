"""Replies that are many: an async generator method as a stream, `async for row in ref.stream(Table.rows, query)`.

The generator runs in the actor's turn: the stream is one long turn, and what else is in the mailbox waits for
its end. It runs ahead of the consumer by at most a window of items.

Source: server streaming of gRPC; `Source.actorRefWithBackpressure` of Akka.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, cast

from actorio._cell.cell import Cell
from actorio._cell.finishing import is_finishing
from actorio._core.acceleration import COROUTINES
from actorio._core.checks import check_count
from actorio._core.deadlock import wait_of_current
from actorio._core.feed import ReaderGuard
from actorio._core.typevar import TypeVar
from actorio.errors import ActorError, ActorStoppedError, describe

if TYPE_CHECKING:
    from types import TracebackType

    from actorio._core.deadlock import WaitForMany, Waiting
    from actorio._core.recipient import Host
    from actorio._core.result import Result
    from actorio._core.submitter import Submitter

__all__ = ["Stream", "check_streamable"]

R = TypeVar("R")

_WINDOW = 16


class Stream(Generic[R]):
    """The items that an actor's method yields, as an async iterator for one task.

    Nothing is sent before the first item is asked for. A consumer that leaves (break, exception, cancellation)
    ends it: the generator is closed, its `finally` blocks run, before the actor takes its next message. Python does
    not tell an iterator that its loop was left, so a stream kept in a variable ends with `async with stream`, or
    `aclose`: until then the actor stays in that turn.
    """

    def __init__(
        self,
        ref: Submitter,
        method: Callable[..., AsyncIterator[R]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        # All but this handle is in the consumer: what a frame that waits for an item holds, and the traceback of what
        # has ended the wait. So the handle goes when the loop is left, and not when that exception is forgotten.
        self._consumer: _Consumer[R] = _Consumer(ref, method, args, kwargs)

    def buffered(self, window: int) -> Self:
        """Let the generator run ahead by up to `window` items; 16 when not said. Returns the stream.

        Raises:
            ActorError: the stream has begun.
        """
        self._consumer.set_window(window)
        return self

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[Any, Any, R]:
        """Wait for the next item.

        Raises:
            Exception: what the method raised, after the items before.
            ActorStoppedError: the actor has ended, or ended in the middle of the stream.
            DeadlockError: the actor waits, through whomever, for the one in whose turn this is.
            RuntimeError: another task waits for it already.
            WrongThreadError: from another thread or event loop.

        Cancellation: no item is lost.
        """
        return self._consumer.next()

    def close(self) -> None:
        """Leave the stream; never waits. Idempotent.

        Raises:
            WrongThreadError: from another thread or event loop, and it has not ended.
        """
        self._consumer.close()

    async def aclose(self) -> None:
        """Leave the stream, as `contextlib.aclosing` does. Idempotent; raises as `close` does."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _result(self) -> Result[None] | None:
        """Return the reply that the generator runs for, once it does."""
        consumer = getattr(self, "_consumer", None)
        return None if consumer is None else consumer.result

    def __del__(self) -> None:
        result = self._result
        if result is not None:  # the consumer has left
            self._consumer.channel.runtime.finalise(partial(_leave, result, self._consumer.channel))


class _Consumer(Generic[R]):
    """The consumer's side of a stream."""

    def __init__(
        self,
        ref: Submitter,
        method: Callable[..., AsyncIterator[R]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._ref = ref
        self._call = method, args, kwargs
        self.channel = _Channel(ref._cell.runtime, _WINDOW)
        self.result: Result[None] | None = None
        self._reading = ReaderGuard()
        self._is_over = False

    def set_window(self, window: int) -> None:
        """Let the generator run ahead by that many items."""
        if self.result is not None:
            raise ActorError("the window of a stream is set before its first item")
        self.channel.window = check_count("window", window, least=1)

    async def next(self) -> R:
        """Wait for the next item."""
        if self._is_over:
            raise StopAsyncIteration
        self.channel.runtime.check_thread()
        with self._reading:
            if self.result is None:
                self._begin()
            try:
                while not self.channel.items:
                    if self._is_done():
                        self._end()
                    await self.channel.wait_for_item(self._ref._cell)
            except asyncio.CancelledError:
                raise
            except BaseException:
                self.close()
                raise
            return cast("R", self.channel.take())

    def close(self) -> None:
        """Leave the stream."""
        if self.result is not None and not self._is_over:
            _leave(self.result, self.channel)
        self._is_over = True

    def _begin(self) -> None:
        channel = self.channel
        channel.consumer = channel.runtime.current()
        pump = partial(_pump, channel, *self._call)
        method = self._call[0]
        pump.__qualname__ = getattr(method, "__qualname__", describe(method))  # type: ignore[attr-defined] # in errors
        self.result = self._ref.submit(pump)
        self.result.add_done_callback(lambda _: channel.wake_consumer())

    def _is_done(self) -> bool:
        return self.result is not None and self.result.done()

    def _end(self) -> None:
        """Raise what has ended the stream."""
        self._is_over = True
        if self.result is not None and not self.result.cancelled():
            self.result.result()
        raise StopAsyncIteration


def _leave(result: Result[None], channel: _Channel) -> None:
    """End the generator: cancel it where it waits for the consumer or for an item, leave it to itself in its last."""
    if not result.done() and not channel.is_finishing():
        result.cancel()
    if result.done():
        _hush(result)
    else:
        result.add_done_callback(_hush)


def _hush(result: Result[None]) -> None:
    if not result.cancelled():
        result.exception()  # what it failed with is nobody's business any more


class _Channel:
    """The items between the generator and the consumer, and which of the two waits for the other."""

    def __init__(self, runtime: Host, window: int) -> None:
        self.runtime = runtime
        self.items: deque[Any] = deque()
        self.window = window
        self.consumer: Waiting | None = None
        self.generator: AsyncIterator[Any] | None = None
        """What the producer runs, while it runs."""
        self.is_closing = False
        self._has_no_room = False
        self._reader: _Wait | None = None
        self._writer: _Wait | None = None

    async def wait_for_item(self, producer: Cell) -> None:
        """Wait, in the consumer's turn, for the producer, until there is an item or the end."""
        self._reader = wait = _Wait(self.runtime, producer.server)
        await wait.until_over()

    def take(self) -> Any:
        """Give the consumer its next item, and the producer room."""
        item = self.items.popleft()
        if self._writer is not None and len(self.items) < self.window:
            self._writer.end()
        return item

    async def put(self, item: Any) -> None:
        """Hand an item over, and wait, in the producer's turn, until there is room for the next one."""
        self.items.append(item)
        self.wake_consumer()
        while len(self.items) >= self.window:
            self._writer = wait = _Wait(self.runtime, self.consumer)
            self._has_no_room = True
            try:
                await wait.until_over()
            finally:
                self._has_no_room = False

    def is_finishing(self) -> bool:
        """Tell whether the producer does nothing but clean up."""
        if self.generator is None or self._has_no_room:
            return False
        return self.is_closing or is_finishing(self.generator)

    def wake_consumer(self) -> None:
        """Wake the consumer."""
        if self._reader is not None:
            self._reader.end()


class _Wait:
    """One side waits for the other, which an actor is seen to do as long as it lasts: a cycle is a deadlock."""

    def __init__(self, runtime: Host, other: Waiting | WaitForMany | None) -> None:
        self._release = None if other is None else wait_of_current(runtime, other)
        self._over = asyncio.get_running_loop().create_future()

    async def until_over(self) -> None:
        try:
            await self._over
        finally:
            self.end()

    def end(self) -> None:
        """It is over now, not when the waiting task gets to run: the other one may wait by then."""
        release, self._release = self._release, None
        if release is not None:
            release()
        if not self._over.done():
            self._over.set_result(None)


def check_streamable(method: Callable[..., Any]) -> None:
    """Refuse what is seen to be no async generator before it runs; a plain function may return an async iterator.

    Raises:
        TypeError: a coroutine function, or a generator that is not async.
    """
    for kind, is_one in (
        ("coroutine function", inspect.iscoroutinefunction),
        ("generator", inspect.isgeneratorfunction),
    ):
        if is_one(method):
            raise TypeError(
                f"stream takes a method that is an async generator, and {describe(method)} is a {kind}"
            )


async def _pump(
    channel: _Channel,
    method: Callable[..., AsyncIterator[Any]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Run the generator, in the turn of the actor."""
    cell = channel.runtime.current()
    if not isinstance(cell, Cell):
        raise ActorError("a stream runs in the turn of its actor, whose on_submit has taken it elsewhere")
    generator = cell.bind(method)(*args, **kwargs)
    if not isinstance(generator, AsyncIterator):
        if isinstance(generator, COROUTINES):
            generator.close()
        raise TypeError(
            f"stream takes a method that is an async generator, not {cell.path}'s {describe(method)}"
        )
    channel.generator = generator
    try:
        async for item in generator:
            await channel.put(item)
            if cell.must_end():
                raise ActorStoppedError(cell.ref)
    finally:
        channel.is_closing = True
        close = getattr(generator, "aclose", None)
        if close is not None:
            await close()
