"""The frames that nodes exchange, and what is in them. Decoding is typed: a frame that does not fit is no frame.

A frame ends in a checksum: the connection keeps bytes as they are, but what lies between may not, and a number that
was changed on the way would be a message that nobody has sent.
"""

from __future__ import annotations

import zlib
from typing import Annotated, Any, get_args

import msgspec

__all__ = [
    "LONGEST_KEY",
    "MOST_BYTES",
    "MOST_ITEMS",
    "PROTOCOL",
    "Ask",
    "Call",
    "Cast",
    "End",
    "Ended",
    "Failed",
    "Failure",
    "Frame",
    "Gone",
    "GroupChange",
    "Item",
    "Moved",
    "Refused",
    "Reply",
    "Routed",
    "RoutedEnd",
    "RoutedGone",
    "RoutedTaken",
    "Send",
    "Spawn",
    "SpawnOptions",
    "Stopped",
    "Subscribed",
    "Taken",
    "TopicItem",
    "Unknown",
    "Watch",
    "Withdraw",
    "decode_frame",
    "encode_frame",
]

PROTOCOL = 1
"""Nodes whose numbers differ by one work together."""
LONGEST_KEY = 200
"""Characters of the key of an entity."""
MOST_ITEMS, MOST_BYTES = 500, 400_000
"""Items and bytes of a frame; a larger item goes alone."""

Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Index = Annotated[int, msgspec.Meta(ge=-1, lt=10_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e10)]
"""More than the 100 years that a duration may have."""
Text = Annotated[str, msgspec.Meta(max_length=1000)]
Long = Annotated[str, msgspec.Meta(max_length=20_000)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_KEY)]


class _Item(msgspec.Struct, array_like=True, gc=False):
    """One thing that a node tells another."""


class Failure(msgspec.Struct, array_like=True):
    """An exception: its type's name, its arguments (names of types, and data), its text, where it was raised."""

    kind: Text
    args: Annotated[list[tuple[Text, msgspec.Raw]], msgspec.Meta(max_length=20)] | None
    attributes: Annotated[dict[Text, str | int | float | bool | None], msgspec.Meta(max_length=20)]
    text: Long
    traceback: Long


# -- messages to an actor; `kind` is an index into the names of the frame


class Send(_Item, tag=1):
    target: Number
    serial: Number
    kind: Index
    body: msgspec.Raw


class Ask(_Item, tag=2):
    target: Number
    serial: Number
    kind: Index
    body: msgspec.Raw
    left: Seconds


class Call(_Item, tag=3):
    target: Number
    serial: Number
    kind: Index
    body: msgspec.Raw
    left: Seconds


class Cast(_Item, tag=4):
    target: Number
    serial: Number
    kind: Index
    body: msgspec.Raw


# -- what becomes of them


class Taken(_Item, tag=5):
    """The mailbox has taken that many, the first ones."""

    target: Number
    count: Number


class Gone(_Item, tag=6):
    """This one was withdrawn before it was taken."""

    target: Number
    serial: Number


class Refused(_Item, tag=7):
    """This one is not taken."""

    target: Number
    serial: Number
    reason: Text


class Withdraw(_Item, tag=8):
    """Nobody waits for this answer any more."""

    serial: Number


class Reply(_Item, tag=9):
    """An answer, of the named type, or with -1 of the one that was declared."""

    serial: Number
    kind: Index
    body: msgspec.Raw


class Failed(_Item, tag=10):
    """An answer that is an exception."""

    serial: Number
    failure: Failure


class Stopped(_Item, tag=23):
    """An answer: the actor has ended, before (`begun`: while) it handled the message."""

    serial: Number
    reason: Text | None
    begun: bool


# -- an actor's end


class Watch(_Item, tag=11):
    target: Number


class Ended(_Item, tag=12):
    target: Number
    reason: Text
    failure: Failure | None


class End(_Item, tag=13):
    target: Number
    intent: Number


# -- entities


class Routed(_Item, tag=14):
    """A message for an entity; its target is the sender's route, whose epoch counts the moves."""

    entity: Index
    key: Key
    epoch: Number
    item: Send | Ask | Call | Cast


class RoutedTaken(_Item, tag=15):
    route: Number
    epoch: Number
    count: Number


class Moved(_Item, tag=16):
    """Nothing of that epoch is taken any more: route it anew."""

    route: Number
    epoch: Number


class RoutedGone(_Item, tag=17):
    """This one was not taken: withdrawn (no reason), or refused."""

    route: Number
    epoch: Number
    serial: Number
    reason: Text


class RoutedEnd(_Item, tag=18):
    entity: Index
    key: Key
    intent: Number


# -- the rest


class SpawnOptions(msgspec.Struct, array_like=True):
    name: Text | None
    capacity: Number | None
    overflow: Text | None
    restart: Text
    shutdown: Seconds | None
    timeout: Seconds


class Spawn(_Item, tag=19):
    serial: Number
    kind: Index
    body: msgspec.Raw
    options: SpawnOptions


class GroupChange(_Item, tag=20):
    """An actor of the sender has joined a group, or left it."""

    group: Text
    ref: msgspec.Raw
    joined: bool


class Subscribed(_Item, tag=21):
    """The sender has subscribers of that topic, or none any more."""

    topic: Text
    wanted: bool


class TopicItem(_Item, tag=22):
    topic: Text
    kind: Index
    body: msgspec.Raw


Item = (
    Send
    | Ask
    | Call
    | Cast
    | Taken
    | Gone
    | Refused
    | Withdraw
    | Reply
    | Failed
    | Stopped
    | Watch
    | Ended
    | End
    | Routed
    | RoutedTaken
    | Moved
    | RoutedGone
    | RoutedEnd
    | Spawn
    | GroupChange
    | Subscribed
    | TopicItem
)


class _Head(msgspec.Struct, array_like=True):
    """Numbered from 1; 0 is an acknowledgement alone, -1 one that tells of a gap."""

    protocol: Number
    sender: Text
    receiver: Text
    number: Annotated[int, msgspec.Meta(ge=-1, le=(1 << 63) - 1)]
    acknowledged: Number
    names: Annotated[list[Text], msgspec.Meta(max_length=1000)]


class Frame(_Head):
    """A frame, with its items."""

    items: Annotated[list[Item], msgspec.Meta(max_length=1000)]


class _Outline(_Head):
    """A frame whose items are not looked at yet."""

    items: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=1000)]


class Unknown(_Item, tag=0):
    """An item of a kind that this node does not know: a newer one has sent it. It is counted, and passed over."""


_CHECKSUM_BYTES = 4
_KNOWN = {kind.__struct_config__.tag for kind in get_args(Item)}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode
_decode_outline = msgspec.msgpack.Decoder(_Outline).decode
_decode_item = msgspec.msgpack.Decoder(Item).decode
_decode_parts = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_tag = msgspec.msgpack.Decoder(int).decode


def encode_frame(frame: Frame) -> bytes:
    """Return a frame as it is sent."""
    data = _encode(frame)
    return data + zlib.crc32(data).to_bytes(_CHECKSUM_BYTES, "big")


def decode_frame(data: bytes) -> Frame:
    """Return a frame as it was sent; items of unknown kinds are `Unknown`.

    Raises:
        msgspec.MsgspecError: it is no frame, or was changed on its way.
    """
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if zlib.crc32(body) != int.from_bytes(checksum, "big"):
        raise msgspec.DecodeError("the checksum of a frame does not fit")
    try:
        return _decode(body)
    except msgspec.ValidationError:
        fields = msgspec.structs.asdict(_decode_outline(body))
        fields["items"] = [_known(item) for item in fields["items"]]
        return Frame(**fields)


def _known(item: msgspec.Raw) -> Any:
    parts = _decode_parts(item)
    if parts and _decode_tag(parts[0]) not in _KNOWN:
        return Unknown()
    return _decode_item(item)
