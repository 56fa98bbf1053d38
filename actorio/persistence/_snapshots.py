"""How often the state of an event-sourced actor is written as well."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from actorio._core.checks import check_count, check_instance

__all__ = ["SnapshotEvery"]


@dataclass(frozen=True, slots=True)
class SnapshotEvery:
    """A snapshot in the persist that makes it `events` or more since the last one.

    Attributes:
        events: at least 1.
        keep: how many snapshots are kept, at least 1: where the newest cannot be read, the one before is.
        delete_events: delete the events up to the oldest kept snapshot, once all projections have passed them.
    """

    events: int
    _: KW_ONLY
    keep: int = 2
    delete_events: bool = False

    def __post_init__(self) -> None:
        check_count("events", self.events, least=1)
        check_count("keep", self.keep, least=1)
        check_instance("delete_events", self.delete_events, bool)
