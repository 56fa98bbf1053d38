"""Claims: which node owns a shard, by compare-and-set, with a token that grows from owner to owner.

A claim is judged by what the watch has told alone: members and claims as of one moment. That another node owns a
shard and lives is the end of it; that it is dead, or nobody owns it, holds for as long as the claim's revision does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from actorio.cluster.engine import RevisionConflict
from actorio.cluster.store import ClaimRecord
from actorio.cluster.view import Held

if TYPE_CHECKING:
    from actorio.cluster.protocols import Life

__all__ = ["acquire", "release"]

_RETRY_AFTER = 0.1


async def acquire(life: Life, shard: str, incarnation: str) -> Held | None:
    """Claim a shard; None when a living node owns it, or this one has lost its lease."""
    while life.is_member(incarnation):
        # Where the store was lost, an owner that has not noticed yet goes on until its own fence.
        left = life.view.settles_in(life.membership.lease)
        if left:
            await life.view.news(left)
            continue
        held = life.view.claims.get(shard)
        owner = "" if held is None else held.record.owner
        if owner not in ("", incarnation) and life.view.is_alive(owner):
            return None
        record = ClaimRecord(incarnation, _next_token(held))
        try:
            revision = await _write(life, shard, record, held)
        except Exception:  # another was quicker, or it is not known: the watch will tell
            await life.view.news(_RETRY_AFTER)
            continue
        if not life.is_member(incarnation):
            return None
        if life.tap is not None:
            life.tap.claimed(life, shard, record.token)
        return Held(record, revision)
    return None


def _next_token(held: Held | None) -> int:
    """Return a token greater than all before, also, if wall clocks are right, than those of a lost store."""
    now = time.time_ns() // 1_000_000
    return now if held is None else max(held.record.token + 1, now)


async def _write(life: Life, shard: str, record: ClaimRecord, held: Held | None) -> int:
    value = msgspec.msgpack.encode(record)
    key = f"c.{shard}"
    if held is None:
        return await life.soon(life.engine.create(key, value))
    return await life.soon(life.engine.update(key, value, held.revision))


async def release(life: Life, shard: str, incarnation: str, held: Held) -> None:
    """Free a claim of this node; returns when it is free, or the lease is lost."""
    record = ClaimRecord("", held.record.token)
    while life.is_member(incarnation):
        try:
            await _write(life, shard, record, held)
            return
        except RevisionConflict:
            now = life.view.claims.get(shard)
            if now is None or (now.revision > held.revision and now.record.owner != incarnation):
                return
            if now.revision > held.revision:  # an own claim whose answer was lost came after
                held = now
        except Exception:  # whether it is free is not known: try again, and look
            await life.view.news(_RETRY_AFTER)
            continue
        await life.view.news(_RETRY_AFTER)
