"""The loop of an actor that has a `receive`: takes its messages and hands them over, one after the other.

Written for speed: the usual cases are written out where they happen (the benchmarks `send`, `counting`,
`pingpong` and `threadring` pay for it).
"""

from __future__ import annotations

import types
from contextvars import Context
from typing import TYPE_CHECKING, Any

from actorio._cell.owned.interleaved import runs_interleaved
from actorio._cell.steps import (
    BUDGET,
    CLOCK_EVERY,
    Signal,
    Steps,
    answer,
    answer_by_error,
    attend,
    awaiting,
    suspended,
)
from actorio._core.envelope import ENVELOPES, NO_MESSAGE, QUEUED, RUNNING, Request

if TYPE_CHECKING:
    from actorio._cell.turn import Turn

__all__ = ["mailbox_loop"]

_DONE = Signal()
"""It has taken its share of messages, or there is no more that it may take."""
_ENVELOPE = Signal()
"""The message in hand is one that takes more than a call of `receive`."""
_IN_SENDERS = Signal()
"""The ask in hand is to be handled in the contextvars of its sender."""
_IN_OWN = Signal()
"""That has been done."""


@types.coroutine
def mailbox_loop(cell: Turn) -> Steps:
    """Hand each message to `receive`, in order, until the incarnation has to end."""
    mailbox, run_queue = cell.mailbox, cell.run_queue
    own = Context()  # for messages whose sender's contextvars are empty; made anew once something stays in it
    turns: Any = _take_turns(cell, own)
    run_queue.current = cell
    while True:
        for _ in BUDGET:
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
            if run_queue.loop.time() >= run_queue.deadline:
                run_queue.spent = True
                break
        if mailbox.items or cell.urgent:
            cell.wake()
        elif mailbox.closed and not runs_interleaved(cell):
            return
        else:
            mailbox.sleeper = cell
        run_queue.current = None
        cell._asyncio_future_blocking = True
        yield cell
        run_queue.current = cell


@types.coroutine
def _take_turns(cell: Turn, own: Context) -> Steps:
    """Take messages and run `receive` on them: yields what it awaits, and in between why others must act.

    It is stepped inside `own`, some messages a step: one `context.run` for all of them, and none of the
    `StopIteration` that ends each handler's own coroutine (measured in docs/design/decisions/run-queue.md; the
    benchmarks `send`, `counting` and `pingpong` pay for it).
    """
    mailbox, observer, receive = cell.mailbox, cell.observer, cell.instance.receive
    is_async = cell.hooks.receives_async  # type: ignore[union-attr]
    while True:
        if len(mailbox.items) > mailbox.peak:
            mailbox.peak = len(mailbox.items)
        for _ in CLOCK_EVERY:
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
                    yield from awaiting(value)
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
                        value = yield from awaiting(value)
                except BaseException as error:
                    cell.envelope = None
                    if not answer_by_error(cell, item, error):
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


def _go_on(cell: Turn, turns: Steps, signal: Any, own: Context) -> Steps:
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
            signal = yield from suspended(cell, turns, signal, context)
            continue
        signal = context.run(next, turns)
