"""The fate of an actor's mail: taken in, put in line, dropped, undelivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._cell.state import CellState
from actorio._cell.states import State
from actorio._core.deadlock import wait_of_current
from actorio._core.envelope import (
    ENDED,
    ENVELOPES,
    FAILED,
    Envelope,
    is_message,
    payload,
)
from actorio._core.mailbox import SHUT, UNUSED
from actorio.errors import (
    ActorStoppedError,
    MailboxFullError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from actorio._core.deadlock import WaitForMany, Waiting
    from actorio._core.mailbox import Mailbox
    from actorio._core.store import Item, WaitingSender

__all__ = ["Mail"]


class Mail(CellState):
    """A cell's mail."""

    __slots__ = ()

    def open_mailbox(self) -> Mailbox[Any]:
        """Return the mailbox, which is made with the first mail or the task: until then many share an empty one."""
        mailbox = self.mailbox
        if mailbox is UNUSED or mailbox is SHUT:
            mailbox = mailbox.fresh()
            if self.mailbox is SHUT:
                mailbox.close()
            elif self.observers.arrivals:
                mailbox.observe(every=True)
            if self.task is None and self.state == State.RUNNING:
                mailbox.sleeper = self
            self.mailbox = mailbox
            if self._ref is not None:
                self._ref._mailbox = mailbox
        return mailbox

    def accepted(self, item: Item) -> None:
        """Tell the observer, if there is one, that the mailbox has taken an item."""
        if (tell := self.observers.accepted) is not None:
            tell(self, item)

    def queue_up(self, item: Item, room: WaitingSender) -> None:
        """Give an item for which there is no room its place in the line."""
        self.mailbox.queue_up(item, room)
        if (tell := self.observers.queued) is not None:
            tell(self, item)

    def put(self, item: Item) -> bool:
        """Store an item now, if it can be; False when it would have to wait for room or fail.

        Raises:
            ActorStoppedError: the mailbox is closed.
        """
        if self.mailbox.closed:
            raise self._undeliverable(item)
        mailbox = self.open_mailbox()
        if self.run_queue.current is self and mailbox.full():
            mailbox.force(item)
        elif not mailbox.accept(item, self.drop):
            return False
        self.accepted(item)
        return True

    def post_tick(self, tick: Envelope) -> bool:
        """Put a timer's tick in, above the capacity if need be; False when the actor takes no more."""
        if self.mailbox.closed:
            return False
        self.open_mailbox().force(tick)
        self.accepted(tick)
        return True

    def drop(self, item: Item) -> None:
        """Give an item for which there is no room its fate."""
        if type(item) in ENVELOPES:
            if item.state >= ENDED:
                return  # a cancelled tick, or an ask that nobody waits for: it has its fate
            item.fail(MailboxFullError(self.ref, payload(item)))
            if item.answers:
                return
        self.dead_letter(payload(item), "dropped")

    def _undeliverable(self, item: Item) -> ActorStoppedError:
        return ActorStoppedError(self.ref, self.reason, payload(item))

    def _undeliver(self, item: Item) -> None:
        """Give an item that will not be handled its fate."""
        if type(item) in ENVELOPES:
            if item.state >= ENDED:
                return  # a cancelled tick, or an ask that nobody waits for: it has its fate
            if item.answers:
                item.fail(self._undeliverable(item))
                return
        self.dead_letter(payload(item), "stopped")

    def _undelivered(self) -> list[Any]:
        """Return the one-way messages left; those of asks are told to their askers."""
        return [
            payload(item)
            for item in self.mailbox.items
            if is_message(item) and not (type(item) in ENVELOPES and (item.answers or item.state >= ENDED))
        ]

    def unhandled(self, message: Any) -> None:
        """Give a message that has no handler its fate, also where its turn has put it into the stash."""
        stashed, self.envelope = self.envelope, None
        if stashed is not None:
            stashed.state = FAILED  # type: ignore[misc]
        self.dead_letter(message, "unhandled")

    def dead_letter(self, message: Any, reason: str) -> None:
        """Publish a message that will not be handled."""
        if (tell := self.observers.dead_letter) is not None:
            tell(self, message, reason)

    def _shut(self) -> None:
        if self.mailbox is UNUSED:
            self.mailbox = SHUT
        elif not self.mailbox.closed:
            self.mailbox.close()
            self.mailbox.refuse_waiting(self._undeliverable)

    @property
    def server(self) -> Waiting | WaitForMany:
        """Whom one waits for who has mail here: this actor, or, where it is a pool, any of its routees."""
        return self.mailbox.readers or self

    def wait_of_current(
        self, target: Waiting | WaitForMany | None = None, *, ends_by_itself: bool = False
    ) -> Callable[[], None] | None:
        """Note that the actor whose turn it is waits, for this one unless said; as `deadlock.wait_of_current`."""
        return wait_of_current(
            self.runtime, self if target is None else target, ends_by_itself=ends_by_itself
        )
