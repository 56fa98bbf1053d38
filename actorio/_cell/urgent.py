"""Urgent things, which pass the mailbox: failures from outside, errands, stops, notices.

They are seen to before the next message. Whatever asks for that makes its cell `urgent`, which is all that the loops
look at between two messages.
"""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any

from actorio._cell.errands import see_to
from actorio._cell.owned.idle_timeout import IdleTimeout
from actorio._cell.sender_context import outcome_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from actorio._cell.turn import Turn

__all__ = ["attend"]


def attend(cell: Turn) -> Generator[Any, Any, bool]:
    """See to what passes the mailbox: failures, errands, stops, notices. True: the incarnation must end."""
    cell.urgent = False
    cell.envelope = None  # of a message that was stashed
    cell.forget_cancels()
    _raise_failure(cell)
    while not cell.must_end():
        if cell.errands is not None:
            yield from see_to(cell.errands)
            _raise_failure(cell)
            if cell.must_end():
                return True
        if not cell.notices:
            return False
        event = cell.notices.popleft()
        if (tell := cell.observers.notified) is not None:
            tell(cell, event)
        context = Context()
        yield from outcome_of(cell, context.run(cell.instance.on_terminated, event), context)
        IdleTimeout.begin_again(cell)
    return True


def _raise_failure(cell: Turn) -> None:
    if cell.failure is not None:
        failure, cell.failure = cell.failure, None
        raise failure
