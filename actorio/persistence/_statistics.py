"""The counters of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from actorio.errors import ConflictError

__all__ = ["Counts", "StoreStatistics"]


@dataclass(slots=True)
class StoreStatistics:
    """Counts what a store has done since it was made.

    Attributes:
        groups: transactions of writes.
        writes: persists, saves and the like that were committed.
        events: events that were committed.
        bytes: of their bodies, and of the snapshots.
        largest: writes in the largest group.
        seconds: spent in commits.
        waits: times that a database was away or locked and was waited for.
        conflicts: writes that another writer was ahead of.
        resends: groups that were sent again after a lost connection.
    """

    groups: int = 0
    writes: int = 0
    events: int = 0
    bytes: int = 0
    largest: int = 0
    seconds: float = 0.0
    waits: int = 0
    conflicts: int = 0
    resends: int = 0


class Counts(StoreStatistics):
    """The counters of a store as it counts."""

    def group(self, group: Sequence[Any], outcomes: Sequence[object], seconds: float) -> None:
        """Count a group that has ended."""
        self.groups += 1
        self.seconds += seconds
        self.largest = max(self.largest, len(group))
        for pending, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, int):
                self.writes += 1
                self.events += len(pending.write.events)
                self.bytes += pending.size
            elif isinstance(outcome, ConflictError):
                self.conflicts += 1

    def picture(self) -> StoreStatistics:
        """Return them as they are now."""
        return replace(StoreStatistics(), **{name: getattr(self, name) for name in StoreStatistics.__slots__})
