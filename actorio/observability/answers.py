"""Answers as JSON: plain values, inert texts, and no more than 64 KiB."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from typing import Any

from actorio._core.redaction import inert

__all__ = ["fields_in", "fitting", "plain"]

MOST_BYTES = 64 * 1024


def plain(value: Any) -> Any:
    """Return a value as JSON has it; texts are inert and cut."""
    kind: Any = type(value)
    if kind is str:
        return value if len(value) <= 200 and value.isprintable() else inert(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if value is None or kind in (int, bool):
        return value
    if kind in (list, tuple):
        return [plain(item) for item in value]
    if kind is dict:
        return {str(key): plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {name: plain(getattr(value, name)) for name in _names(kind)}
    return inert(str(value))


def fitting(answer: dict[str, Any]) -> bytes:
    """Return an answer as bytes; where it is too long its longest lists lose their ends, and `more` is true."""
    value = plain(answer)
    while len(encoded := _encoded(value)) > MOST_BYTES:
        holder, name = max(_lists(value), key=lambda place: len(_encoded(place[0][place[1]])))
        holder[name] = holder[name][: len(holder[name]) // 2]
        value["more"] = True
    return encoded


def fields_in(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, as they are."""
    kind: Any = type(value)
    return {name: getattr(value, name) for name in _names(kind)}


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _lists(value: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Return all lists with items in an answer, and what is in them, by their places."""
    found: list[tuple[dict[str, Any], str]] = []
    queue: list[Any] = [value]
    for holder in queue:
        for name, item in holder.items():
            if isinstance(item, list) and item:
                found.append((holder, name))
            elif isinstance(item, dict):
                queue.append(item)
    return found


@functools.cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
