"""The agreement of all members before one joins: lease and heartbeat, protocol, shards.

Two that join at the same time do not see each other. So whose lease was written later looks again, and gives it back
where they do not agree; `meta` may be of either, and what the members say of themselves is what holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actorio.cluster.store import Meta, node_of
from actorio.cluster.wire import PROTOCOL
from actorio.errors import ClusterError, EngineError

if TYPE_CHECKING:
    from actorio.cluster.protocols import Life
    from actorio.cluster.store import LeaseRecord

__all__ = ["agree", "is_agreed"]


async def agree(life: Life) -> tuple[float, float]:
    """Return the lease and the heartbeat of the cluster; one that joins alone says them anew.

    Raises:
        ClusterError: this node does not agree with the members.
    """
    while True:
        others = _others(life)
        for record in others:
            _check_member(life, record)
        if others:
            return _adopted(life, Meta(others[0].lease, others[0].heartbeat))
        meta, mine = life.view.meta, _own(life)
        if meta is not None and meta[0] == mine:
            return mine.lease, mine.heartbeat
        try:
            await _write(life, mine, None if meta is None else meta[1])
            return mine.lease, mine.heartbeat
        except EngineError:
            raise
        except Exception:  # another was quicker, or it is not known: the watch will tell
            await life.view.news(0.2)


def is_agreed(life: Life) -> bool:
    """Tell whether this node, which has its lease, agrees with those that had theirs before."""
    membership = life.membership
    for record in _others(life, before_this=True):
        try:
            _check_member(life, record)
        except ClusterError:
            return False
        if (record.lease, record.heartbeat) != (membership.lease, membership.heartbeat):
            return False
    return True


def _others(life: Life, *, before_this: bool = False) -> list[LeaseRecord]:
    """Return the leases of the other members, in order of joining as the watch has told it."""
    records = []
    for node, seen in life.view.members.items():
        if node != life.settings.node:
            records.append(seen.record)
        elif before_this:
            break
    return records


def _own(life: Life) -> Meta:
    lease, heartbeat = life.asked
    lease = life.engine.lease if lease is None else lease
    if heartbeat is None:
        heartbeat = min(life.engine.heartbeat, lease / 3)
    if heartbeat > lease / 3:
        raise ClusterError(f"the heartbeat {heartbeat:g} must be at most a third of the lease {lease:g}")
    return Meta(lease, heartbeat)


def _adopted(life: Life, meta: Meta) -> tuple[float, float]:
    for what, asked, theirs in zip(
        ("lease", "heartbeat"), life.asked, (meta.lease, meta.heartbeat), strict=True
    ):
        if asked is not None and asked != theirs:
            raise ClusterError(f"this node has a {what} of {asked:g} s, the members have {theirs:g} s")
    return meta.lease, meta.heartbeat


async def _write(life: Life, meta: Meta, revision: int | None) -> None:
    value = msgspec.msgpack.encode(meta)
    if revision is None:
        await life.soon(life.engine.create("meta", value))
    else:
        await life.soon(life.engine.update("meta", value, revision))


def _check_member(life: Life, record: LeaseRecord) -> None:
    node = node_of(record.incarnation)
    if abs(record.protocol - PROTOCOL) > 1:
        raise ClusterError(f"this node speaks protocol {PROTOCOL}, {node} speaks {record.protocol}")
    for kind, shards in {**record.uses, **record.kinds}.items():
        mine = life.kinds.get(kind, shards)
        if mine != shards:
            raise ClusterError(f"{kind} has {mine} shards on this node, but {shards} on {node}")
