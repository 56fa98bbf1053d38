"""Keeps what redaction has hidden, so that it can be taken out of texts that quote it, as those of exceptions do.

Runs no code of the values.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from actorio._core.redaction import REDACTED, Redact, attributes_of, inert, seen

__all__ = ["Hidden", "quote", "said"]

_MOST = 1000
_MOST_PARTS = 50
_DEEPEST = 2
_SHORT = 4
"""Characters; a shorter text is taken out where it is a word of its own, else it would be in everything."""
_LONGEST = 100_000
_CONTAINERS = (list, tuple, set, frozenset, deque)


class Hidden:
    """The texts of values that were hidden."""

    __slots__ = ("texts",)

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = set(texts)

    def note(self, value: object) -> None:
        """Note a value that was hidden, and what it is made of; never raises."""
        if len(self.texts) < _MOST:
            with contextlib.suppress(Exception):  # of an object that lies about itself
                self.texts.update(_texts(value, _DEEPEST))

    def veil(self, text: str) -> str:
        """Return a text in which `<redacted>` stands for all of them."""
        if not self.texts:
            return text
        longest_first = sorted(self.texts, key=len, reverse=True)
        return re.sub("|".join(_pattern(one) for one in longest_first), repr(REDACTED), text)


def said(error: BaseException) -> str:
    """Return what an exception says, as it is but for its length."""
    try:
        return str(error)[:_LONGEST]
    except Exception as failed:
        return f"<its __str__ raised {type(failed).__qualname__}>"


def quote(text: str, hidden: Hidden, redact: Redact) -> str:
    """Return what an exception says, inert and without what was hidden; `redact` is asked for it as `text`."""
    shown = seen(redact, "text", hidden.veil(text))
    return inert(shown if isinstance(shown, str) else repr(REDACTED))


def _pattern(text: str) -> str:
    return re.escape(text) if len(text) >= _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)"


def _texts(value: object, depth: int) -> Iterator[str]:
    if value is REDACTED or value is None or isinstance(value, (bool, type)):
        return
    if isinstance(value, str):
        yield from _spellings(str.__str__(value))
    elif isinstance(value, (bytes, bytearray)):
        plain = bytes(memoryview(value))
        yield from _spellings(plain.decode(errors="replace"))
        yield from _spellings(repr(plain)[2:-1])
    elif type(value) in (int, float):
        yield from _spellings(repr(value))
    elif depth:
        for part in islice(_parts(value), _MOST_PARTS):
            yield from _texts(part, depth - 1)


def _spellings(text: str) -> Iterator[str]:
    """Yield a text as it is, and as it stands in a `repr`."""
    if not text.strip():
        return
    yield text
    yield repr(text)[1:-1]


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return dict.values(value)
    if type(value) in _CONTAINERS:
        return value  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple.__iter__(value)
    return attributes_of(value).values()
