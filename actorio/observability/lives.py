"""Observers that count as it happens: ends, failures, restarts, dead letters; turns, where they are timed.

All else is read by the census.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from actorio._cell.naming import class_of
from actorio._core.observer import Observer
from actorio._core.redaction import Redact, hide_secrets
from actorio.inspection.rows import kind_of
from actorio.observability.attention import Restarts
from actorio.observability.letters import Failures, Letters
from actorio.observability.turn_durations import ONE_IN, DurationCounts, answer_error, error_type

if TYPE_CHECKING:
    from actorio.errors import ExitReason
    from actorio.observability.census import Census

__all__ = ["Lives", "TurnTimes"]


_REST = ONE_IN - 1


class Lives(Observer):
    """Counts and keeps what happens to actors; nothing is told per message."""

    level = "lives"

    def __init__(self, census: Census, redact: Redact = hide_secrets) -> None:
        self._census = census
        self.failures = Failures(redact)
        self.letters = Letters()
        self.restarts = Restarts()
        self.restarted_in_all = 0

    def restarted(self, cell: Any) -> None:
        """Note a restart."""
        self.restarted_in_all += 1
        self.restarts.note(class_of(cell), cell.path, time.monotonic())

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """Keep a failure."""
        self.failures.note(cell, message, error)

    def dead_letter(self, cell: Any, message: Any, reason: str) -> None:
        """Keep a dead letter."""
        self.letters.note(cell, message, reason)

    def ended_for_good(self, cell: Any, reason: ExitReason) -> None:
        """Add what the actor has done to the totals."""
        self._census.ended(cell)


class TurnTimes(Observer):
    """Times the first turns of each actor, and then one in 64: the others cost a look at how many it has handled.

    Of the first ones only the very first counts in the histogram, else the actors that have just begun would be most
    of it.
    """

    level = "turns"
    never_raises = True

    def __init__(self) -> None:
        self.durations = DurationCounts()
        self._begun: dict[Any, float] = {}
        self._of: dict[Any, list[float]] = {}

    def begun(self, cell: Any, item: Any) -> None:
        """Note when a turn begins that is to be timed."""
        handled = cell.handled
        if handled & _REST and handled >= ONE_IN:  # written so for speed, as the next one
            return
        self._begun[cell] = time.perf_counter()

    def ended(self, cell: Any, item: Any) -> None:
        """Add the time of a turn."""
        if not self._begun:
            return
        began = self._begun.pop(cell, None)
        if began is None:
            return
        took = time.perf_counter() - began
        if not cell.handled & _REST:
            self.durations.add(took, class_of(cell), kind_of(item), answer_error(item))
        times = self._of.get(cell)
        if times is None:
            self._of[cell] = [1, took, took]
            return
        times[0] += 1
        times[1] += took
        times[2] = max(times[2], took)

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """Count a turn that has failed its actor."""
        self._end(cell, error_type(error))

    def stopped(self, cell: Any, reason: ExitReason) -> None:
        """Count a turn that a kill has ended."""
        self._end(cell, "killed")

    def _end(self, cell: Any, error: str) -> None:
        began = self._begun.pop(cell, None)
        if began is not None and not cell.handled & _REST:
            kind = "send" if cell.envelope is None else kind_of(cell.envelope)
            self.durations.add(time.perf_counter() - began, class_of(cell), kind, error)

    def ended_for_good(self, cell: Any, reason: ExitReason) -> None:
        """Forget an actor."""
        self._begun.pop(cell, None)
        self._of.pop(cell, None)

    def of(self, cell: Any) -> tuple[float | None, float | None]:
        """Return the mean and the longest of an actor's turns; None where none has ended."""
        times = self._of.get(cell)
        return (None, None) if times is None else (times[1] / times[0], times[2])

    def total(self, cell: Any) -> float:
        """Return about how many seconds its turns have taken, in all."""
        mean, _ = self.of(cell)
        return 0.0 if mean is None else mean * max(1, cell.handled)
