"""Delivers a message to an actor from one of its own tasks, which goes on when a turn has handled it."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from actorio._cell.states import State
from actorio._core.envelope import ENDED, RUNNING, Delivery

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["deliver"]


async def deliver(cell: Cell, message: Any, *, is_item: bool = False) -> bool:
    """Deliver a message to an actor, and wait until a turn has handled it; False when it takes no more.

    The task that calls this belongs to the incarnation, so the message never reaches a later one. It may go in
    above the capacity, like a timer's tick; there is no more than one a task.

    Args:
        cell: the actor.
        message: to be delivered.
        is_item: whether it is of a source, one of many that come with the contextvars of whoever added that.

    Cancellation: a message whose handling has not begun is a dead letter.
    """
    delivery = Delivery(cell.run_queue, message, copy_context() or None, is_item=is_item)
    if not cell.post_tick(delivery):
        cell.dead_letter(message, "unsent")
        return False
    try:
        while delivery.state < ENDED or _is_ending(cell):  # then the task is about to be cancelled
            await delivery.over
    except BaseException:
        if delivery.state < ENDED and delivery.state != RUNNING:  # in the mailbox, or in the stash
            delivery.state = ENDED
            cell.dead_letter(message, "stopped")
        raise
    return True


def _is_ending(cell: Cell) -> bool:
    return cell.state == State.STOPPING or cell.must_end()
