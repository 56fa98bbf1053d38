"""The changes that one persist or save is about to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actorio.persistence._msgspec import msgspec
from actorio.persistence._rows import EventRow, ReminderRow, SnapshotRow

__all__ = ["Unwritten"]


class Unwritten(msgspec.Struct):
    """The parts of one write, and the state after it."""

    state: Any
    sequence: int
    events: Sequence[EventRow] = ()
    snapshot: SnapshotRow | None = None
    kept: Sequence[int] = ()
    """The sequences of the snapshots that are kept, the new one among them."""
    delete_through: int = 0
    once: tuple[str, bytes] | None = None
    remind: Sequence[ReminderRow] = ()
    forget: Sequence[str] = ()
    in_place: bool = False
    """Whether `apply` has given back the state of before, which may have been changed in place."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to write."""
        return not (self.events or self.remind or self.forget or self.snapshot or self.once)
