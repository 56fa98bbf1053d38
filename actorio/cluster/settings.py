"""The settings that a node was made with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from actorio._core.checks import check_duration

__all__ = ["Settings", "check_lease", "check_positive", "check_several", "check_text", "check_word"]

_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a `Cluster`, checked."""

    node: str
    name: str
    roles: tuple[str, ...]
    version: str
    ask_timeout: float
    route_timeout: float
    join_timeout: float
    leave_timeout: float
    rebalance_interval: float
    window: int
    link_buffer: int
    max_message: int
    rejoins: bool

    def __post_init__(self) -> None:
        check_text("version", self.version, least=0)
        for role in self.roles:
            check_text("a role", role)


def check_word(name: str, what: str) -> str:
    """Return a name of a node or a cluster; raises `TypeError` or `ValueError` where it is none."""
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str, not {type(name).__name__}")
    if not _WORD.fullmatch(name):
        raise ValueError(f"{what} has 1 to 64 letters, digits, '-' and '_': got {name!r}")
    return name


def check_text(what: str, text: str, *, least: int = 1, most: int = 1000) -> str:
    """Return a text that others can read: of so many characters, each of which has an encoding.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if not least <= len(text) <= most:
        raise ValueError(f"{what} has {least} to {most} characters: {text[:40]!r}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{what} has a lone surrogate, which cannot be sent: {text[:40]!r}")
    return text


def check_positive(what: str, value: float) -> float:
    """Return a duration of more than 0."""
    if check_duration(what, value) <= 0:
        raise ValueError(f"{what} must be more than 0")
    return float(value)


def check_lease(lease: float | None, heartbeat: float | None) -> tuple[float | None, float | None]:
    """Return lease and heartbeat, each None where it is not said."""
    if lease is not None:
        lease = check_positive("lease", lease)
    if heartbeat is not None:
        heartbeat = check_positive("heartbeat", heartbeat)
    if lease is not None and heartbeat is not None and heartbeat > lease / 3:
        raise ValueError(f"heartbeat must be at most a third of the lease: got {heartbeat:g} and {lease:g}")
    return lease, heartbeat


def check_several(what: str, values: Any) -> tuple[Any, ...]:
    """Return what was given as several; a lone one is a mistake."""
    if isinstance(values, (str, bytes, type)):
        raise TypeError(f"{what} takes several, in a tuple or list, not {values!r}")
    return tuple(values)
