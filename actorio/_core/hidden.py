"""Keeps what redaction has hidden, so that it can be taken out of texts that quote it, as those of exceptions do.

Runs no code of the values.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from actorio._core.redaction import REDACTED, Redact, attributes_of, inert, seen

__all__ = ["Hidden", "quote", "said"]

_MOST = 2000
"""Parts of hidden values that are looked at, in all."""
_DEEPEST = 2
"""Objects within objects; containers are looked through to the end."""
_SHORT = 4
"""Characters; a shorter text is taken out where it is a word of its own, else it would be in everything."""
_LONGEST = 10_000
"""Characters of what an exception says; 2,000 of them are shown at most, when what was hidden is out of it."""
_CONTAINERS = (list, tuple, set, frozenset, deque)
_EVERYTHING = ""
"""Among the texts where there was more than could be looked at: then nothing that quotes any of it may be shown."""


class Hidden:
    """The texts of values that were hidden."""

    __slots__ = ("_left", "texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = set(texts)
        self._left = _MOST

    def note(self, value: object) -> None:
        """Note a value that was hidden, and what it is made of; never raises."""
        parts: list[tuple[object, int]] = [(value, _DEEPEST)]
        for part, depth in parts:
            if not self._left:
                self.texts.add(_EVERYTHING)
                return
            self._left -= 1
            with contextlib.suppress(Exception):  # of an object that lies about itself
                if (texts := _texts(part)) is not None:
                    self.texts.update(texts)
                else:
                    parts.extend(islice(_parts(part, depth), self._left + 1))

    def veil(self, text: str) -> str:
        """Return a text in which `<redacted>` stands for all of them."""
        if _EVERYTHING in self.texts:
            return repr(REDACTED)
        quoted = sorted((one for one in self.texts if one in text), key=len, reverse=True)
        return re.sub("|".join(map(_pattern, quoted)), repr(REDACTED), text) if quoted else text


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


def _texts(value: Any) -> Iterable[str] | None:
    """Return how a value may stand in a text; None for what has parts."""
    kind = type(value)  # `isinstance` would run code of the value
    if value is REDACTED or value is None or issubclass(kind, (bool, type)):
        return ()
    if issubclass(kind, str):
        return _spellings(str.__str__(value))
    if issubclass(kind, (bytes, bytearray)):
        plain = bytes(memoryview(value))
        return (*_spellings(plain.decode(errors="replace")), *_spellings(repr(plain)[2:-1]))
    if kind in (int, float):
        return _spellings(repr(value))
    return None


def _spellings(text: str) -> Iterator[str]:
    """Yield a text as it is, and as it stands in a `repr`."""
    if not text.strip():
        return
    yield text
    yield repr(text)[1:-1]


def _parts(value: Any, depth: int) -> Iterator[tuple[object, int]]:
    """Yield what a value is made of, each with how many objects deep it may be looked into."""
    kind = type(value)
    if issubclass(kind, dict):
        parts: Iterable[object] = dict.values(value)
    elif kind in _CONTAINERS:
        parts = value
    elif issubclass(kind, tuple):
        parts = tuple.__iter__(value)
    elif depth:
        parts, depth = attributes_of(value).values(), depth - 1
    else:
        return
    for part in parts:
        yield part, depth
