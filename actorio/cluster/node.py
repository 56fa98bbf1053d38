"""One incarnation of this node: the others as it sees them, and its actors as they see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from actorio._cell.far import FarCell
from actorio.cluster import wire
from actorio.cluster.failures import size_of
from actorio.cluster.inbox import Inbox
from actorio.cluster.link import Link, LoopLink
from actorio.cluster.peer import Peer
from actorio.cluster.references import Exports
from actorio.cluster.store import node_of

if TYPE_CHECKING:
    from actorio._core.deadlines import Deadline
    from actorio.cluster.protocols import Life

__all__ = ["Node"]

_MOST_EARLY = 256
"""Frames of nodes whose lease the watch has not told yet."""


class Node:
    """This node for as long as it holds one lease."""

    def __init__(self, life: Life, incarnation: str) -> None:
        self.host = life
        self.incarnation = incarnation
        self.runtime = life.runtime
        self.settings = life.settings
        self.codec = life.codec
        self.methods = life.methods
        self.failures = life.failures
        self.region = life.region
        self.router = life.router
        self.spawner = life.spawner
        self.tap = life.tap
        self.next_serial = life.next_serial
        self.exports = Exports(life.failures.encode)
        self.peers: dict[str, Peer] = {}
        self.is_closed = False
        self.malformed = 0
        self.dropped = 0
        self._buried: dict[str, None] = {}
        self._early: list[wire.Frame] = []
        self._alarms: list[Deadline] = []
        self._inboxes: dict[Peer, Inbox] = {}

    # -- peers -------------------------------------------------------------------------------------

    def peer(self, incarnation: str) -> Peer:
        """Return the peer of an incarnation, this node's own included."""
        peer = self.peers.get(incarnation)
        if peer is None:
            peer = Peer(self, incarnation)
            if incarnation in self._buried or self.is_closed:
                peer.lose()
                return peer
            self.peers[incarnation] = peer
            if not self.host.view.is_alive(incarnation):
                wait = self.host.membership.lease
                self._alarms.append(self.runtime.timers.after(wait, lambda: self._check_known(incarnation)))
        return peer

    def _check_known(self, incarnation: str) -> None:
        """Give an incarnation up that was only heard of: the watch has never told of its lease."""
        if not self.is_closed and not self.host.view.is_alive(incarnation):
            self.bury(incarnation)

    def make_link(self, peer: Peer) -> Link | LoopLink:
        """Return the link to a peer."""
        inbox = self._inboxes[peer] = Inbox(self, peer)
        ends = (self.incarnation, peer.incarnation)
        loop = self.runtime.loop
        if peer.incarnation == self.incarnation:
            return LoopLink(loop, ends, inbox.deliver)
        name, send = node_of(peer.incarnation), self.host.engine.send
        return Link(
            loop,
            self.runtime.timers,
            ends,
            lambda frame: send(name, frame),
            inbox.deliver,
            self.settings.link_buffer,
        )

    def bury(self, incarnation: str) -> None:
        """An incarnation is gone for good: nothing of it is taken any more."""
        self._buried[incarnation] = None
        peer = self.peers.pop(incarnation, None)
        if peer is not None:
            self.router.peer_lost(peer)
            peer.lose()
            self.region.forget(peer)
            self._inboxes.pop(peer, None)

    def came(self, incarnation: str) -> None:
        """The watch tells of an incarnation: take the frames that were quicker."""
        early, self._early = self._early, []
        for frame in early:
            if frame.sender == incarnation:
                self.peer(incarnation).link.receive(frame)  # type: ignore[union-attr]
            else:
                self._early.append(frame)

    def reached_again(self) -> None:
        """The engine is back: what was lost meanwhile goes again, at once."""
        for peer in self.peers.values():
            peer.link.repeat()

    def close(self) -> None:
        """The lease is gone, and with it all that it stood for."""
        self.is_closed = True
        for alarm in self._alarms:
            alarm.cancel()
        for incarnation in list(self.peers):
            self.bury(incarnation)

    # -- frames ------------------------------------------------------------------------------------

    def receive(self, sender: str, data: bytes) -> None:
        """Take a frame of the node called `sender`."""
        try:
            frame = wire.decode_frame(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.malformed += 1
            return
        if (
            frame.receiver != self.incarnation
            or node_of(frame.sender) != sender
            or abs(frame.protocol - wire.PROTOCOL) > 1
            or frame.sender in self._buried
        ):
            self.dropped += 1
        elif self.host.view.is_alive(frame.sender):
            self.peer(frame.sender).link.receive(frame)  # type: ignore[union-attr]
        elif len(self._early) < _MOST_EARLY:
            self._early.append(frame)

    # -- refs --------------------------------------------------------------------------------------

    def ref(self, incarnation: str, number: int, path: str) -> Any:
        """Return the ref of an actor of that incarnation."""
        if incarnation == self.incarnation:
            cell = self.exports.get(number)
            if cell is not None:
                return cell.ref
            gone = FarCell(self.runtime, self.peer(incarnation), (incarnation, number, path), path)
            gone.end(self.exports.end_of(number)[0])
            return gone.ref
        return self.peer(incarnation).cell(number, path).ref

    def notice(self, number: int) -> wire.Ended:
        """Return the notice of an actor's end."""
        reason, failure = self.exports.end_of(number)
        return wire.Ended(number, reason.value, failure)

    def forget(self, cell: Any) -> None:
        """An actor of this system has ended: its names are freed, then the nodes that watch it are told."""
        number, watchers = self.exports.ended(cell)

        def tell() -> None:
            if not watchers:
                return
            notice = self.notice(number)
            for peer in watchers:
                if not peer.is_lost:
                    peer.link.post(notice, size_of(notice.failure))

        self.host.names.free(cell, number, tell)
