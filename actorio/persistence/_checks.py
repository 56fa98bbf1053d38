"""The checks of arguments that are about durable actors alone."""

from __future__ import annotations

import re
from typing import Any

from actorio.errors import describe

__all__ = ["check_kind", "check_name_of_projection", "check_text"]

_KIND = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def check_text(name: str, value: str, most: int) -> str:
    """Return `value`, a str of 1 to `most` printable characters.

    Raises:
        TypeError: not a str.
        ValueError: empty, too long, or with a character that cannot be printed.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not 1 <= len(value) <= most or not value.isprintable():
        raise ValueError(f"{name} must have 1 to {most} printable characters; got {describe(value)}")
    return value


def check_kind(name: str, value: str) -> str:
    """Return `value`, a str of 1 to 64 of `A-Z a-z 0-9 _ . -`.

    Raises:
        TypeError: not a str.
        ValueError: not such characters, or too many.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not _KIND.fullmatch(value):
        raise ValueError(
            f"{name} must have 1 to 64 characters of A-Z, a-z, 0-9, _, . and -; got {describe(value)}"
        )
    return value


def check_name_of_projection(projection: Any) -> str:
    """Return the name of a projection, given as its class or as that name.

    Raises:
        TypeError: neither.
    """
    name = projection if isinstance(projection, str) else getattr(projection, "projection", None)
    if not isinstance(name, str):
        raise TypeError(f"a projection is a class of Projection, or its name, not {describe(projection)}")
    return name
