"""How deep data may nest: what is decoded recursively must not exhaust the stack of whoever receives it.

Only a type that can hold anything, or itself, can nest deeper than it is written; no other is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

__all__ = ["DEEPEST", "is_too_deep", "may_nest"]

DEEPEST = 64
"""Containers within each other, in one message."""

_CONTAINERS = bytes([*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
_OTHERS = bytes(sorted(set(range(256)) - set(_CONTAINERS)))
_FIXED = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_FIXED |= {0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}
_SIZED = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1)}
_SIZED |= {0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}
"""Bytes of the size of a text, of bytes or of an extension, and bytes beside the data."""
_COUNTED = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Bytes of the count of an array or a map, and values for each."""


def is_too_deep(data: bytes) -> bool:
    """Tell whether MessagePack nests deeper than `DEEPEST`. What is no MessagePack is for the decoder to tell."""
    if len(data) <= DEEPEST or len(data.translate(None, _OTHERS)) <= DEEPEST:
        return False  # fewer bytes that could begin a container than it would need
    left: list[int] = []
    at, end = 0, len(data)
    while at < end:
        while left and left[-1] == 0:
            left.pop()
        if left:
            left[-1] -= 1
        count, at = _skip(data, at)
        if count is not None:
            left.append(count)
            if len(left) > DEEPEST:
                return True
    return False


def _skip(data: bytes, at: int) -> tuple[int | None, int]:
    """Return how many values a container has, None where it is none, and where what follows begins."""
    head, at = data[at], at + 1
    if 0x80 <= head < 0x90:
        return 2 * (head & 0x0F), at
    if 0x90 <= head < 0xA0:
        return head & 0x0F, at
    if 0xA0 <= head < 0xC0:
        return None, at + (head & 0x1F)
    if head in _COUNTED:
        size, each = _COUNTED[head]
        return each * int.from_bytes(data[at : at + size], "big"), at + size
    if head in _SIZED:
        size, more = _SIZED[head]
        return None, at + size + more + int.from_bytes(data[at : at + size], "big")
    return None, at + _FIXED.get(head, 0)


def may_nest(kind: Any) -> bool:
    """Tell whether data of a type may nest deeper than the type is written."""
    try:
        return _is_open(inspect.type_info(kind), ())
    except Exception:  # of whatever msgspec cannot describe: look at its data
        return True


def _is_open(info: Any, above: tuple[Any, ...]) -> bool:
    if isinstance(info, (inspect.AnyType, inspect.RawType)) or any(info is each for each in above):
        return True
    return any(_is_open(part, (*above, info)) for part in _parts(info))


def _parts(info: Any) -> Iterator[Any]:
    for name in ("type", "item_type", "key_type", "value_type"):
        part = getattr(info, name, None)
        if isinstance(part, inspect.Type):
            yield part
    yield from getattr(info, "types", ())
    yield from getattr(info, "item_types", ())
    for field in getattr(info, "fields", ()):
        yield field.type
