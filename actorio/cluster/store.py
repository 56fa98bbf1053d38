"""The entries of nodes in the store of the engine: leases, claims, names, and what all agreed on."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import msgspec

__all__ = [
    "ClaimRecord",
    "LeaseRecord",
    "Meta",
    "NameRecord",
    "claim_key",
    "escape",
    "lease_key",
    "name_key",
    "node_of",
    "read",
    "unescape",
]

Text = Annotated[str, msgspec.Meta(max_length=1000)]
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e10)]


class LeaseRecord(msgspec.Struct, frozen=True):
    """`m.<node>`: that a node is a member, and what it has."""

    incarnation: Text
    since: Seconds
    """When it joined, in seconds of the wall clock: for people to see, and for the order of members."""
    protocol: int
    version: Text
    roles: list[Text]
    leaving: bool
    kinds: dict[Text, Number]
    """The kinds of entities that it hosts, with their shards."""
    uses: dict[Text, Number]
    """Those that it knows."""
    singletons: list[Text]
    classes: list[Text]
    """Those that others may spawn here."""
    settles: Seconds = 0.0
    """Seconds for which owners of a store that was lost may still go on: who joins now is to wait for them too."""
    lease: Seconds = 0.0
    heartbeat: Seconds = 0.0
    """What it goes by: those who join later go by the same."""


class ClaimRecord(msgspec.Struct, frozen=True, array_like=True):
    """`c.<kind>.<shard>`: who owns a shard, an empty string for nobody, and the last token of it."""

    owner: Text
    token: Number


class NameRecord(msgspec.Struct, frozen=True, array_like=True):
    """`n.<name>`: which actor has a name; `kinds` are its class and those above."""

    incarnation: Text
    number: Number
    path: Text
    kinds: list[Text]


class Meta(msgspec.Struct, frozen=True):
    """`meta`: what the members agreed on."""

    lease: float
    heartbeat: float


_DECODERS: dict[type, Any] = {
    kind: msgspec.msgpack.Decoder(kind).decode for kind in (LeaseRecord, ClaimRecord, NameRecord, Meta)
}


def read(kind: Any, value: bytes) -> Any:
    """Return the record, None when it is none: another program may have written it."""
    try:
        return _DECODERS[kind](value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=10_000)
def escape(text: str) -> str:
    """Return a text as a part of a key: letters, digits, `-` and `_` as they are, else `=` and two hex digits."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in b"-_" else f"={byte:02x}"
        for byte in text.encode()
    )


def unescape(part: str) -> str:
    """Return the text of which `escape` has made a part of a key."""
    first, *rest = part.split("=")
    data = bytearray(first.encode())
    for piece in rest:
        data.append(int(piece[:2], 16))
        data.extend(piece[2:].encode())
    return data.decode()


def node_of(incarnation: str) -> str:
    """Return the name of the node that an incarnation is of."""
    return incarnation.rpartition(".")[0]


def lease_key(node: str) -> str:
    """Return the key of a lease."""
    return f"m.{node}"


def claim_key(kind: str, shard: int) -> str:
    """Return the key of a claim."""
    return f"c.{escape(kind)}.{shard}"


def name_key(name: str) -> str:
    """Return the key of a name."""
    return f"n.{escape(name)}"
