"""Process groups over all nodes: each node tells the others of its own actors, and of no other's."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, cast

import msgspec

from actorio._tree.groups import Groups
from actorio.address import check_ref
from actorio.cluster import wire
from actorio.cluster.references import check_address
from actorio.cluster.settings import check_text
from actorio.errors import NotLocalError

if TYPE_CHECKING:
    from actorio.cluster.protocols import Life, Peer

__all__ = ["ClusterGroups"]

_LONGEST = 200


class ClusterGroups(Groups):
    """As `ActorSystem.groups`, over all nodes; a group is a str, and `join` and `leave` take actors of this node."""

    def __init__(self, life: Life) -> None:
        super().__init__(life.runtime.check_thread)
        self._life = life

    def join(self, group: Hashable, ref: Any) -> None:
        """Add a membership of an actor of this node.

        Raises:
            NotLocalError: it is of another node.
            ActorStoppedError: the actor has ended.
            TypeError, ValueError: not a group, not a ref.
        """
        self._check(group, ref, "join")
        self._add(group, ref)
        self._tell_all(group, ref, joined=True)

    def leave(self, group: Hashable, ref: Any) -> bool:
        """Take one membership of an actor of this node back, the oldest; False when it had none."""
        self._check(group, ref, "leave")
        left = super().leave(group, ref)
        if left:
            self._tell_all(group, ref, joined=False)
        return left

    def _check(self, group: Hashable, ref: Any, what: str) -> None:
        self._check_thread()
        check_ref(what, ref)
        check_text("a group of a cluster", cast("str", group), most=_LONGEST)
        if ref._cell.is_far or ref._cell.runtime is not self._life.runtime:
            raise NotLocalError(f"{what} takes an actor of this node, and {ref.path} is none")

    async def broadcast(self, group: Hashable, message: Any) -> int:
        """Send a message to each membership, on whatever node; as in one system, but for what cannot cross.

        Raises:
            NotSendableError, MessageTooLargeError: a member is of another node; nobody gets it.
        """
        self._check_thread()
        if any(ref._cell.is_far for ref in self.members(group)):
            self._life.codec.encode(message)
        return await super().broadcast(group, message)

    def forget(self, cell: Any) -> None:
        """An actor has ended: it leaves all its groups; each node sees that of its own accord or is told."""
        for group in tuple(self.joined.get(cell, ())):
            while super().leave(group, cell.ref):
                if not cell.is_far:
                    self._tell_all(group, cell.ref, joined=False)

    def _tell_all(self, group: Any, ref: Any, *, joined: bool) -> None:
        node = self._life.node
        if node is not None:
            for seen in self._life.view.members.values():
                if seen.record.incarnation != node.incarnation:
                    self._tell_node(node.peer(seen.record.incarnation), group, ref, joined=joined)

    def _tell_node(self, peer: Peer, group: str, ref: Any, *, joined: bool) -> None:
        data = msgspec.msgpack.encode([peer.node.incarnation, peer.node.exports.number(ref._cell), ref.path])
        peer.link.post(wire.GroupChange(group, msgspec.Raw(data), joined))

    def came(self, peer: Peer) -> None:
        """A node has joined: tell it of all memberships of this one's actors, in order."""
        for group, members in self._members.items():
            for ref in members.values():
                if not ref._cell.is_far:
                    self._tell_node(peer, str(group), ref, joined=True)

    def told(self, peer: Peer, item: wire.GroupChange) -> None:
        """Another node tells of one of its actors."""
        try:
            address = check_address(msgspec.msgpack.decode(item.ref))
        except (ValueError, msgspec.MsgspecError):
            return
        if address[0] != peer.incarnation:
            return
        ref = peer.cell(address[1], address[2]).ref  # type: ignore[arg-type]
        if not ref.is_alive:
            return
        if item.joined:
            peer.watch(ref._cell)
            self._add(item.group, ref)
        else:
            Groups.leave(self, item.group, ref)
