"""The checks of arguments that are about durable actors alone."""

from __future__ import annotations

import re
from typing import Any

from actorio._core.checks import check_count
from actorio.errors import describe

__all__ = [
    "LARGEST",
    "LARGEST_VERSION",
    "LONGEST_ID",
    "check_kind",
    "check_name_of_projection",
    "check_position",
    "check_storable",
    "check_text",
]

LARGEST = 2**63 - 1
"""The largest whole number that every store can keep."""
LARGEST_VERSION = 2**31 - 1
"""The largest version of a stored class: PostgreSQL keeps it in 32 bits."""
LONGEST_ID = 64 + 1 + 200
"""Characters of a durable id, at most: a kind, a slash, a key."""

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


def check_storable(name: str, value: str, most: int = LONGEST_ID) -> str:
    """Return `value`, a str that every store can look for: not too long, no NUL, no lone surrogate.

    Raises:
        TypeError: not a str.
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if len(value) > most or not _is_storable(value):
        raise ValueError(
            f"{name} must have at most {most} characters, none of them NUL or a lone surrogate; got {describe(value)}"
        )
    return value


def _is_storable(text: str) -> bool:
    """Tell whether every store can keep a text: it is one in UTF-8, without NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def check_position(name: str, value: int) -> int:
    """Return `value`, a position in the journal, or a number of rows.

    Raises:
        TypeError: not an int, or a bool.
        ValueError: negative, or larger than any store can count.
    """
    if check_count(name, value, least=0) > LARGEST:
        raise ValueError(f"{name} must be at most 2**63 - 1; got {describe(value)}")
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
        ValueError: no store can have that name.
    """
    name = projection if isinstance(projection, str) else getattr(projection, "projection", None)
    if not isinstance(name, str):
        raise TypeError(f"a projection is a class of Projection, or its name, not {describe(projection)}")
    return check_storable("projection", name, 200)
