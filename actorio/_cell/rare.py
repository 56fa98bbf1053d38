"""The parts of a cell that most actors never have: kept apart, and made with the first of them.

A field costs each actor 8 bytes and a store in its spawn, and its end a look. One look at `rare` tells that it has none
of all these (the benchmarks `idle`, `fjcreate` and `skynet` pay for it).
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final, Protocol, TypeVar

from actorio.errors import ExitReason

__all__ = ["NOTHING_RARE", "Part", "Rare", "rare_part"]

T = TypeVar("T")


class Part(Protocol[T]):
    """A rare part as a field of its cell, for the type checkers."""

    def __get__(self, cell: Any, kind: type[Any] | None = None) -> T: ...
    def __set__(self, cell: Any, value: T) -> None: ...


class Rare:
    """The rare parts of one cell."""

    __slots__ = (
        "alarm",
        "deferred",
        "ending",
        "errands",
        "failed",
        "failure",
        "incarnation",
        "interrupted",
        "links",
        "notices",
        "parked",
        "start_failed",
        "tasks",
        "watchers",
        "watching",
    )

    def __init__(self) -> None:
        self.alarm = self.deferred = self.errands = self.failure = self.interrupted = None
        self.links = self.notices = self.tasks = self.watchers = self.watching = None
        self.parked = self.start_failed = False
        self.failed = self.incarnation = 0
        self.ending = ExitReason.NORMAL


NOTHING_RARE: Final = Rare()
"""What all cells share that have none of them: nothing is ever put into it."""


def rare_part(name: str) -> Any:
    """Return the descriptor of a rare part, which reads it without a call of a Python function."""
    nothing = getattr(NOTHING_RARE, name)

    def put(cell: Any, value: Any) -> None:
        parts = cell.rare
        if parts is NOTHING_RARE:
            if value is nothing:
                return
            parts = cell.rare = Rare()
        setattr(parts, name, value)

    return property(attrgetter(f"rare.{name}"), put)
