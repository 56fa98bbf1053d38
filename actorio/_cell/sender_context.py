"""Running a handler in contextvars: those of its sender, or of its own for a hook.

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

if TYPE_CHECKING:
    from actorio._cell.turn import Turn

__all__ = [
    "RECEIVE",
    "Signal",
    "Steps",
    "awaiting",
    "drive",
    "hook",
    "interleaved_call",
    "outcome_of",
    "suspended",
]

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
