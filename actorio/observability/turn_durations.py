"""How long turns take: one in 64 is measured as it happens, and told to whoever counts them."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actorio._cell.naming import class_name, class_of
from actorio._core.envelope import FAILED
from actorio._core.observer import Observer
from actorio.inspection.rows import kind_of
from actorio.observability.survey import MOST_CLASSES, OTHERS

if TYPE_CHECKING:
    from actorio.errors import ExitReason

__all__ = ["BOUNDS", "ONE_IN", "DurationCounts", "TurnDurations", "answer_error", "error_type"]

ONE_IN = 64
BOUNDS = [
    *(round(digit * 10.0**power, 6) for power in range(-4, 2) for digit in (1, 2.5, 5)),
    100.0,
]
"""The upper bounds of the buckets, in seconds."""

Told = Callable[[float, str, str, str], None]
"""Takes the seconds, the class of the actor, the kind of the message, and the type of the error or nothing."""


class TurnDurations(Observer):
    """Measures one turn in 64."""

    level = "turns"

    def __init__(self, tell: Told) -> None:
        self._tell = tell
        self._count = 0
        self._begun: dict[Any, tuple[Any, float]] = {}

    def begun(self, cell: Any, item: Any) -> None:
        """Look at the clock, if it is the turn of that."""
        self._count += 1
        if not self._count % ONE_IN:
            self._begun[cell] = item, time.perf_counter()

    def ended(self, cell: Any, item: Any) -> None:
        """Tell how long it took."""
        if cell in self._begun:
            self._end(cell, answer_error(item))

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """Tell how long it took to fail."""
        if cell in self._begun:
            self._end(cell, error_type(error))

    def stopped(self, cell: Any, reason: ExitReason) -> None:
        """Tell of a turn that a kill has ended."""
        if cell in self._begun:
            self._end(cell, "killed")

    def _end(self, cell: Any, error: str) -> None:
        item, began = self._begun.pop(cell)
        took = time.perf_counter() - began
        self._tell(took, class_of(cell), kind_of(item), error)


class DurationCounts:
    """The counts of a histogram, for each class, kind of message and type of error: 200 classes, and the others."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str], list[int]] = {}
        self.sums: dict[tuple[str, str, str], float] = {}
        self._classes: set[str] = set()

    def add(self, seconds: float, cls: str, kind: str, error: str) -> None:
        """Count a turn."""
        key = cls, kind, error
        if key not in self.counts:
            key = self._new(key)
        self.counts[key][bisect_left(BOUNDS, seconds)] += 1
        self.sums[key] += seconds

    def _new(self, key: tuple[str, str, str]) -> tuple[str, str, str]:
        cls, kind, error = key
        if cls not in self._classes and len(self._classes) >= MOST_CLASSES:
            key = OTHERS, kind, error
        self._classes.add(cls if key[0] == cls else OTHERS)
        if key not in self.counts:
            self.counts[key], self.sums[key] = [0] * (len(BOUNDS) + 1), 0.0
        return key


def answer_error(item: Any) -> str:
    """Return the type of the exception that was the answer to an item, nothing where it was none."""
    error = getattr(item, "error", None) if getattr(item, "state", None) == FAILED else None
    return "" if error is None else error_type(error)


def error_type(error: BaseException) -> str:
    """Return the name of an exception's class, with its module if that is not `builtins`."""
    return class_name(type(error)).removeprefix("builtins.")
