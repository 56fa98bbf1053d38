"""The bonds of an actor to others: watches, links, failures that come from outside."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from actorio._cell.mail import Mail
from actorio._cell.states import Intent, State
from actorio.errors import (
    ExitReason,
    LinkedActorError,
    NotLocalError,
)

if TYPE_CHECKING:
    from actorio._cell.notices import Terminated

__all__ = ["WatchAndLink"]


class WatchAndLink(Mail):
    """A cell's bonds."""

    __slots__ = ()

    def watch(self, other: WatchAndLink) -> None:
        """Be told once when the other has ended, now if it has."""
        if (tell := self.observers.watched) is not None:
            tell(self, other)
        if other.state == State.ENDED and any(notice.ref == other.ref for notice in self.notices or ()):
            return
        if other.state != State.ENDED:
            other.add_watcher(self)
        if self.watching is None:
            self.watching = {}
        self.watching[other] = None
        if other.state == State.ENDED:
            self.notify(other.terminated())

    def unwatch(self, other: WatchAndLink) -> None:
        """Take a watch back, with a notice that is queued already."""
        if (tell := self.observers.unwatched) is not None:
            tell(self, other)
        if self.watching is not None:
            self.watching.pop(other, None)
        other.drop_watcher(self)
        if self.notices:
            self.notices = deque(notice for notice in self.notices if notice.ref != other.ref)

    def notify(self, notice: Terminated) -> None:
        """Queue the notice of a watched actor's end; it passes the mailbox. The watch is spent."""
        if self.watching is None or notice.ref._cell not in self.watching:
            return
        del self.watching[notice.ref._cell]
        if self.notices is None:
            self.notices = deque()
        self.notices.append(notice)
        self.urgent = True
        self._poke()

    def link(self, other: WatchAndLink) -> None:
        """Bind the fates of two incarnations."""
        if other is self:
            return
        if other.is_far:
            raise NotLocalError(f"link takes an actor of this node, and {other.path} is of another; watch it")
        if other.state == State.ENDED:
            self.link_ended(other, other.reason or ExitReason.NORMAL)
            return
        for one, two in ((self, other), (other, self)):
            if one.links is None:
                one.links = {}
            one.links[two] = None

    def unlink(self, other: WatchAndLink) -> None:
        """Take a link back."""
        for one, two in ((self, other), (other, self)):
            if one.links is not None:
                one.links.pop(two, None)

    def link_ended(self, other: WatchAndLink, reason: ExitReason) -> None:
        """A linked incarnation has ended: a normal end does not spread, an orderly stop does as one."""
        if reason is ExitReason.SHUTDOWN:
            self.request(Intent.SHUT_DOWN)  # its supervisor decides, as after any end but one by hand
        elif reason is not ExitReason.NORMAL:
            self.fail_from_outside(LinkedActorError(other.ref, reason))

    def _break_links(self, reason: ExitReason) -> None:
        links, self.links = self.links, None
        for linked in links or ():
            if linked.links is not None:
                linked.links.pop(self, None)
            linked.link_ended(self, reason)

    def fail_from_outside(self, error: BaseException) -> None:
        """Make a failure of a child, a link or a background task this actor's own, after its current message."""
        if self.state != State.ENDED and self.failure is None:
            self.failure = error
            self.urgent = True
            self._poke()
