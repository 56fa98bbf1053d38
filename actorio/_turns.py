"""How an actor takes its turns: the loops that drain its mailbox.

These generators run inside the actor's one task and yield to asyncio what a handler awaits. Each step of a
handler runs in its sender's contextvars by `Context.run`, so nothing a handler sets stays in the actor, and
no second task is needed.
"""

from __future__ import annotations

import asyncio
import itertools
import types
from collections.abc import Callable, Generator, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any

from actorio._envelope import ENDED, ENVELOPES, NO_MESSAGE, QUEUED, RUNNING, Request, is_message
from actorio.errors import ActorExit, ActorStoppedError, ExitReason, NoReplyError

if TYPE_CHECKING:
    from actorio._cell import Cell, SideTurn
    from actorio._envelope import Envelope

__all__ = ["RECEIVE", "drive", "hook", "mailbox_loop", "own_loop", "side_turn"]

_CLOCK_EVERY = range(8)
"""Messages between two looks at the clock."""
_BUDGET = range(8)
"""Times that many messages an actor takes in one go, at most, before the next actor's turn."""

Steps = Generator[Any, Any, Any]


class _Signal:
    """What `_take_turns` yields that no handler awaits."""

    __slots__ = ()


_DONE = _Signal()
"""It has taken its share of messages, or there is no more that it may take."""
_ENVELOPE = _Signal()
"""The message in hand is one that takes more than a call of `receive`."""
_IN_SENDERS = _Signal()
"""The ask in hand is to be handled in the contextvars of its sender."""
_IN_OWN = _Signal()
"""That has been done."""


class _Receive:
    """What `Actor.recv` yields up to the loop that runs its coroutine: a request for the next message."""

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
def mailbox_loop(cell: Cell) -> Steps:
    """Hand each message to `receive`, in order, until the incarnation has to end."""
    mailbox, dispatcher = cell.mailbox, cell.dispatcher
    own = Context()  # for messages whose sender's contextvars are empty; made anew once something stays in it
    turns: Any = _take_turns(cell, own)
    dispatcher.current = cell
    while True:
        for _ in _BUDGET:
            if cell.urgent:
                cell.message = NO_MESSAGE  # no notice is blamed on the last one
                if (yield from attend(cell)):
                    return
                turns = _take_turns(cell, own)  # `when_idle` may have changed what `receive` is
            signal = own.run(next, turns)
            if signal is not _DONE:
                yield from _go_on(cell, turns, signal, own)
            if own:
                own = Context()
                turns = _take_turns(cell, own)
            if not mailbox.items:
                break
            if dispatcher.loop.time() >= dispatcher.deadline:
                dispatcher.spent = True
                break
        if mailbox.items or cell.urgent:
            cell.wake()
        elif mailbox.closed and not cell.has_side_turns():
            return
        else:
            mailbox.sleeper = cell
        dispatcher.current = None
        cell._asyncio_future_blocking = True
        yield cell
        dispatcher.current = cell


@types.coroutine
def _take_turns(cell: Cell, own: Context) -> Steps:
    """Take messages and run `receive` on them: yields what it awaits, and in between why others must act.

    It is stepped inside `own`, some messages a step: one `context.run` for all of them, and none of the
    `StopIteration` that ends each handler's own coroutine (measured in docs/design/decisions/run-queue.md; the
    benchmarks `send`, `counting` and `pingpong` pay for it).
    """
    mailbox, observer, receive = cell.mailbox, cell.observer, cell.instance.receive  # type: ignore[union-attr]
    is_async = cell.hooks.receives_async  # type: ignore[union-attr]
    while True:
        if len(mailbox.items) > mailbox.peak:
            mailbox.peak = len(mailbox.items)
        for _ in _CLOCK_EVERY:
            if cell.urgent or not mailbox.items:
                break
            item = mailbox.items.popleft()
            if mailbox.waiting is not None:
                mailbox.admit()
            if observer is not None:
                observer.begun(cell, item)
            if type(item) not in ENVELOPES:
                cell.message = item
                value = receive(item)
                if is_async:
                    yield from value
                elif value is not None and hasattr(type(value), "__await__"):
                    yield from _await(value)
            elif type(item) is Request and item.state == QUEUED:
                item.state = RUNNING
                cell.envelope = item
                cell.message = item.message
                if item.sender is not None:
                    yield _IN_SENDERS
                try:
                    value = receive(item.message)
                    if is_async:
                        value = yield from value
                    elif value is not None and hasattr(type(value), "__await__"):
                        value = yield from _await(value)
                except BaseException as error:
                    cell.envelope = None
                    if not _answer_by_error(cell, item, error):
                        raise
                else:
                    cell.envelope = None
                    if item.state == RUNNING:
                        item.reply(value)
                if item.sender is not None:
                    yield _IN_OWN
            else:
                cell.message = item
                yield _ENVELOPE
            if observer is not None:
                observer.ended(cell, item)
            cell.handled += 1
            if own:
                break
        item = value = cell.message = NO_MESSAGE
        yield _DONE


def _go_on(cell: Cell, turns: Steps, signal: Any, own: Context) -> Steps:
    """Do what `_take_turns` cannot do in the context that it is stepped in, until it is done."""
    context = own
    while signal is not _DONE:
        if signal is _ENVELOPE:
            yield from answer(cell, cell.message, own)
        elif signal is _IN_SENDERS:
            context = cell.envelope.sender or own  # type: ignore[union-attr]
        elif signal is _IN_OWN:
            context = own
        else:
            signal = yield from _suspended(cell, turns, signal, context)
            continue
        signal = context.run(next, turns)


@types.coroutine
def own_loop(cell: Cell, run: Any) -> Steps:
    """Step the actor's own `run`, giving it a message whenever it asks for one by `recv`.

    A failure from outside is an `ActorExit` for `run`, so that it can clean up, and is raised when it has ended.
    """
    dispatcher = cell.dispatcher
    dispatcher.current = cell
    step: Callable[[Any], Any] = run.send
    context, value = Context(), None
    taken = itertools.count(1)
    told, failure = False, None
    while True:
        try:
            awaited = context.run(step, value)
        except (StopIteration, ActorExit):
            _finish_in_hand(cell)
            return _raise(cell.failure if failure is None else failure)  # also one since its last recv
        if awaited is RECEIVE:
            _finish_in_hand(cell)
            if told:  # it has swallowed the ActorExit, and would do so for ever
                context.run(run.close)
                return _raise(failure)
            try:
                value, context = yield from _next_message(cell, taken)
                step = run.send
            except asyncio.CancelledError as cancelled:
                value, step = cancelled, run.throw
            except ActorExit as stop:
                told, value, step = True, stop, run.throw
            except BaseException as error:
                told, failure, value, step = True, error, ActorExit(), run.throw
            continue
        if cell.interrupted is None and cell.cancel_soon:
            cell.cancel_now()
        dispatcher.current = None
        try:
            value = yield awaited
            step = run.send
        except BaseException as error:
            value, step = error, run.throw
        dispatcher.current = cell


def _raise(failure: BaseException | None) -> None:
    if failure is not None:
        try:
            raise failure
        finally:
            del failure  # or the frame and the traceback would keep each other alive


def _finish_in_hand(cell: Cell) -> None:
    """An own loop asks for its next message, or has ended: it is done with the one before."""
    envelope, cell.envelope = cell.envelope, None
    if envelope is not None and envelope.state == RUNNING:
        if envelope.answers:
            envelope.fail(NoReplyError(f"{cell.path} is done with the message and has not replied"))
        else:
            envelope.reply(None)
    if cell.in_hand:
        if cell.observer is not None:
            cell.observer.ended(cell, envelope)
        cell.in_hand = False
        cell.handled += 1
        cell.message = NO_MESSAGE


def _next_message(cell: Cell, taken: Iterator[int]) -> Generator[Any, Any, tuple[Any, Context]]:
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
            if cell.observer is not None:
                cell.observer.begun(cell, item)
            if not is_message(item):
                yield from answer(cell, item, Context())
                cell.handled += 1
                if cell.observer is not None:
                    cell.observer.ended(cell, item)
            elif type(item) not in ENVELOPES:
                cell.message, cell.in_hand = item, True
                return item, Context()
            elif item.begin():
                cell.envelope, cell.message, cell.in_hand = item, item.message, True
                return item.message, item.sender or Context()
        elif mailbox.closed and not cell.urgent and not cell.has_side_turns():
            raise ActorExit
        else:
            yield from _pause(cell)


def _has_spent(cell: Cell, number: int) -> bool:
    """Whether an own loop that is about to take its message of that number has to let others run first."""
    if number % len(_CLOCK_EVERY):
        return False
    dispatcher = cell.dispatcher
    if dispatcher.loop.time() >= dispatcher.deadline:
        dispatcher.spent = True
        return True
    return not number % (len(_CLOCK_EVERY) * len(_BUDGET))


def _pause(cell: Cell) -> Steps:
    """Let others run: until mail or something urgent comes, or, with mail left, until the queue comes round."""
    if cell.mailbox.items or cell.urgent:
        cell.wake()
    else:
        cell.mailbox.sleeper = cell
    cell.dispatcher.current = None
    cell._asyncio_future_blocking = True
    yield cell
    cell.dispatcher.current = cell


def attend(cell: Cell) -> Generator[Any, Any, bool]:
    """See to what passes the mailbox: failures from outside, stops, notices. True: the incarnation must end."""
    cell.urgent = False
    if cell.failure is not None:
        failure, cell.failure = cell.failure, None
        raise failure
    while not cell.must_end():
        if not cell.notices:
            return False
        event = cell.notices.popleft()
        if cell.observer is not None:
            cell.observer.notified(cell, event)
        yield from hook(cell, cell.instance.on_terminated, event)  # type: ignore[union-attr]
    return True


def answer(cell: Cell, envelope: Envelope, own: Context) -> Steps:
    """Run an envelope and tell its sender what came of it."""
    if not envelope.begin():  # nobody waits for it any more
        cell.handled -= 1  # the loop counts all that it takes
        return
    cell.envelope = envelope
    cell.message = envelope.message
    context = envelope.sender or own
    try:
        outcome = yield from _outcome(cell, context.run(envelope.run, cell), context)
    except BaseException as error:
        if not _answer_by_error(cell, envelope, error):
            raise
    else:
        if envelope.state == RUNNING:
            envelope.reply(outcome)
    finally:
        cell.envelope = None
        if cell.interrupted is envelope:
            cell.end_interrupt()
    cell.message = NO_MESSAGE


def _answer_by_error(cell: Cell, envelope: Envelope, error: BaseException) -> bool:
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
    envelope.fail(error)
    if asked and isinstance(error, cell.reply_errors) and not isinstance(error, ActorExit):
        cell.count_failed_answer(error, unheard=unheard)
        return True
    return False


@types.coroutine
def hook(cell: Cell, function: Callable[..., Any], *args: Any) -> Steps:
    """Run a hook of the actor as a part of its turn, in contextvars of its own."""
    context = Context()
    return (yield from _outcome(cell, context.run(function, *args), context))


@types.coroutine
def side_turn(turn: SideTurn, work: Callable[[], Any], context: Context) -> Steps:
    """Run work beside the turns of an actor, in a task of its own, and return its value."""
    turn.dispatcher.current = turn
    try:
        return (yield from _outcome(turn, context.run(work), context))
    finally:
        turn.dispatcher.current = None


def _outcome(cell: Cell | SideTurn, outcome: Any, context: Context) -> Steps:
    """Return the value of what a handler returned, awaiting it if it is awaitable."""
    if isinstance(outcome, types.CoroutineType):
        return (yield from drive(cell, outcome, context))
    if hasattr(type(outcome), "__await__"):
        return (yield from drive(cell, _await(outcome), context))
    return outcome


async def _await(awaitable: Any) -> Any:
    return await awaitable


def drive(cell: Cell | SideTurn, coroutine: Any, context: Context) -> Steps:
    """Run a coroutine in `context`, as a part of the actor's turn, and return its value."""
    cell.dispatcher.current = cell
    try:
        awaited = context.run(coroutine.send, None)
    except StopIteration as stop:
        return stop.value
    return (yield from _suspended(cell, coroutine, awaited, context))


def _suspended(cell: Cell | SideTurn, step: Any, awaited: Any, context: Context) -> Steps:
    """Go on with a handler that awaits, each step in its own context: its value, or a signal of `_take_turns`."""
    dispatcher, mailbox, send = cell.dispatcher, cell.mailbox, step.send
    while True:
        if cell.cancel_soon:
            cell.cancel_now()
        error: BaseException | None = None
        if awaited is RECEIVE:
            error = RuntimeError()
        else:
            dispatcher.current = None
            try:
                yield awaited
            except BaseException as thrown:
                error = thrown
            dispatcher.current = cell
            if len(mailbox.items) > mailbox.peak:
                mailbox.peak = len(mailbox.items)
        try:
            awaited = context.run(send, None) if error is None else context.run(step.throw, error)
        except StopIteration as stop:
            return stop.value
        finally:
            error = None  # or the frame and the traceback would keep each other alive
        if type(awaited) is _Signal:
            return awaited
