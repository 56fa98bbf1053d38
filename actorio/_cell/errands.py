"""Errands between two turns of an actor: a change of its state, and a suspension, in which no turn begins.

Both are seen to by the actor's own task, in `attend`, where no turn is cut. An actor for which there is nothing to
do has none of this but an empty slot.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from actorio._cell.actor_log import log_of
from actorio.errors import ActorError, ActorStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actorio._cell.state import CellState
    from actorio._core.deadlines import Deadline

__all__ = ["Errand", "Errands", "see_to"]


class Errand:
    """Work for one moment between two turns, and who waits for it."""

    __slots__ = ("done", "work")

    def __init__(self, work: Callable[[], Any], done: asyncio.Future[Any]) -> None:
        self.work = work
        self.done = done

    def do(self) -> None:
        """Do it, unless nobody waits for it any more."""
        if self.done.done():
            return
        try:
            value = self.work()
        except Exception as error:
            self.done.set_exception(error)
        else:
            self.done.set_result(value)


class Errands:
    """The errands of one incarnation, which are done between two turns."""

    __slots__ = ("_alarm", "cell", "is_parked", "is_suspended", "pending", "since")

    def __init__(self, cell: CellState) -> None:
        self.cell = cell
        self.pending: deque[Errand] = deque()
        self.is_suspended = False
        self.is_parked = False
        """Whether its task waits for the end of the suspension."""
        self.since = 0.0
        self._alarm: Deadline | None = None

    @classmethod
    def of(cls, cell: CellState) -> Errands:
        """Return those of the incarnation, made when first asked for."""
        if cell.errands is None:
            cell.errands = cls(cell)
        return cell.errands

    async def run(self, work: Callable[[], Any], timeout: float | None, what: str) -> Any:
        """Do `work` between two turns, and return what it returns.

        Raises:
            TimeoutError: the turn did not end in time; it will not be done.
            ActorError: the incarnation has ended meanwhile.

        Cancellation: it will not be done, if it has not been.
        """
        cell = self.cell
        errand = Errand(work, cell.runtime.loop.create_future())
        release = cell.wait_of_current(ends_by_itself=timeout is not None)  # type: ignore[attr-defined]
        alarm = None
        if timeout is not None:
            late = TimeoutError(f"{what} {cell.path}: its turn did not end within timeout={timeout:g} s")
            alarm = cell.runtime.timers.after(timeout, lambda: _fail(errand.done, late))
        self.pending.append(errand)
        cell.urgent = True
        cell._poke()
        try:
            return await errand.done
        finally:
            if not errand.done.cancel() and not errand.done.cancelled():
                errand.done.exception()  # no log line if a cancel has come at the same time
            if alarm is not None:
                alarm.cancel()
            if release is not None:
                release()

    def do_pending(self) -> None:
        """Do what is to be done now. It is no turn of the actor."""
        run_queue = self.cell.run_queue
        current, run_queue.current = run_queue.current, None
        try:
            while self.pending:
                self.pending.popleft().do()
        finally:
            run_queue.current = current

    def suspend(self, lease: float | None) -> None:
        """Begin no turn until the lease is over, or begin a new lease."""
        cell = self.cell
        timers = cell.runtime.timers
        if self._alarm is not None:
            self._alarm.cancel()
        if not self.is_suspended:
            self.since = timers.now()
        if not self.is_suspended and cell.observers.suspended is not None:
            cell.observers.suspended(cell)
        self.is_suspended = True
        cell.runtime.suspended[cell] = None
        self._alarm = None if lease is None else timers.after(lease, lambda: self._expire(lease))

    def _expire(self, lease: float | None) -> None:
        log_of(
            self.cell,
            logging.WARNING,
            "the suspension of %s has run out after lease=%g s",
            self.cell.path,
            lease,
        )
        self.resume()

    def resume(self) -> None:
        """Go on with the turns. Idempotent."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self.is_suspended and self.cell.observers.resumed is not None:
            self.cell.observers.resumed(self.cell)
        self.is_suspended = False
        self.cell.runtime.suspended.pop(self.cell, None)
        if self.is_parked:
            self.cell._poke()

    def end(self) -> None:
        """The incarnation is over: nothing of it is suspended, and what was not done never will be."""
        cell = self.cell
        self.is_parked = False
        self.resume()
        if cell.mailbox.closed:
            error: ActorError = ActorStoppedError(cell.ref, cell.reason)
        else:
            error = ActorError(f"{cell.path} was restarted before its turn had ended")
        for errand in self.pending:
            _fail(errand.done, error)
        self.pending.clear()


def see_to(errands: Errands) -> Generator[Any, Any, None]:
    """Do what is pending, and wait while the actor is suspended: until it is resumed, or has to close, fail or end."""
    cell = errands.cell
    while cell.failure is None and not cell.must_end():
        errands.do_pending()
        if cell.mailbox.closed:
            errands.resume()
        if not errands.is_suspended:
            return
        cell.run_queue.current = None
        errands.is_parked = True
        cell._asyncio_future_blocking = True
        try:
            yield cell
        except BaseException:
            cell.urgent = True  # an own loop may catch it, and come here again
            raise
        finally:
            errands.is_parked = False
        cell.run_queue.current = cell
        cell.urgent = False


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
