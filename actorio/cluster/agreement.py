"""The agreement of all members before one joins: lease and heartbeat, protocol, shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actorio.cluster.store import Meta
from actorio.cluster.wire import PROTOCOL
from actorio.errors import ClusterError, EngineError

if TYPE_CHECKING:
    from actorio.cluster.surroundings import Life

__all__ = ["agree"]


async def agree(life: Life) -> tuple[float, float]:
    """Return the lease and the heartbeat of the cluster; one that joins alone says them anew.

    Raises:
        ClusterError: this node does not agree with the members.
    """
    _check_members(life)
    while True:
        meta = life.view.meta
        others = [node for node in life.view.members if node != life.settings.node]
        if meta is not None and others:
            return _adopted(life, meta[0])
        mine = _own(life)
        if meta is not None and meta[0] == mine:
            return mine.lease, mine.heartbeat
        try:
            await _write(life, mine, None if meta is None else meta[1])
            return mine.lease, mine.heartbeat
        except EngineError:
            raise
        except Exception:  # another was quicker, or it is not known: the watch will tell
            await life.view.news(0.2)


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


def _check_members(life: Life) -> None:
    for node, seen in life.view.members.items():
        if node == life.settings.node:
            continue
        record = seen.record
        if abs(record.protocol - PROTOCOL) > 1:
            raise ClusterError(f"this node speaks protocol {PROTOCOL}, {node} speaks {record.protocol}")
        for kind, shards in {**record.uses, **record.kinds}.items():
            mine = life.kinds.get(kind, shards)
            if mine != shards:
                raise ClusterError(f"{kind} has {mine} shards on this node, but {shards} on {node}")
