"""The settings that a node was made with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from actorio._core.checks import check_duration

__all__ = ["Settings", "check_lease", "check_positive", "check_several", "check_word"]

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


def check_word(name: str, what: str) -> str:
    """Return a name of a node or a cluster; raises `TypeError` or `ValueError` where it is none."""
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str, not {type(name).__name__}")
    if not _WORD.fullmatch(name):
        raise ValueError(f"{what} has 1 to 64 letters, digits, '-' and '_': got {name!r}")
    return name


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
