"""Opening a capsule: JSON of the right form, or a `CapsuleError`. Nothing of it is run, made or imported."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from actorio.capsule.errors import CapsuleError

__all__ = ["FORMAT", "STORE", "checked", "read"]

FORMAT = 1
STORE = "(store)"
"""Of whom the outcome of a write is, among the inputs of a durable actor."""
_LARGEST = 256 * 1024 * 1024
_NUMBER = (int, float)
_SCHEMA: dict[str, type | tuple[type, ...]] = {
    "actorio": str,
    "python": str,
    "system": str,
    "written": str,
    "reason": str,
    "path": str,
    "class": str,
    "args": list,
    "options": dict,
    "incarnation": int,
    "restarts": int,
    "error": (dict, type(None)),
    "asker": (str, type(None)),
    "begins": str,
    "checkpoint": (dict, type(None)),
    "state": (dict, type(None)),
    "inputs": list,
    "mailbox": list,
    "waits_for": list,
    "neighbours": list,
    "missing": list,
}
_INPUT: dict[str, type | tuple[type, ...]] = {"n": int, "at": _NUMBER, "kind": str}
_NEIGHBOUR: dict[str, type | tuple[type, ...]] = {"path": str, "last": list}
_ERROR: dict[str, type | tuple[type, ...]] = {"type": str, "text": str, "frames": list}
_DURABLE: dict[str, type | tuple[type, ...]] = {"id": str, "sequence": int}
_FRAME: dict[str, type | tuple[type, ...]] = {"file": str, "line": int, "function": str, "code": str}
_BEGINS = ("start", "checkpoint", "nowhere")


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the content of a capsule file, as JSON has it.

    Raises:
        CapsuleError: it is no capsule, or one of another format.
        OSError: the file cannot be read.
    """
    file = Path(path)
    if file.stat().st_size > _LARGEST:
        raise CapsuleError(f"{file} is no capsule: it is too large")
    try:
        content = json.loads(file.read_bytes(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CapsuleError(f"{file} is no capsule: {error}") from error
    return checked(content, str(file))


def checked(content: object, name: str = "this") -> dict[str, Any]:
    """Return the content of a capsule, if it has the form of one.

    Raises:
        CapsuleError: it has not.
    """
    if not isinstance(content, Mapping) or "capsule" not in content:
        raise CapsuleError(f"{name} is no capsule")
    if content["capsule"] != FORMAT or isinstance(content["capsule"], bool):
        raise CapsuleError(
            f"{name} is a capsule of format {content['capsule']!r:.40}; this reads format {FORMAT}"
        )
    _check(content, _SCHEMA, name)
    begins = content["begins"]
    if begins.partition(":")[0] not in _BEGINS:
        raise CapsuleError(f"{name} is no capsule: it begins at {begins!r:.40}")
    for part, schema in (("inputs", _INPUT), ("neighbours", _NEIGHBOUR)):
        for index, one in enumerate(content[part]):
            _check(one, schema, f"{part}[{index}] of {name}")
    if content.get("durable") is not None:
        _check(content["durable"], _DURABLE, f"the durable part of {name}")
    if content["error"] is not None:
        _check(content["error"], _ERROR, f"the error of {name}")
        for frame in content["error"]["frames"]:
            _check(frame, _FRAME, f"a frame of {name}")
    return dict(content)


def _check(part: object, schema: Mapping[str, type | tuple[type, ...]], name: str) -> None:
    if not isinstance(part, Mapping):
        raise CapsuleError(f"{name} is no capsule's: an object was expected")
    for key, kinds in schema.items():
        if key not in part:
            raise CapsuleError(f"{name} has no {key!r}")
        value = part[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds in (int, _NUMBER)):
            raise CapsuleError(f"{name} has a {key!r} of a wrong type: {type(value).__name__}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
