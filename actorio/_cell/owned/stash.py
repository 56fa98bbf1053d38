"""Messages that an actor puts aside: it cannot handle them yet, and takes them up again when it can.

    if not self.connected:
        self.context.stash(message)        # and, once connected: self.context.unstash_all()

A stashed message keeps all that it came with: its sender's contextvars, and an ask its asker and its timeout.
At a restart the stash goes back into the mailbox, at the end it is undelivered, like all mail.

Source: `StashBuffer` of Akka; `postpone` of Erlang's gen_statem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._core.checks import check_count
from actorio._core.envelope import ANSWERED, DEFERRED, NO_MESSAGE, QUEUED, RUNNING, Parcel
from actorio.errors import ActorError, MailboxFullError

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio._core.envelope import Envelope

__all__ = ["Stash"]


class Stash:
    """Keeps the messages that one incarnation has put aside, in order."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._items: list[Envelope] = []

    @classmethod
    def of(cls, cell: Cell) -> Stash:
        """Return the stash of the incarnation, for a turn.

        It is owned by the incarnation, and so cancelled, before the last hooks run, however the incarnation ends.
        """
        cell.at_hand()
        stash = cell.owned_of(cls)
        if stash is None:
            stash = cell.own(cls, cls(cell))
        return stash

    def __len__(self) -> int:
        return len(self._items)

    def put(self, message: Any, capacity: int) -> None:
        """Put the current message aside.

        Raises:
            MailboxFullError: the stash holds `capacity` messages.
            ActorError: it is not the current message.
        """
        check_count("capacity", capacity, least=1)
        cell = self._cell
        if message is NO_MESSAGE or cell.message is not message:
            raise ActorError(f"{cell.path} can only stash the message that it is handling")
        if len(self._items) >= capacity:
            error = MailboxFullError(cell.ref, message)
            error.add_note(f"it is its stash that is full, with {capacity} messages")
            raise error
        envelope = cell.envelope or self._wrapped(message)
        if envelope.state == RUNNING:
            envelope.defer()  # so its turn ends without an answer
            if cell.deferred is None:
                cell.deferred = {}
            cell.deferred[envelope] = None
            self._items.append(envelope)
        elif envelope.state in (DEFERRED, ANSWERED):
            raise ActorError(f"{cell.path} has stashed, deferred or answered the current message already")

    def _wrapped(self, message: Any) -> Envelope:
        """Give a plain message an envelope, which tells what becomes of it if its turn fails all the same."""
        cell = self._cell
        cell.envelope = parcel = Parcel(message, None)
        parcel.begin()
        cell.urgent = True  # so it is in hand no longer than this turn
        return parcel

    def put_back(self) -> int:
        """Put them all in front of the mailbox, in order; returns how many."""
        cell, items = self._cell, self._items
        self._items = []
        for item in items:
            if cell.deferred is not None:
                cell.deferred.pop(item, None)
            if item.state == DEFERRED:  # nobody has given it up in the meantime
                item.state = QUEUED  # type: ignore[misc]
        if items:
            cell.mailbox.put_back(items)
            if (tell := cell.observers.put_back) is not None:
                tell(cell, items)
        return len(items)

    def cancel(self) -> None:
        """Put them back, since the incarnation ends."""
        self.put_back()
