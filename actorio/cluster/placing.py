"""Where entities live: a key has a shard, a shard an owner or a preferred host.

Source: D. Thaler and C. Ravishankar, "Using name-based mappings to increase hit rates" (rendezvous hashing), 1998.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from actorio.cluster.store import claim_key, node_of

if TYPE_CHECKING:
    from actorio.cluster.view import View

__all__ = ["SINGLETON", "hosts_of", "owner_of", "place", "preferred", "shard_of"]

SINGLETON = "singleton:"
"""The kind of a singleton is its name behind this."""


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=1024)
def shard_of(kind: str, key: str, shards: int) -> str:
    """Return the claim that a key belongs to, without the `c.` of the store.

    Those of the keys in use are remembered: each message for one asks anew.
    """
    return claim_key(kind, _hash(f"{kind}/{key}") % shards)[2:]


def preferred(shard: str, incarnations: Iterable[str]) -> str | None:
    """Return which of these is to have a shard; the same for all who ask."""
    return max(incarnations, key=lambda one: (_hash(f"{shard}/{node_of(one)}"), one), default=None)


def hosts_of(view: View, kind: str) -> list[str]:
    """Return the incarnations that host a kind and are not leaving."""
    single = kind.removeprefix(SINGLETON) if kind.startswith(SINGLETON) else None
    return [
        seen.record.incarnation
        for seen in view.members.values()
        if not seen.record.leaving
        and (kind in seen.record.kinds if single is None else single in seen.record.singletons)
    ]


def owner_of(view: View, shard: str) -> str | None:
    """Return the living owner of a shard."""
    held = view.claims.get(shard)
    if held is not None and held.record.owner and view.is_alive(held.record.owner):
        return held.record.owner
    return None


def place(view: View, kind: str, shard: str) -> str | None:
    """Return who is to get the messages of a shard: its living owner, else the preferred host."""
    return owner_of(view, shard) or preferred(shard, hosts_of(view, kind))
