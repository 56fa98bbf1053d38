"""Takes in what comes from another node, item by item."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from actorio._cell.states import Intent
from actorio._core.envelope import Parcel, payload
from actorio._core.inquiry import CalledInquiry, Inquiry
from actorio._core.log import log
from actorio._core.mailbox import Overflow
from actorio._core.request import Call
from actorio.cluster import wire
from actorio.cluster.failures import size_of
from actorio.cluster.spawning import PendingSpawn
from actorio.errors import (
    ActorStoppedError,
    ClusterError,
    ExitReason,
    MailboxFullError,
    Refusal,
    RefusedError,
    describe,
)

if TYPE_CHECKING:
    from actorio._cell.far import FarCell
    from actorio.cluster.protocols import Node, Peer

__all__ = ["FULL", "STOPPED", "Inbox", "Malformed", "error_of", "make_entry", "name_in", "wait_in_line"]

STOPPED, FULL = "stopped", "full"
"""Reasons to refuse a message besides those of `Refusal`: its actor has ended, or its mailbox is full."""


class Malformed(Exception):
    """An item makes no sense."""


def name_in(names: list[str], index: int) -> str:
    """Return a name of the frame.

    Raises:
        Malformed: there is none of that number.
    """
    if 0 <= index < len(names):
        return names[index]
    raise Malformed


def make_inquiry(node: Any, cell: Any, item: Any, names: list[str], told: Any, tag: Any) -> Inquiry:
    """Return the envelope of a message from elsewhere; the tag's last part is the method that is called.

    Raises:
        RefusedError: it is not taken here.
    """
    name = name_in(names, item.kind)
    asks = type(item) is wire.Ask or type(item) is wire.Call
    deadline = node.runtime.loop.time() + item.left if asks else None
    if type(item) is wire.Send or type(item) is wire.Ask:
        message = node.codec.decode(name, item.body)
        return Inquiry(cell, message, told, asks=asks, deadline=deadline, tag=(*tag, None))
    method = node.methods.called(name, cell)
    args, kwargs = method.decode(item.body)
    return CalledInquiry(
        cell, (method.function, args, kwargs), told, asks=asks, deadline=deadline, tag=(*tag, method)
    )


def make_entry(node: Any, cell: Any, item: Any, names: list[str], told: Any, tag: Any) -> Any:
    """Return what is put into a mailbox: a plain message as it is, all else in an envelope.

    Raises:
        RefusedError: it is not taken here.
    """
    if type(item) is not wire.Send:
        return make_inquiry(node, cell, item, names, told, tag)
    message = node.codec.decode(name_in(names, item.kind), item.body)
    return Parcel(message, None) if cell.observers.arrivals else message


def wait_in_line(cell: Any, entry: Any, told: Any, tag: Any) -> None:
    """Put what a mailbox has no room for into its line, in an envelope that tells when it is in."""
    if not isinstance(entry, Inquiry):
        entry = Inquiry(cell, payload(entry), told, asks=False, tag=(*tag, None))
    cell.queue_up(entry, entry)


def error_of(reason: str, cell: FarCell, item: Any) -> tuple[ClusterError | Any, str]:
    """Return the error, and the reason of the dead letter, of a message that was refused."""
    what = payload(item)
    if reason == STOPPED:
        return ActorStoppedError(cell.ref, cell.reason, what), "stopped"
    if reason == FULL:
        return MailboxFullError(cell.ref, what), "refused"
    known = Refusal(reason) if reason in {refusal.value for refusal in Refusal} else Refusal.BAD_DATA
    text = f"{cell.path} was not given {describe(what)}: its node has refused it ({known.value})"
    return RefusedError(text, known, what), "refused"


class Inbox:
    """Takes the frames of one peer."""

    def __init__(self, node: Node, peer: Peer) -> None:
        self._node = node
        self._peer = peer
        self._taken: dict[int, int] = {}

    def deliver(self, frame: wire.Frame) -> None:
        """Take all items of a frame, in order."""
        names = frame.names
        for item in frame.items:
            try:
                _HANDLERS[type(item)](self, item, names)
            except Malformed:
                self._node.malformed += 1
            except Exception as error:  # a bug of this package: what is behind it is not to be lost
                runtime = self._node.runtime
                log(
                    logging.CRITICAL, "internal error by an item of a frame", error=error, system=runtime.name
                )
            if self._peer.is_lost:
                return
        if self._taken:
            taken, self._taken = self._taken, {}
            for target, count in taken.items():
                self._peer.link.post(wire.Taken(target, count))
        self._node.region.flush(self._peer)

    # -- messages ----------------------------------------------------------------------------------

    def _message(self, item: Any, names: list[str]) -> None:
        node = self._node
        cell = node.exports.get(item.target)
        if cell is None or cell.mailbox.closed:
            self._refuse(item, STOPPED)
            return
        try:
            entry = make_entry(self._node, cell, item, names, self, (item.target, item.serial))
            is_in = cell.put(entry)
        except RefusedError as error:
            self._refuse(item, error.reason.value)
        except Malformed:
            raise
        except Exception:  # the priority function of its mailbox
            self._refuse(item, Refusal.BAD_DATA.value)
        else:
            if is_in or cell.mailbox.overflow is not Overflow.FAIL:
                self._take(cell, item, entry, is_in=is_in)
            else:
                self._refuse(item, FULL)

    def _take(self, cell: Any, item: Any, entry: Any, *, is_in: bool) -> None:
        node, peer, target = self._node, self._peer, item.target
        if node.tap is not None:
            node.tap.taken(node.host, peer.incarnation, target, item.serial)
        if type(item) is wire.Ask or type(item) is wire.Call:
            peer.inquiries[item.serial] = entry
        if is_in:
            self._taken[target] = self._taken.get(target, 0) + 1
            return
        wait_in_line(cell, entry, self, (target, item.serial))

    def _refuse(self, item: Any, reason: str) -> None:
        self._peer.link.post(wire.Refused(item.target, item.serial, reason))

    def _withdraw(self, item: wire.Withdraw, names: list[str]) -> None:
        inquiry = self._peer.inquiries.pop(item.serial, None) or self._peer.arrivals.get(item.serial)
        if inquiry is not None:
            inquiry.withdraw()

    # -- as who is told what becomes of an inquiry -------------------------------------------------

    def admitted(self, inquiry: Inquiry) -> None:
        """The mailbox has let it in."""
        self._peer.link.post(wire.Taken(inquiry.tag[0], 1))

    def refused(self, inquiry: Inquiry, error: BaseException) -> None:
        """The mailbox never will."""
        target, serial, _ = inquiry.tag
        self._peer.inquiries.pop(serial, None)
        reason = STOPPED if isinstance(error, ActorStoppedError) else Refusal.BAD_DATA.value
        self._peer.link.post(wire.Refused(target, serial, reason))

    def withdrawn(self, inquiry: Inquiry, *, in_line: bool) -> None:
        """Nobody waits for it any more."""
        target, serial, _ = inquiry.tag
        self._peer.inquiries.pop(serial, None)
        if in_line:
            self._peer.link.post(wire.Gone(target, serial))

    def replied(self, inquiry: Inquiry, value: Any) -> None:
        """It has an answer."""
        _, serial, method = inquiry.tag
        self._peer.inquiries.pop(serial, None)
        if inquiry.asks:
            reply(self._node, self._peer, serial, inquiry, method, value)

    def failed(self, inquiry: Inquiry, error: BaseException) -> None:
        """It has failed."""
        serial = inquiry.tag[1]
        self._peer.inquiries.pop(serial, None)
        if inquiry.asks:
            fail(self._node, self._peer, serial, inquiry, error)

    # -- what becomes of what was sent -------------------------------------------------------------

    def _on_taken(self, item: wire.Taken, names: list[str]) -> None:
        cell = self._peer.cells.get(item.target)
        if cell is not None:
            if self._node.tap is not None:
                for serial, _, _ in list(cell.mailbox.untaken)[: item.count]:
                    self._peer.fated(serial, "taken")
            cell.taken(item.count)

    def _on_gone(self, item: wire.Gone, names: list[str]) -> None:
        cell = self._peer.cells.get(item.target)
        if cell is not None and cell.not_taken(item.serial) is not None:
            self._peer.fated(item.serial, "withdrawn")

    def _on_refused(self, item: wire.Refused, names: list[str]) -> None:
        cell = self._peer.cells.get(item.target)
        if cell is None:
            return
        refused = cell.not_taken(item.serial)
        if refused is not None:
            self._peer.asks.pop(item.serial, None)
            self._peer.fated(item.serial, "not taken")
            cell.refuse(refused, *error_of(item.reason, cell, refused))

    def _on_reply(self, item: wire.Reply, names: list[str]) -> None:
        pending = self._peer.asks.pop(item.serial, None)
        if pending is None:
            return
        pending.cell.asks.pop(pending, None)
        try:
            pending.reply(self._answer(pending, item, names))
        except RefusedError as error:
            pending.fail(error)

    def _answer(self, pending: Any, item: wire.Reply, names: list[str]) -> Any:
        if item.kind >= 0:
            return self._node.codec.decode(name_in(names, item.kind), item.body)
        if isinstance(pending, PendingSpawn):
            return self._node.codec.decode_ref(item.body)
        if isinstance(pending, Call):
            return self._node.methods.of(pending.invocation.func).decode_answer(item.body)
        return self._node.codec.decode_answer(pending.message, item.body)

    def _on_failed(self, item: wire.Failed, names: list[str]) -> None:
        pending = self._peer.asks.pop(item.serial, None)
        if pending is not None:
            pending.cell.asks.pop(pending, None)
            pending.fail(self._node.failures.decode(item.failure))

    def _on_stopped(self, item: wire.Stopped, names: list[str]) -> None:
        pending = self._peer.asks.pop(item.serial, None)
        if pending is not None:
            pending.cell.asks.pop(pending, None)
            left = None if item.begun else payload(pending)
            pending.fail(ActorStoppedError(pending.cell.ref, _reason(item.reason), left))

    # -- ends --------------------------------------------------------------------------------------

    def _on_watch(self, item: wire.Watch, names: list[str]) -> None:
        if not self._node.exports.watch(item.target, self._peer):
            notice = self._node.notice(item.target)
            self._peer.link.post(notice, size_of(notice.failure))

    def _on_ended(self, item: wire.Ended, names: list[str]) -> None:
        cell = self._peer.cells.get(item.target)
        if cell is not None:
            error = None if item.failure is None else self._node.failures.decode(item.failure)
            cell.end(_reason(item.reason) or ExitReason.NORMAL, error)

    def _on_end(self, item: wire.End, names: list[str]) -> None:
        cell = self._node.exports.get(item.target)
        if cell is not None and item.intent in (Intent.CLOSE, Intent.STOP, Intent.KILL):
            cell.request(item.intent)

    # -- the rest ----------------------------------------------------------------------------------

    def _on_routed(self, item: wire.Routed, names: list[str]) -> None:
        self._node.region.arrive(self._peer, item, name_in(names, item.entity), names)

    def _on_routed_end(self, item: wire.RoutedEnd, names: list[str]) -> None:
        if item.intent in (Intent.CLOSE, Intent.STOP, Intent.KILL):
            self._node.region.end(name_in(names, item.entity), item.key, item.intent)

    def _on_route(self, item: Any, names: list[str]) -> None:
        self._node.router.told(self._peer, item)

    def _on_spawn(self, item: wire.Spawn, names: list[str]) -> None:
        self._node.spawner.spawn(self._peer, item, name_in(names, item.kind))

    def _on_group(self, item: wire.GroupChange, names: list[str]) -> None:
        self._node.host.groups.told(self._peer, item)

    def _on_unknown(self, item: wire.Unknown, names: list[str]) -> None:
        raise Malformed

    def _on_topic(self, item: Any, names: list[str]) -> None:
        self._node.host.topics.told(self._peer, item, names)


def _reason(text: str | None) -> ExitReason | None:
    return next((reason for reason in ExitReason if reason.value == text), None)


def reply(node: Any, peer: Peer, serial: int, inquiry: Inquiry, method: Any, value: Any) -> None:
    """Send an answer; one that cannot be sent is an error to the asker."""
    declared = node.codec.is_declared(inquiry.message) if method is None else method.is_declared
    try:
        name, data = node.codec.encode_answer(value, declared=declared)
    except ClusterError as error:
        fail(node, peer, serial, inquiry, error)
        return
    number = peer.link.reserve(len(data))
    peer.link.post(wire.Reply(serial, -1 if name is None else number(name), msgspec.Raw(data)), len(data))


def fail(node: Any, peer: Peer, serial: int, inquiry: Inquiry, error: BaseException) -> None:
    """Send an exception as an answer."""
    if isinstance(error, ActorStoppedError) and error.ref is not None and error.ref == inquiry.cell.ref:
        reason = None if error.reason is None else error.reason.value
        peer.link.post(wire.Stopped(serial, reason, error.undelivered is None))
    else:
        failure = node.failures.encode(error)
        peer.link.post(wire.Failed(serial, failure), size_of(failure))


_HANDLERS: dict[type, Callable[[Inbox, Any, list[str]], None]] = {
    wire.Send: Inbox._message,
    wire.Ask: Inbox._message,
    wire.Call: Inbox._message,
    wire.Cast: Inbox._message,
    wire.Taken: Inbox._on_taken,
    wire.Gone: Inbox._on_gone,
    wire.Refused: Inbox._on_refused,
    wire.Withdraw: Inbox._withdraw,
    wire.Reply: Inbox._on_reply,
    wire.Failed: Inbox._on_failed,
    wire.Stopped: Inbox._on_stopped,
    wire.Watch: Inbox._on_watch,
    wire.Ended: Inbox._on_ended,
    wire.End: Inbox._on_end,
    wire.Routed: Inbox._on_routed,
    wire.RoutedTaken: Inbox._on_route,
    wire.Moved: Inbox._on_route,
    wire.RoutedGone: Inbox._on_route,
    wire.RoutedEnd: Inbox._on_routed_end,
    wire.Spawn: Inbox._on_spawn,
    wire.GroupChange: Inbox._on_group,
    wire.Subscribed: Inbox._on_topic,
    wire.TopicItem: Inbox._on_topic,
    wire.Unknown: Inbox._on_unknown,
}
