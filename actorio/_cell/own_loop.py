"""The loop of an actor that has a `run` of its own: steps it, and gives it a message whenever it asks for one."""

from __future__ import annotations

import asyncio
import itertools
import types
from collections.abc import Callable, Generator, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any

from actorio._cell.handler import BUDGET, CLOCK_EVERY, answer
from actorio._cell.owned.interleave import awaits_interleaved
from actorio._cell.sender_context import RECEIVE, Steps
from actorio._cell.urgent import attend
from actorio._core.envelope import ENVELOPES, NO_MESSAGE, RUNNING, is_message
from actorio.errors import ActorExit, NoReplyError, is_actor_exit

if TYPE_CHECKING:
    from actorio._cell.turn import Turn

__all__ = ["own_loop", "until_woken"]


@types.coroutine
def own_loop(cell: Turn, run: Any) -> Steps:
    """Step the actor's own `run`, giving it a message whenever it asks for one by `recv`.

    A failure from outside is an `ActorExit` for `run`, so that it can clean up, and is raised when it has ended.
    """
    run_queue = cell.run_queue
    run_queue.current = cell
    step: Callable[[Any], Any] = run.send
    context, value = Context(), None
    taken = itertools.count(1)
    told, failures = False, list[BaseException]()
    while True:
        try:
            awaited = context.run(step, value)
        except BaseException as error:
            value = None  # or the traceback and this frame would keep each other alive
            if not (isinstance(error, StopIteration) or is_actor_exit(error, cell.path)):
                raise
            _finish_in_hand(cell)
            while any(task.done() for task in cell.tasks or ()):  # its failure is still to be heard of
                cell.run_queue.current = None
                yield
                cell.run_queue.current = cell
            if cell.failure is not None:
                failures.append(cell.failure)  # one since its last recv
            return _raise_first(failures)
        if awaited is RECEIVE:
            _finish_in_hand(cell)
            if told:  # it has swallowed the ActorExit, and would do so for ever
                context.run(run.close)
                return _raise_first(failures)
            try:
                value, context = yield from _next_message(cell, taken)
                step = run.send
            except asyncio.CancelledError as cancelled:
                cell.urgent, value, step = True, cancelled, run.throw
            except ActorExit as stop:
                told, value, step = True, stop, run.throw
            except BaseException as error:
                failures.append(error)
                told, value, step = True, ActorExit(), run.throw
            continue
        if cell.interrupted is None and cell.cancel_soon:
            cell.cancel_now()
        run_queue.current = None
        try:
            value = yield awaited
            step = run.send
        except BaseException as error:
            value, step = error, run.throw
            if isinstance(error, asyncio.CancelledError):
                cell.urgent = True  # swallowed, it is taken back before the next message
        run_queue.current = cell


@types.coroutine
def until_woken(cell: Turn) -> Steps:
    """Wait, in a `run` that takes no messages, until its actor is woken, and see to what passes the mailbox.

    Raises:
        ActorExit: the incarnation has to end.
        BaseException: a failure from outside.
    """
    if not cell.urgent:
        cell.mailbox.sleeper = cell  # for whoever asks something of it
        cell._asyncio_future_blocking = True
        yield cell
    if cell.urgent and (yield from attend(cell)):
        raise ActorExit


def _raise_first(failures: list[BaseException]) -> None:
    if failures:
        try:
            raise failures[0]
        finally:
            failures.clear()  # or the frame and the traceback would keep each other alive


def _finish_in_hand(cell: Turn) -> None:
    """An own loop asks for its next message, or has ended: it is done with the one before."""
    envelope, cell.envelope = cell.envelope, None
    if envelope is not None and envelope.state == RUNNING:
        if envelope.answers:
            envelope.fail(NoReplyError(f"{cell.path} is done with the message and has not replied"))
        else:
            envelope.reply(None)
    if cell.in_hand:
        if (tell := cell.observers.ended) is not None:
            tell(cell, cell.message if envelope is None else envelope)
        cell.in_hand = False
        cell.handled += 1
        cell.message = NO_MESSAGE


def _next_message(cell: Turn, taken: Iterator[int]) -> Generator[Any, Any, tuple[Any, Context]]:
    """Wait for a message for the own loop; calls and submitted work are done on the way."""
    mailbox = cell.mailbox
    while True:
        if cell.urgent and (yield from attend(cell)):
            raise ActorExit
        mailbox.peak = max(mailbox.peak, len(mailbox.items))
        if mailbox.items and _has_spent(cell, next(taken)):
            yield from _pause(cell)
        elif mailbox.items:
            item = mailbox.items.popleft()
            if mailbox.waiting is not None:
                mailbox.admit()
            if (tell := cell.observers.begun) is not None:
                tell(cell, item)
            if not is_message(item):
                yield from answer(cell, item, Context())
                cell.handled += 1
                if (tell := cell.observers.ended) is not None:
                    tell(cell, item)
                item = None  # or the traceback of a failure and this frame would keep each other alive
            elif type(item) not in ENVELOPES:
                cell.message, cell.in_hand = item, True
                return item, Context()
            elif item.begin():
                cell.envelope, cell.message, cell.in_hand = item, item.message, True
                return item.message, item.sender or Context()
        elif mailbox.closed and not cell.urgent and not awaits_interleaved(cell):
            raise ActorExit
        else:
            yield from _pause(cell)


def _has_spent(cell: Turn, number: int) -> bool:
    """Tell whether an own loop that is about to take its message of that number has to let others run first."""
    if number % len(CLOCK_EVERY):
        return False
    run_queue = cell.run_queue
    if run_queue.loop.time() >= run_queue.deadline:
        run_queue.spent = True
        return True
    return not number % (len(CLOCK_EVERY) * len(BUDGET))


def _pause(cell: Turn) -> Steps:
    """Let others run: until mail or something urgent comes, or, with mail left, until the queue comes round."""
    if cell.mailbox.items or cell.urgent:
        cell.wake()
    else:
        cell.mailbox.sleeper = cell
    cell.run_queue.current = None
    cell._asyncio_future_blocking = True
    yield cell
    cell.run_queue.current = cell
