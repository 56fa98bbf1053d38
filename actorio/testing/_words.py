"""How messages are named for people: short, and the same in every process."""

from __future__ import annotations

import re

from actorio.errors import describe

__all__ = ["in_short"]

_LONGEST = 60
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def in_short(value: object) -> str:
    """Return the name of a function, the class of an object without a repr of its own, else the repr."""
    if value is not None and type(value).__repr__ is object.__repr__:
        return f"{type(value).__qualname__}()"
    name = getattr(value, "__qualname__", None)
    if callable(value) and isinstance(name, str):
        return name.rpartition("<locals>.")[2]
    return _ADDRESS.sub("", describe(value, _LONGEST))
