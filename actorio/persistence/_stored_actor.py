"""`StoredActor`: what a store tells of one id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from actorio.persistence._clock import as_datetime
from actorio.persistence._rows import ActorRow, Loaded

__all__ = ["StoredActor", "stored_actor"]


@dataclass(frozen=True, slots=True)
class StoredActor:
    """Describes what is stored under a durable id.

    Attributes:
        durable_id: of whom.
        sequence: of its last event or save.
        events: that are stored; those that retention has deleted are not.
        snapshots: that are stored; the state of a durable-state actor is one.
        reminders: that are set, the parked ones too.
        first: when the first of what is stored was written; None when nothing is.
        last: when the last was.
        erased: when it was last erased, None if never.
    """

    durable_id: str
    sequence: int
    events: int
    snapshots: int
    reminders: int
    first: datetime | None
    last: datetime | None
    erased: datetime | None


def stored_actor(
    head: ActorRow, loaded: Loaded, events: int, first: float | None, last: float | None
) -> StoredActor:
    """Describe an id; `events` were counted, and were written between `first` and `last`."""
    times = [time for time in (first, last) if time is not None] + [one.at for one in loaded.snapshots]
    return StoredActor(
        head.durable_id,
        head.sequence,
        events,
        len(loaded.snapshots),
        len(loaded.reminders),
        as_datetime(min(times)) if times else None,
        as_datetime(max(times)) if times else None,
        None if head.erased_at is None else as_datetime(head.erased_at),
    )
