"""Turns beside the turns: the calls of methods that are marked by `interleave`, each in a task of its own.

Such a task belongs to the incarnation, which cancels it as it ends. In the search for deadlocks it is a node of
its own: who has called it waits for it, not for the actor, and what it waits for itself is seen as well.
"""

from __future__ import annotations

import asyncio
import functools
from contextvars import Context as Variables
from typing import TYPE_CHECKING, Any

from actorio._cell.sender_context import interleaved_call
from actorio._cell.state import BEGIN, is_closing
from actorio._cell.states import State
from actorio._core.envelope import DEFERRED, ENDED
from actorio._core.request import Call
from actorio.errors import ActorStoppedError, ExitReason, is_actor_exit, note_exit

if TYPE_CHECKING:
    from actorio._cell.protocols import System
    from actorio._cell.state import CellState
    from actorio._core.deadlines import Deadline
    from actorio._core.deadlock import WaitForMany, Waiting
    from actorio._core.envelope import Cast
    from actorio._core.mailbox import Mailbox
    from actorio._core.run_queue import RunQueue

__all__ = ["InterleavedCall", "InterleavedCalls", "awaits_interleaved", "runs_interleaved"]


class InterleavedCalls:
    """The interleaved calls of one incarnation, at most `mailbox.capacity` at a time."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell
        self._running: dict[InterleavedCall, None] = {}
        self.ended_ones = 0
        """How many have ended, all of them counted as handled."""
        self._patience: Deadline | None = None

    @classmethod
    def of(cls, cell: CellState) -> InterleavedCalls:
        """Return the incarnation's interleaved calls."""
        calls = cell.owned_of(cls)
        return cell.own(cls, cls(cell)) if calls is None else calls

    def __len__(self) -> int:
        return len(self._running)

    @property
    def has_room(self) -> bool:
        """Tell whether another one may begin."""
        capacity = self._cell.mailbox.capacity
        return capacity is None or len(self._running) < capacity

    def begin(self, envelope: Call | Cast) -> None:
        """Begin one now."""
        turn = InterleavedCall(self._cell, self, envelope)
        self._running[turn] = None
        turn.begin()

    def begin_or_drop(self, envelope: Call | Cast) -> None:
        """Begin one that comes out of the mailbox; waiting for room, it would hold up all that is behind it."""
        self._cell.handled -= 1  # the loop counts all that it takes
        if self.has_room:
            self.begin(envelope)
        else:
            self._cell.drop(envelope)

    def ended(self, turn: Any) -> None:
        """Note that one is over."""
        del self._running[turn]
        self.ended_ones += 1

    def waits(self) -> list[tuple[InterleavedCall, Waiting | WaitForMany]]:
        """Return those that wait, each with for whom or what."""
        return [(turn, turn.waits_on) for turn in self._running if turn.waits_on is not None]

    def holds_the_end(self) -> bool:
        """Tell whether the end after `close` waits for calls: for `shutdown` seconds, as no mail comes any more."""
        limit = self._cell.options.shutdown
        if not self._running or limit is None:
            return bool(self._running)
        patience = self._patience
        if patience is None:
            patience = self._patience = self._cell.runtime.timers.after(limit, self._cell._poke)
        return patience.pending

    def cancel(self) -> None:
        """The incarnation ends, and cancels its tasks next: they are among them."""
        if self._patience is not None:
            self._patience.cancel()


def runs_interleaved(cell: CellState) -> bool:
    """Tell whether interleaved calls run."""
    return cell.owned is not None and bool(cell.owned.get(InterleavedCalls))


def awaits_interleaved(cell: CellState) -> bool:
    """Tell whether a closed actor that has nothing else to do waits for interleaved calls."""
    turns = cell.owned_of(InterleavedCalls)
    return turns is not None and turns.holds_the_end()


class InterleavedCall:
    """One call beside the turns. It stands in for its cell where the runtime asks whose turn it is."""

    __slots__ = ("_turns", "cell", "envelope", "reply_errors", "task", "urgent", "waits_on")

    stopper = None
    """It has no last hook."""

    cancel_soon = False
    """A kill cancels its task, which sees it at its next await."""

    task: asyncio.Task[None]

    def __init__(self, cell: Any, turns: InterleavedCalls, envelope: Call | Cast) -> None:
        self.cell = cell
        self.envelope = envelope
        self.reply_errors = cell.reply_errors
        self.waits_on: Waiting | WaitForMany | None = None
        self._turns = turns
        self.urgent = False  # set by a cancel that it is shown, for the loop of an actor to see; it has none

    @property
    def path(self) -> str:
        """The path of its actor."""
        path: str = self.cell.path
        return path

    @property
    def runtime(self) -> System:
        """Return the system of its actor."""
        runtime: System = self.cell.runtime
        return runtime

    @property
    def run_queue(self) -> RunQueue:
        """The run queue of its actor."""
        run_queue: RunQueue = self.cell.run_queue
        return run_queue

    @property
    def mailbox(self) -> Mailbox[Any]:
        """The mailbox of its actor."""
        mailbox: Mailbox[Any] = self.cell.mailbox
        return mailbox

    def cancel_now(self) -> None:
        """Never asked for: `cancel_soon` is not set."""

    def begin(self) -> None:
        """Start the task. Its coroutine has begun before, so that a cancel always finds somebody to tell."""
        cell, envelope = self.cell, self.envelope
        envelope.state = DEFERRED  # if a turn has taken it out of the mailbox, that turn gives no answer
        if isinstance(envelope, Call) and envelope.asker is not None:
            envelope.asker.waits_on = self
        if cell.deferred is None:
            cell.deferred = {}
        cell.deferred[envelope] = None
        if (tell := cell.observers.begun_beside) is not None:
            tell(cell, envelope)
        life = self._live()
        life.send(None)
        name = f"{cell.path} {envelope.invocation.func.__name__}"
        self.task = cell.start_task(life, name)

    async def _live(self) -> None:
        work = functools.partial(self.cell.run_method, self.envelope)
        try:
            await BEGIN
            value = await interleaved_call(self, work, self.envelope.sender or Variables())
        except BaseException as error:
            if is_closing(error, self.task):
                raise
            self._leave()
            self._end_by(error)
        else:
            self._leave()
            if self.envelope.state < ENDED:
                self.envelope.reply(value)
        self._tell()

    def _leave(self) -> None:
        self._turns.ended(self)
        cell, envelope = self.cell, self.envelope
        cell.handled += 1
        if cell.deferred is not None:
            cell.deferred.pop(envelope, None)

    def _end_by(self, error: BaseException) -> None:
        cell, envelope = self.cell, self.envelope
        killed = cell.must_end_at_once()
        if isinstance(error, asyncio.CancelledError) and (killed or cell.state != State.RUNNING):
            cell.interrupt_beside(envelope, ExitReason.KILLED if killed else cell.ending)
        elif isinstance(error, Exception):
            unheard = envelope.state >= ENDED
            note_exit(error, cell.path)
            envelope.fail(error)
            is_answer = isinstance(error, self.reply_errors) and not is_actor_exit(error, cell.path)
            if isinstance(envelope, Call) and is_answer:
                cell.count_failure(error, unheard=unheard)
            else:
                cell.fail_by_task(self.task, error)
        else:
            if isinstance(error, asyncio.CancelledError):
                envelope.cancelled_by_handler()
            else:
                envelope.fail(ActorStoppedError(cell.ref, ExitReason.CRASHED))
            cell.fail_by_task(self.task, error)

    def _tell(self) -> None:
        cell = self.cell
        if (tell := cell.observers.ended_beside) is not None:
            tell(cell, self.envelope)
        cell.task_ended(self.task)
