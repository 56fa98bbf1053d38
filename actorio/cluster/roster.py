"""The members as they come and go, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio.cluster.events import Member, MemberLeaving, MemberLeft, MemberLost, MemberUp, member_of

if TYPE_CHECKING:
    from actorio.cluster.protocols import Life
    from actorio.cluster.store import LeaseRecord

__all__ = ["Roster"]


class Roster:
    """The members, as the view of one node tells of them."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self.changed_at = 0.0

    def members(self) -> tuple[Member, ...]:
        """Return the members in order of joining, the same on all nodes: a snapshot of the store has another."""
        records = [seen.record for seen in self._life.view.members.values()]
        return tuple(member_of(record) for record in sorted(records, key=lambda record: record.since))

    def greet_all(self, node: Any) -> None:
        """This node has joined: greet all others."""
        self.changed_at = self._life.clock.now()
        for seen in list(self._life.view.members.values()):
            if seen.record.incarnation != node.incarnation:
                self._greet(node, seen.record.incarnation)

    def _greet(self, node: Any, incarnation: str) -> None:
        peer = node.peer(incarnation)
        self._life.groups.came(peer)
        self._life.topics.came(peer)
        node.came(incarnation)

    def came(self, record: LeaseRecord) -> None:
        """A node has a lease."""
        self.changed_at = self._life.clock.now()
        node = self._life.node
        if node is not None and record.incarnation != node.incarnation:
            self._greet(node, record.incarnation)
        self._life.events.tell(MemberUp(member_of(record)))

    def changed(self, record: LeaseRecord) -> None:
        """A node has written something new into its lease."""
        self.changed_at = self._life.clock.now()
        if record.leaving:
            self._life.events.tell(MemberLeaving(member_of(record)))

    def gone(self, record: LeaseRecord) -> None:
        """A lease is gone, this node's own perhaps."""
        life = self._life
        self.changed_at = life.clock.now()
        node = life.node
        life.events.tell((MemberLeft if record.leaving else MemberLost)(member_of(record)))
        if record.incarnation == life.incarnation and life.membership.is_held:
            life.membership.give_up("its lease was buried")
        elif node is not None:
            node.bury(record.incarnation)
            first = next(iter(life.view.members.values()), None)
            if first is not None and first.record.incarnation == node.incarnation:
                life.start(life.names.bury(record.incarnation), f"names of {record.incarnation}")

    def moved(self) -> None:
        """Something has changed in the store."""
        if self._life.node is not None:
            self._life.router.look_again()
            self._life.singletons.look()
