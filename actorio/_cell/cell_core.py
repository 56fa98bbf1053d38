"""The fields of a cell that the run queue, the mailbox's loop and every ask look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._core.acceleration import accelerated
from actorio._core.run_queue import Waiter

if TYPE_CHECKING:
    import asyncio

    from actorio._core.deadlock import WaitForMany, Waiting
    from actorio._core.envelope import Envelope
    from actorio._core.mailbox import Mailbox
    from actorio._core.observer import Observers

__all__ = ["CellCore"]


@accelerated
class CellCore(Waiter):
    """The hot fields of a cell, which its own task awaits."""

    __slots__ = (
        "envelope",
        "handled",
        "instance",
        "mailbox",
        "message",
        "observers",
        "task",
        "turns",
        "urgent",
        "waits_on",
    )

    envelope: Envelope | None
    handled: int
    instance: Any
    mailbox: Mailbox[Any]
    message: Any
    observers: Observers
    task: asyncio.Task[None] | None
    urgent: bool
    waits_on: Waiting | WaitForMany | None
