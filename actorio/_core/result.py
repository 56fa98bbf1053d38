"""The `Result` of submitted work: an awaitable over an `asyncio.Future`.

Many may await it, and each by itself: cancelling one of them cancels neither the work nor the others
(a bare future is cancelled with its awaiter). Cancelling the `Result` cancels the work.

Source: `Result` of the *Python Cookbook*, recipe 12.10.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Generator, Iterator
from contextvars import Context
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from actorio._core.checks import check_instance, check_plain_function
from actorio._core.deadlock import WaitForMany
from actorio._core.run_queue import RunQueue, Waiter
from actorio._core.typevar import TypeVar
from actorio.errors import AskCancelledError, WrongThreadError

if TYPE_CHECKING:
    from actorio._core.deadlock import ResultSource


class Unheard(Protocol):
    """Tells of a failure that nobody looks at."""

    def hush(self) -> None: ...


__all__ = ["Result", "safe_exception", "wait_of_current"]

R = TypeVar("R", default=Any)


class Result(Generic[R]):
    """The outcome of submitted work, or of an ask that a handler took away with `defer`."""

    __slots__ = ("__weakref__", "_future", "_home", "_unheard", "_waiters", "_work")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        work: ResultSource | None = None,
    ) -> None:
        self._future: asyncio.Future[R] = (loop or asyncio.get_running_loop()).create_future()
        self._work = work
        self._home: Any = None
        self._waiters: list[Waiter] | None = None
        self._unheard: Unheard | None = None

    def __await__(self) -> Generator[Any, None, R]:
        """Wait for the value.

        Raises:
            Exception: what the work raised, the same object.
            asyncio.CancelledError: the `Result` was cancelled.
            AskCancelledError: the work was cancelled, not by the `Result` but from the inside.
            ActorStoppedError: the actor ended first.
            DeadlockError: the work waits, behind a chain of waiting actors, for this very turn.
            WrongThreadError: from another thread or event loop, and it is not done.

        Cancellation: only this wait ends; the work goes on.
        """
        future = self._future
        if not future.done():
            work = self._work
            if work is None:
                self._check_thread()
                run_queue = RunQueue.of(future.get_loop())
            else:
                if get_ident() != work.cell.runtime.thread:
                    self._check_thread()
                run_queue = work.cell.run_queue
            release = None if run_queue.current is None else wait_of_current((self,), every=True)
            del work  # it holds this result, and what it came to
            try:
                yield from self._wait(Waiter(run_queue))
            finally:
                if release is not None:
                    release()
        if self._unheard is not None:
            self._unheard.hush()
        try:
            return self._future.result()
        finally:
            del self, future  # or the traceback of its exception and this frame would keep each other alive

    def _wait(self, waiter: Waiter) -> Generator[Any, None, None]:
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(waiter)
        try:
            while not self._future.done():
                waiter._asyncio_future_blocking = True
                yield waiter
        except RuntimeError as error:  # asyncio's word for a task of another loop
            self._check_thread()
            raise WrongThreadError("a Result was awaited on another event loop than its own") from error
        finally:
            if self._waiters is not None:
                self._waiters.remove(waiter)

    def _tell(self) -> None:
        """Wake those who wait, by the run queue: a turn of the event loop for each costs more than the work.

        The work, which holds this result, is let go of: or each would leave a cycle to collect.
        """
        work, self._work = self._work, None
        if work is not None:
            self._home = work.cell.runtime
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            waiter.wake()

    def cancel(self) -> bool:
        """Cancel the work: dropped while queued, a running coroutine is cancelled at its next await.

        Returns:
            False when it has finished already.

        Raises:
            WrongThreadError: from another thread or event loop, and it has not.
        """
        if self._future.done():
            return False
        self._check_thread()
        work = self._work
        self._future.cancel()
        self._tell()
        if work is not None:
            work.result_cancelled()
        return True

    def done(self) -> bool:
        """Tell whether there is a value, an exception, or it was cancelled."""
        return self._future.done()

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return self._future.cancelled()

    def result(self) -> R:
        """Return the value, or raise what the work raised.

        Raises:
            asyncio.InvalidStateError: not done.
            asyncio.CancelledError: it was cancelled.
        """
        self._look()
        try:
            return self._future.result()
        finally:
            del self  # as in `__await__`

    def exception(self) -> BaseException | None:
        """Return what the work raised, None when it did not.

        Raises:
            asyncio.InvalidStateError: not done.
            asyncio.CancelledError: it was cancelled.
        """
        self._look()
        return self._future.exception()

    def add_done_callback(
        self, callback: Callable[[Result[R]], object], *, context: Context | None = None
    ) -> None:
        """Let the loop call `callback(self)` once done.

        Raises:
            WrongThreadError: from another thread or event loop.
        """
        check_plain_function("callback", callback)
        self._check_thread()
        self._future.add_done_callback(lambda _: callback(self), context=context)

    def set_result(self, value: R) -> None:
        """Give the value. Ignored when cancelled; `asyncio.InvalidStateError` when given already.

        Of submitted work it stands, and what the work comes to later is dropped.

        Raises:
            WrongThreadError: from another thread or event loop.
        """
        self._check_thread()
        if not self._future.cancelled():
            self._future.set_result(value)
            self._tell()

    def settle(self, value: R) -> None:
        """Give what the work has come to, in its thread, unless somebody else has given a value before."""
        if not self._future.done():
            self._future.set_result(value)
            self._tell()

    def set_exception(self, error: BaseException) -> None:
        """Give an exception instead of a value. Ignored when cancelled; `asyncio.InvalidStateError` when given already.

        A `CancelledError` becomes an `AskCancelledError`: who waits is never cancelled by the work.

        Raises:
            TypeError: not an exception.
            WrongThreadError: from another thread or event loop.
        """
        check_instance("error", error, BaseException)
        self._check_thread()
        if not self._future.cancelled():
            self._future.set_exception(safe_exception(error))
            self._tell()

    def speak_up(self, unheard: Unheard) -> None:
        """Let that tell of the failure, if nobody looks at it, in place of the future."""
        self._future.exception()
        self._unheard = unheard

    def _look(self) -> None:
        if self._unheard is not None:
            self._unheard.hush()

    def _check_thread(self) -> None:
        """Refuse use from another thread than that of whom it comes from."""
        home = self._home if self._work is None else self._work.cell.runtime
        if home is not None:
            home.check_thread()

    def __repr__(self) -> str:
        state = cast("str", getattr(self._future, "_state", "unknown")).lower()
        return f"<Result {state}>"


def wait_of_current(results: Collection[Result[Any]], *, every: bool) -> Callable[[], None] | None:
    """Note that the actor whose turn it is waits for all of these results, or any; returns how to take that back.

    Raises:
        DeadlockError: with this turn waiting there is nobody to get them done.
    """

    def find() -> Iterator[Any]:
        for result in results:
            work = result._work
            yield None if work is None or result.done() else work.cell.server

    work = next((result._work for result in results if result._work is not None), None)
    return None if work is None else work.cell.wait_of_current(WaitForMany(find, every=every))


def safe_exception(error: BaseException) -> BaseException:
    """Return an exception that tells the one who waits what it is.

    A `StopIteration` would turn into a value or a hang, a `CancelledError` into a cancel of the waiting task.
    """
    wrapped: Exception
    if isinstance(error, StopIteration):
        wrapped = RuntimeError(f"the handler raised {type(error).__name__}")
    elif isinstance(error, asyncio.CancelledError):
        wrapped = AskCancelledError("the work was cancelled")
    else:
        return error
    wrapped.__cause__ = error
    return wrapped
