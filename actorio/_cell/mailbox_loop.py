"""The loop of an actor that has a `receive`: takes its messages and hands them over, one after the other.

An actor that waits for mail is parked: its task awaits the cell. When mail comes, the run queue takes the actor's
turns itself (`DirectTurns.take`), with `current_task()` set to the parked task. The task is stepped only for what
needs one: a handler that awaits something, a failure, a stop or a notice, the end. A step of a task costs more than
a message.

Written for speed: the usual cases are written out where they happen (the benchmarks `send`, `counting`,
`pingpong` and `threadring` pay for it; measured in docs/design/decisions/direct-turns.md).
"""

from __future__ import annotations

import asyncio
import types
from asyncio.tasks import _enter_task, _leave_task
from contextvars import Context
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from actorio._cell.handler import BUDGET, CLOCK_EVERY, answer, answer_by_error, is_of_this_message
from actorio._cell.owned.interleave import awaits_interleaved
from actorio._cell.sender_context import RECEIVE, Signal, Steps, awaiting, suspended
from actorio._cell.urgent import attend
from actorio._core.acceleration import accelerated, compiled
from actorio._core.envelope import ENVELOPES, NO_MESSAGE, QUEUED, RUNNING, Cast, Parcel
from actorio._core.request import Call, Request, Submission
from actorio._core.ring import Few
from actorio.errors import UnhandledMessageError

if TYPE_CHECKING:
    from actorio._cell.turn import Turn
    from actorio._core.envelope import Envelope

__all__ = ["DirectTurns", "is_drained", "mailbox_loop", "rest"]

_DONE = Signal()
"""It has taken its share of messages, or there is no more that it may take."""
_ENVELOPE = Signal()
"""The message in hand is one that takes more than a call of `receive` or of a method."""
_IN_SENDERS = Signal()
"""The message in hand is to be handled in the contextvars of its sender."""
_IN_OWN = Signal()
"""That has been done."""

_DIRECT = frozenset({Request, Call, Parcel, Cast, Submission})
"""The envelopes that are handled where messages are taken."""


@accelerated
class TurnsCore:
    """The hot part of an actor's turns: a share of messages in place of the parked task."""

    __slots__ = ("awaited", "cell", "context", "error", "own", "steps", "work")

    cell: Turn
    awaited: Any
    context: Context
    error: BaseException | None
    own: Context
    steps: Any
    work: Steps | None

    def take(self) -> bool:
        """Take a share of messages in place of the parked task; False when there is something for the task to do."""
        cell = self.cell
        if cell.urgent:
            return False
        run_queue, mailbox, task = cell.run_queue, cell.mailbox, cell.task
        loop = run_queue.loop
        _enter_task(loop, task)  # type: ignore[arg-type]
        run_queue.current = cell
        try:
            for _ in BUDGET:
                own = self.own
                awaited = own.run(next, self.steps)
                if awaited is not _DONE and (awaited := self.advance(awaited)) is not _DONE:
                    self.awaited = awaited
                    return False
                if not own:
                    break
                self.renew()
                if not mailbox.items or cell.urgent:
                    break
                if loop.time() >= run_queue.deadline:
                    run_queue.spent = True
                    break
        except BaseException as error:
            self.error = error  # the task raises it
            return False
        finally:
            run_queue.current = None
            _leave_task(loop, task)  # type: ignore[arg-type]
        if mailbox.items:
            cell.wake()
        elif cell.urgent or mailbox.closed:  # type: ignore[redundant-expr]  # handlers have changed it
            return False
        else:
            mailbox.sleeper = cell
        return True

    def advance(self, signal: Any) -> Any:
        """Do what `steps` cannot do in the context that it is stepped in."""
        raise NotImplementedError

    def renew(self) -> None:
        """Begin anew."""
        raise NotImplementedError


class DirectTurns(TurnsCore):
    """The turns of one incarnation: taken by the run queue while the task is parked, else by the task.

    `steps` takes messages and runs their handlers; it is stepped in `context`. `awaited` is what a handler waits for,
    `_DONE` when none does. `work` is an envelope's own generator that waits for it, None when `steps` does.
    """

    __slots__ = ()

    def __init__(self, cell: Turn) -> None:
        self.cell = cell
        self.error = None
        self.work = None
        self.awaited = _DONE
        self.context = self.own = Context()  # as `renew`; a call less in each life
        self.steps = take_turns(cell, self.own)

    def renew(self) -> None:
        """Begin with contextvars of its own that are empty, and with what `receive` is now."""
        self.context = self.own = Context()
        self.steps = take_turns(self.cell, self.own)

    def advance(self, signal: Any) -> Any:
        """Do what `steps` cannot do in the context that it is stepped in: `_DONE`, or what a handler awaits."""
        while True:
            if signal is _ENVELOPE:
                work = answer(self.cell, self.cell.message, self.own)
                try:
                    awaited = next(work)
                except StopIteration:
                    pass
                else:
                    self.work = work
                    return awaited
            elif signal is _IN_SENDERS:
                self.context = cast("Envelope", self.cell.envelope).sender or self.own
            elif signal is _IN_OWN:
                self.context = self.own
            else:
                return signal
            signal = self.context.run(next, self.steps)

    def cancel(self, error: BaseException) -> None:
        """Hand an exception that the parked task was shown on to the handler that it came upon.

        As a task does: what the handler awaits is cancelled, and only where that does not take it is the handler
        itself shown the exception.
        """
        awaited = self.awaited
        try:
            if awaited is _DONE:
                raise error
            if (
                isinstance(error, asyncio.CancelledError)
                and awaited is not None
                and awaited is not RECEIVE
                and awaited.cancel(*error.args)
            ):
                return
            self.cell.run_queue.current = self.cell
            self.cell.urgent = True  # a cancel that is swallowed is taken back before the next message
            self.awaited = _DONE
            if self.work is None:
                self.awaited = self.advance(self.context.run(self.steps.throw, error))
                return
            work, self.work = self.work, None
            try:
                self.awaited = work.throw(error)
            except StopIteration:
                self.awaited = self.advance(self.context.run(next, self.steps))
            else:
                self.work = work
        finally:
            del error  # or the traceback and this frame would keep each other alive

    def is_at_rest(self) -> bool:
        """Tell whether no handler waits, and none has failed."""
        return self.awaited is _DONE and self.error is None

    def fail(self) -> None:
        """Raise in the task what a handler raised while it was parked."""
        error, self.error = self.error, None
        try:
            raise cast("BaseException", error)
        finally:
            del error  # or the traceback and this frame would keep each other alive

    def go_on(self) -> Steps:
        """Wait for what a handler awaits, in the task, until this share of messages is done."""
        while self.awaited is not _DONE:
            awaited, self.awaited = self.awaited, _DONE
            if self.work is not None:
                work, self.work = self.work, None
                self.cell.run_queue.current = None
                yield from rest(work, awaited)
                signal = self.context.run(next, self.steps)
            else:
                signal = yield from suspended(self.cell, self.steps, awaited, self.context)
            self.awaited = self.advance(signal)


def rest(work: Steps, awaited: Any) -> Steps:
    """Run the rest of a generator that waits for `awaited`."""
    try:
        while True:
            try:
                value = yield awaited
            except BaseException as error:
                awaited = work.throw(error)
            else:
                awaited = work.send(value)
    except StopIteration:
        return


@types.coroutine
def mailbox_loop(cell: Turn, turns: DirectTurns | None = None) -> Steps:
    """Hand each message to `receive`, in order, until the incarnation has to end.

    With `turns` it goes on where those are parked: it first waits for what has woken the task.
    """
    mailbox, run_queue = cell.mailbox, cell.run_queue
    is_parked = turns is not None
    if turns is None:
        turns = DirectTurns(cell)
        run_queue.current = cell
    while True:
        for _ in () if is_parked else BUDGET:
            if cell.urgent:
                cell.message = NO_MESSAGE  # no notice is blamed on the last one
                if (yield from attend(cell)):
                    return
                turns.renew()  # `when_idle` may have changed what `receive` is
            turns.awaited = turns.advance(turns.own.run(next, turns.steps))
            if turns.awaited is not _DONE:
                yield from turns.go_on()
            if not turns.own:
                break
            turns.renew()
            if not mailbox.items:
                break
            if run_queue.loop.time() >= run_queue.deadline:
                run_queue.spent = True
                break
        if is_parked:
            is_parked = False
        elif mailbox.items or cell.urgent:
            cell.wake()
        elif is_drained(cell):
            return
        else:
            mailbox.sleeper = cell
        run_queue.current = None
        cell._asyncio_future_blocking = True
        cell.turns = turns
        try:
            yield cell
        except BaseException as error:
            cell.turns = None
            turns.cancel(error)
        cell.turns = None
        run_queue.current = cell
        if turns.error is not None:
            turns.fail()
        if turns.awaited is not _DONE:
            yield from turns.go_on()
            if turns.own:
                turns.renew()


def is_drained(cell: Turn) -> bool:
    """Tell whether an actor is closed and has nothing left to do."""
    return cell.mailbox.closed and not cell.mailbox.items and not awaits_interleaved(cell)


@types.coroutine
def take_turns(cell: Turn, own: Context) -> Steps:
    """Take messages and run `receive` on them: yields what it awaits, and in between why others must act.

    It is stepped inside `own`, some messages a step: one `context.run` for all of them, and none of the
    `StopIteration` that ends each handler's own coroutine (measured in docs/design/decisions/run-queue.md; the
    benchmarks `send`, `counting` and `pingpong` pay for it).
    """
    mailbox, receive = cell.mailbox, cell.instance.receive
    turns = cell.observers.turns  # whoever changes it makes the cell urgent, and this begins anew
    is_async = cell.hooks.receives_async  # type: ignore[union-attr]
    while True:
        for _ in BUDGET:
            items: Any = mailbox.items
            if len(items) > mailbox.peak:
                mailbox.peak = len(items)
            few: Any = items if type(items) is Few else None  # until a deque takes its place, which stays one
            for _ in CLOCK_EVERY:
                if cell.urgent or not (items := mailbox.items):
                    break
                item = items.pop(0) if items is few else items.popleft()
                if mailbox.waiting is not None:
                    mailbox.admit()
                if turns and (tell := cell.observers.begun) is not None:
                    tell(cell, item)
                kind = type(item)
                if kind not in ENVELOPES:
                    cell.message = item
                    try:
                        value = receive(item)
                        if is_async:
                            yield from value
                        elif value is not None and hasattr(type(value), "__await__"):
                            yield from awaiting(value)
                    except UnhandledMessageError as error:
                        if not is_of_this_message(error):
                            raise
                        cell.unhandled(item)
                elif (kind is Request or kind in _DIRECT) and item.state == QUEUED:
                    item.state = RUNNING
                    cell.envelope = item
                    cell.message = item.message
                    if item.sender is not None:
                        yield _IN_SENDERS
                    try:
                        if kind is Request or kind is Parcel:
                            value = receive(item.message)
                        else:
                            value = cell.submitted(item) if kind is Submission else cell.call(item)
                        if type(value) is CoroutineType:
                            value = yield from value  # type: ignore[misc]
                        elif value is not None and hasattr(type(value), "__await__"):
                            value = yield from awaiting(value)
                    except BaseException as error:
                        cell.envelope = None
                        is_answer = answer_by_error(cell, item, error)
                        if cell.interrupted is item:
                            cell.end_interrupt()
                        if not is_answer:
                            raise
                    else:
                        cell.envelope = None
                        if item.state == RUNNING:
                            item.reply(value)
                        if kind is Submission and cell.interrupted is item:
                            cell.end_interrupt()
                    if item.sender is not None:
                        yield _IN_OWN
                else:
                    cell.message = item
                    yield _ENVELOPE
                if turns and (tell := cell.observers.ended) is not None:
                    tell(cell, item)
                cell.handled += 1
                if own:
                    break
            else:
                if cell.run_queue.loop.time() < cell.run_queue.deadline:
                    continue
                cell.run_queue.spent = True
            break
        item = value = cell.message = NO_MESSAGE
        yield _DONE


if compiled is not None:
    take_turns = compiled.TakeTurns
    compiled.bind(
        DONE=_DONE,
        ENVELOPE=_ENVELOPE,
        IN_SENDERS=_IN_SENDERS,
        IN_OWN=_IN_OWN,
        UnhandledMessageError=UnhandledMessageError,
        answer_by_error=answer_by_error,
        awaiting=awaiting,
        is_of_this_message=is_of_this_message,
    )
