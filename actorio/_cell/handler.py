"""Running what a sender waits for, and telling it what came of it: an answer, or an error."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING

from actorio._cell.sender_context import Steps, outcome_of
from actorio._core.envelope import ENDED, NO_MESSAGE, RUNNING
from actorio.errors import ActorStoppedError, ExitReason, UnhandledMessageError, is_actor_exit, note_exit

if TYPE_CHECKING:
    from actorio._cell.turn import Turn
    from actorio._core.envelope import Envelope

__all__ = ["BUDGET", "CLOCK_EVERY", "answer", "answer_by_error", "is_of_this_message"]

CLOCK_EVERY = range(8)
"""Messages between two looks at the clock."""
BUDGET = range(8)
"""Times that many messages an actor takes in one go, at most, before the next actor's turn."""


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
        del envelope  # or the traceback of a failure, and what it holds, would keep each other alive
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
