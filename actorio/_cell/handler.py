"""Running a handler: a hook, a call, submitted work, a message that awaits, each in the contextvars of its sender.

These generators run inside the actor's one task and yield to asyncio what a handler awaits. Each step of a
handler runs in its sender's contextvars by `Context.run`, so nothing a handler sets stays in the actor, and
no second task is needed. (`DirectTurns` does so for the messages that it takes while the task is parked.)
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any

from actorio._core.envelope import ENDED, NO_MESSAGE, RUNNING
from actorio.errors import ActorStoppedError, ExitReason, UnhandledMessageError, is_actor_exit, note_exit

if TYPE_CHECKING:
    from actorio._cell.turn import Turn
    from actorio._core.envelope import Envelope

__all__ = [
    "BUDGET",
    "CLOCK_EVERY",
    "RECEIVE",
    "Signal",
    "Steps",
    "answer",
    "answer_by_error",
    "awaiting",
    "drive",
    "hook",
    "interleaved_call",
    "is_of_this_message",
    "outcome_of",
    "suspended",
]

CLOCK_EVERY = range(8)
"""Messages between two looks at the clock."""
BUDGET = range(8)
"""Times that many messages an actor takes in one go, at most, before the next actor's turn."""

Steps = Generator[Any, Any, Any]


class Signal:
    """A thing that the mailbox's loop yields and no handler awaits."""

    __slots__ = ()


class _Receive:
    """The request for the next message that `Actor.recv` yields up to the loop that runs its coroutine."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield self)
        except RuntimeError:  # of a turn, or of another task, neither of which can serve it
            raise RuntimeError(
                "recv() outside of the actor's own run(), or in a task of its own: asyncio.wait_for makes one on "
                "Python 3.11, so put asyncio.timeout around recv()"
            ) from None


RECEIVE = _Receive()


def answer(cell: Turn, envelope: Envelope, own: Context) -> Steps:
    """Run an envelope and tell its sender what came of it."""
    if not envelope.begin():  # nobody waits for it any more
        cell.handled -= 1  # the loop counts all that it takes
        return
    cell.envelope = envelope
    cell.message = envelope.message
    context = envelope.sender or own
    try:
        outcome = yield from outcome_of(cell, context.run(envelope.run, cell), context)
    except BaseException as error:
        if not answer_by_error(cell, envelope, error):
            raise
    else:
        if envelope.state == RUNNING:
            envelope.reply(outcome)
    finally:
        cell.envelope = None
        if cell.interrupted is envelope:
            cell.end_interrupt()
    cell.message = NO_MESSAGE


def answer_by_error(cell: Turn, envelope: Envelope, error: BaseException) -> bool:
    """Tell the asker; True when that is all, False when the actor fails as well."""
    if isinstance(error, asyncio.CancelledError):
        if cell.interrupted is envelope:
            return True  # the Result was cancelled, and says so itself
        if cell.is_killed():
            envelope.fail(ActorStoppedError(cell.ref, ExitReason.KILLED))
            if envelope.answers:  # its asker has been told: no dead letter
                cell.message = NO_MESSAGE
        else:
            envelope.cancelled_by_handler()
        return False
    if not isinstance(error, Exception):
        envelope.fail(ActorStoppedError(cell.ref, ExitReason.CRASHED))
        return False
    asked, unheard = envelope.answers, envelope.state >= ENDED
    is_unhandled = envelope.is_message and is_of_this_message(error)
    note_exit(error, cell.path)
    envelope.fail(error)
    if is_unhandled and not asked:
        cell.dead_letter(envelope.message, "unhandled")
        return True
    if (
        asked
        and (is_unhandled or isinstance(error, cell.reply_errors))
        and not is_actor_exit(error, cell.path)
    ):
        if isinstance(error, UnhandledMessageError):
            error.is_answer = True
        cell.count_failure(error, unheard=unheard)
        return True
    return False


def is_of_this_message(error: BaseException) -> bool:
    """Tell whether an error says that the message in hand has no handler; not one that another actor has answered."""
    return isinstance(error, UnhandledMessageError) and not error.is_answer


@types.coroutine
def hook(cell: Turn, function: Callable[..., Any], *args: Any) -> Steps:
    """Run a hook of the actor as a part of its turn, in contextvars of its own."""
    context = Context()
    cell.run_queue.current = cell
    return (yield from outcome_of(cell, context.run(function, *args), context))


@types.coroutine
def interleaved_call(turn: Any, work: Callable[[], Any], context: Context) -> Steps:
    """Run work beside the turns of an actor, in a task of its own, and return its value."""
    turn.run_queue.current = turn
    try:
        return (yield from outcome_of(turn, context.run(work), context))
    finally:
        turn.run_queue.current = None


def outcome_of(cell: Any, outcome: Any, context: Context) -> Steps:
    """Return the value of what a handler returned, awaiting it if it is awaitable."""
    if isinstance(outcome, types.CoroutineType):
        return (yield from drive(cell, outcome, context))
    if hasattr(type(outcome), "__await__"):
        return (yield from drive(cell, awaiting(outcome), context))
    return outcome


async def awaiting(awaitable: Any) -> Any:
    return await awaitable


def drive(cell: Any, coroutine: Any, context: Context) -> Steps:
    """Run a coroutine in `context`, as a part of the actor's turn, and return its value."""
    cell.run_queue.current = cell
    try:
        awaited = context.run(coroutine.send, None)
    except StopIteration as stop:
        return stop.value
    return (yield from suspended(cell, coroutine, awaited, context))


def suspended(cell: Any, step: Any, awaited: Any, context: Context) -> Steps:
    """Go on with a handler that awaits, each step in its own context: its value, or a signal of the mailbox's loop."""
    run_queue, mailbox, send = cell.run_queue, cell.mailbox, step.send
    while True:
        if cell.cancel_soon:
            cell.cancel_now()
        error: BaseException | None = None
        if awaited is RECEIVE:
            error = RuntimeError()
        else:
            run_queue.current = None
            try:
                yield awaited
            except BaseException as thrown:
                error = thrown
                cell.urgent |= isinstance(error, asyncio.CancelledError)  # swallowed, it is taken back
            run_queue.current = cell
            if len(mailbox.items) > mailbox.peak:
                mailbox.peak = len(mailbox.items)
        try:
            awaited = context.run(send, None) if error is None else context.run(step.throw, error)
        except StopIteration as stop:
            return stop.value
        finally:
            error = None  # or the frame and the traceback would keep each other alive
        if type(awaited) is Signal:
            return awaited
