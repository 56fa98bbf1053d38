"""Events of a cluster, for those who want to know."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, ClassVar

from actorio._core.events import EventBus, EventStream
from actorio._core.typevar import TypeVar
from actorio.cluster.store import LeaseRecord

__all__ = [
    "ClusterEvents",
    "ClusterState",
    "Detached",
    "EngineDown",
    "EngineUp",
    "Member",
    "MemberLeaving",
    "MemberLeft",
    "MemberLost",
    "MemberStatus",
    "MemberUp",
    "Rejoined",
    "member_of",
]


class ClusterState(enum.Enum):
    """Where this node is in its life."""

    JOINING = "joining"
    UP = "up"
    DETACHED = "detached"
    """It cannot prove its lease; it rejoins by itself."""
    LEAVING = "leaving"
    LEFT = "left"


class MemberStatus(enum.Enum):
    """The status that a member tells of itself."""

    UP = "up"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the cluster."""

    node: str
    incarnation: str
    roles: tuple[str, ...]
    status: MemberStatus
    version: str


def member_of(record: LeaseRecord) -> Member:
    """Return the member that a lease is of."""
    status = MemberStatus.LEAVING if record.leaving else MemberStatus.UP
    return Member(
        record.incarnation.rpartition(".")[0],
        record.incarnation,
        tuple(record.roles),
        status,
        record.version,
    )


@dataclass(frozen=True, slots=True)
class MemberUp:
    """A node has joined."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberLeaving:
    """A node has begun to leave."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """A node has left in order."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberLost:
    """The lease of a node has run out."""

    member: Member


@dataclass(frozen=True, slots=True)
class Detached:
    """This node has lost its lease."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejoined:
    """This node is a member again."""

    incarnation: str


@dataclass(frozen=True, slots=True)
class EngineDown:
    """The engine is not reached any more."""


@dataclass(frozen=True, slots=True)
class EngineUp:
    """The engine is reached again, after so many seconds."""

    after: float


ClusterEvent = (
    MemberUp | MemberLeaving | MemberLeft | MemberLost | Detached | Rejoined | EngineDown | EngineUp
)
E = TypeVar("E", bound=ClusterEvent, default=Any)


class ClusterEvents(EventBus):
    """As `ActorSystem.events`, for a cluster."""

    kinds: ClassVar[tuple[type[Any], ...]] = ClusterEvent.__args__

    def subscribe(self, *types: type[E], limit: int = 10_000) -> EventStream[E]:  # type: ignore[override]
        """Return a stream of the events of these types, of all types when none is named."""
        return super().subscribe(*types, limit=limit)  # type: ignore[type-var]

    def tell(self, event: ClusterEvent) -> None:
        """Publish an event that somebody may want."""
        if self.wants(type(event)):
            self.publish(event)
