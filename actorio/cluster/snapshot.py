"""A picture of what one node knows now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio.cluster.events import ClusterState, Member
    from actorio.cluster.protocols import Life

__all__ = ["ClusterSnapshot", "LinkSnapshot", "take_snapshot"]


@dataclass(frozen=True, slots=True)
class LinkSnapshot:
    """The link to one other node.

    Attributes:
        node: its name.
        unacknowledged: bytes that it has not acknowledged.
        repeated: frames that were sent again.
        dropped: frames of it that came twice or out of turn.
    """

    node: str
    unacknowledged: int
    repeated: int
    dropped: int


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """Shows what one node knows, and what it hosts.

    Attributes:
        claims: the shards that this node owns.
        activations: the entities and singletons that are active here, as `kind/key`.
        malformed: frames, and items in them, that made no sense, since it last joined.
    """

    node: str
    incarnation: str
    state: ClusterState
    members: tuple[Member, ...]
    links: tuple[LinkSnapshot, ...]
    claims: tuple[str, ...]
    activations: tuple[str, ...]
    malformed: int


def take_snapshot(life: Life) -> ClusterSnapshot:
    """Return the picture."""
    peers = () if life.node is None else tuple(life.node.peers.values())
    links = tuple(
        LinkSnapshot(
            peer.incarnation.rpartition(".")[0],
            peer.link.unacknowledged,
            peer.link.repeated,
            peer.link.duplicates + peer.link.gaps,
        )
        for peer in peers
        if peer.incarnation != life.incarnation
    )
    activations = tuple(f"{one.kind}/{one.key}" for one in life.region.by_cell.values())
    return ClusterSnapshot(
        life.settings.node,
        life.incarnation,
        life.state,
        life.roster.members(),
        links,
        tuple(life.region.shards),
        activations,
        0 if life.node is None else life.node.malformed,
    )
