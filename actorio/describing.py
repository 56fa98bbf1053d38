"""How any value is described in an error or a log record: short, whatever its size, and whatever its `repr` does.

A `repr` of a large message takes as long as the message is large; it is made only as far as it is shown. That goes for
the built-in containers, for text and bytes, and for dataclasses that have the `repr` that they are given.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

__all__ = ["describe"]

_LONGEST_INT: Final = 1_000
"""Bits; the digits of a longer one would take a time that grows with the square of them."""
_BRACKETS: Final[dict[type[Any], tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}


def describe(value: object, limit: int = 200) -> str:
    """Describe any value for an error message; never raises, at most `limit` characters, no control characters."""
    try:
        text = "".join(_pieces(value, limit))
    except Exception as error:  # a hostile __repr__ must not hide the error being reported
        text = f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    if len(text) > limit:
        text = f"{text[: limit - 3]}..."
    return "".join(character if character.isprintable() else "?" for character in text)


def _pieces(value: Any, limit: int) -> Iterator[str]:
    """Give the `repr` of a value piece by piece, until there are more than `limit` characters."""
    length = 0
    for piece in _of(value, limit, depth=0):
        yield piece
        length += len(piece)
        if length > limit:
            return


def _of(value: Any, limit: int, depth: int) -> Iterator[str]:
    kind = type(value)
    if depth > limit:  # deeper than there are characters
        yield "..."
    elif kind in (str, bytes, bytearray):
        yield repr(value[: limit + 1])
    elif kind is int and value.bit_length() > _LONGEST_INT:
        yield f"<int of {value.bit_length():,} bits>"
    elif kind is dict:
        yield "{"
        for number, (key, one) in enumerate(value.items()):
            yield ", " if number else ""
            yield from _of(key, limit, depth + 1)
            yield ": "
            yield from _of(one, limit, depth + 1)
        yield "}"
    elif kind in _BRACKETS and (value or kind in (list, tuple)):
        before, after = _BRACKETS[kind]
        yield before
        yield from _listed(value, limit, depth)
        yield ",)" if kind is tuple and len(value) == 1 else after
    elif _has_generated_repr(kind):
        yield from _fields_of(value, limit, depth)
    else:
        yield repr(value)


def _listed(values: Iterable[Any], limit: int, depth: int) -> Iterator[str]:
    for number, one in enumerate(values):
        yield ", " if number else ""
        yield from _of(one, limit, depth + 1)


def _fields_of(value: Any, limit: int, depth: int) -> Iterator[str]:
    yield f"{type(value).__qualname__}("
    for number, field in enumerate(field for field in dataclasses.fields(value) if field.repr):
        yield f"{', ' if number else ''}{field.name}="
        yield from _of(getattr(value, field.name), limit, depth + 1)
    yield ")"


def _has_generated_repr(kind: type[Any]) -> bool:
    """Tell whether `repr` is the one that `dataclass` has written for this very class."""
    own = vars(kind).get("__repr__")
    function = getattr(own, "__wrapped__", None)
    return "__dataclass_fields__" in vars(kind) and getattr(function, "__name__", "") == "__repr__"
