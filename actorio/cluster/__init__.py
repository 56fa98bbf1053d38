"""Actors over several processes and machines, on an engine that exists: `pip install 'actorio-py[cluster]'`."""

from __future__ import annotations

try:
    import msgspec as _msgspec
    import nats as _nats
except ImportError as error:
    raise ImportError(
        "actorio.cluster needs msgspec and nats-py: pip install 'actorio-py[cluster]'"
    ) from error

from actorio.cluster.cluster import Cluster
from actorio.cluster.engine import LIVE, SNAPSHOT, Change, Engine, RevisionConflict
from actorio.cluster.entity import Entity
from actorio.cluster.events import (
    ClusterEvents,
    ClusterState,
    Detached,
    EngineDown,
    EngineUp,
    Member,
    MemberLeaving,
    MemberLeft,
    MemberLost,
    MemberStatus,
    MemberUp,
    Rejoined,
)
from actorio.cluster.groups import ClusterGroups
from actorio.cluster.nats import Nats
from actorio.cluster.server import NatsServer
from actorio.cluster.snapshot import ClusterSnapshot, LinkSnapshot
from actorio.cluster.topics import ClusterTopic
from actorio.errors import Refusal

__all__ = [
    "LIVE",
    "SNAPSHOT",
    "Change",
    "Cluster",
    "ClusterEvents",
    "ClusterGroups",
    "ClusterSnapshot",
    "ClusterState",
    "ClusterTopic",
    "Detached",
    "Engine",
    "EngineDown",
    "EngineUp",
    "Entity",
    "LinkSnapshot",
    "Member",
    "MemberLeaving",
    "MemberLeft",
    "MemberLost",
    "MemberStatus",
    "MemberUp",
    "Nats",
    "NatsServer",
    "Refusal",
    "Rejoined",
    "RevisionConflict",
]

del _msgspec, _nats
