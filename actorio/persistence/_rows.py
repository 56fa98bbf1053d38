"""The rows of a store, as bytes: events, snapshots, once ids and reminders, and a write of them.

A store knows nothing of classes; durable actors know nothing of tables. These rows are what they talk in.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from actorio.persistence._clock import now
from actorio.persistence._msgspec import msgspec

__all__ = [
    "ERASED",
    "ActorRow",
    "EventRow",
    "Loaded",
    "OffsetRow",
    "OnceRow",
    "ReminderRow",
    "SnapshotRow",
    "Write",
    "checksum",
    "erasure",
    "kind_and_key",
    "once_checksum",
    "reminder_checksum",
    "row_name",
]

ERASED = ""
"""The type of the row that an erase leaves in the journal: no class has that name."""


def checksum(durable_id: str, sequence: int, type: str, version: int, body: bytes) -> int:
    """Return the CRC-32 of an event or a snapshot: of whom it is, what it is, and its body."""
    return zlib.crc32(body, zlib.crc32(f"{durable_id}\0{sequence}\0{type}\0{version}\0".encode()))


def once_checksum(durable_id: str, once: str, sequence: int, reply: bytes) -> int:
    """Return the CRC-32 of what was carried out under a once id."""
    return zlib.crc32(reply, zlib.crc32(f"{durable_id}\0{once}\0{sequence}\0".encode()))


def reminder_checksum(durable_id: str, key: str, interval: float | None, type: str, body: bytes) -> int:
    """Return the CRC-32 of what does not change of a reminder as it is moved on."""
    return zlib.crc32(body, zlib.crc32(f"{durable_id}\0{key}\0{interval}\0{type}\0".encode()))


def kind_and_key(durable_id: str) -> tuple[str, str]:
    """Return the two halves of a durable id."""
    kind, _, key = durable_id.partition("/")
    return kind, key


class ActorRow(msgspec.Struct, frozen=True, gc=False):
    """The head of an id: how far it has come.

    Attributes:
        row: the store's own handle of it.
        revision: counts all writes, sequence only events or saves.
        deleted: events up to here were deleted by retention.
        erased: the sequence of its last erase, 0 when it was never erased.
        erased_at: the time of that.
    """

    durable_id: str
    row: int
    sequence: int
    revision: int
    deleted: int = 0
    erased: int = 0
    erased_at: float | None = None


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """One event; `position` is drawn by the store."""

    durable_id: str
    sequence: int
    type: str
    version: int
    at: float
    crc: int
    body: bytes
    tags: tuple[str, ...] = ()
    position: int = 0

    @property
    def is_intact(self) -> bool:
        """Tell whether its checksum is right."""
        return self.crc == checksum(self.durable_id, self.sequence, self.type, self.version, self.body)


class SnapshotRow(msgspec.Struct, frozen=True, gc=False):
    """The state after an event; of a durable-state actor, the state."""

    durable_id: str
    sequence: int
    type: str
    version: int
    at: float
    crc: int
    body: bytes

    @property
    def is_intact(self) -> bool:
        """Tell whether its checksum is right."""
        return self.crc == checksum(self.durable_id, self.sequence, self.type, self.version, self.body)


class OnceRow(msgspec.Struct, frozen=True, gc=False):
    """The row of what was carried out under a once id; `revision` is that of the write, and orders them."""

    durable_id: str
    once: str
    sequence: int
    revision: int
    at: float
    crc: int
    reply: bytes

    @property
    def is_intact(self) -> bool:
        """Tell whether its checksum is right."""
        return self.crc == once_checksum(self.durable_id, self.once, self.sequence, self.reply)


class ReminderRow(msgspec.Struct, frozen=True, gc=False):
    """A reminder.

    Attributes:
        due: the time that it is set for.
        next: when it is to be tried: `due`, or later after a failure; None when it is parked.
        interval: seconds between two due times, None when there is one.
        attempt: counts the tries of this due time, from 1.
    """

    durable_id: str
    key: str
    due: float
    next: float | None
    interval: float | None
    attempt: int
    type: str
    version: int
    crc: int
    body: bytes

    @property
    def is_intact(self) -> bool:
        """Tell whether its checksum is right."""
        return self.crc == reminder_checksum(
            self.durable_id, self.key, self.interval, f"{self.type}\0{self.version}", self.body
        )


class OffsetRow(msgspec.Struct, frozen=True, gc=False):
    """How far a projection has come; `reset` says that it is to begin anew."""

    projection: str
    position: int
    reset: bool = False


def row_name(row: ActorRow | EventRow | SnapshotRow | OnceRow | ReminderRow | OffsetRow) -> str:
    """Return what a row is of, for people."""
    if isinstance(row, OffsetRow):
        return f"the offset of {row.projection!r}"
    if isinstance(row, ActorRow):
        return f"the head of {row.durable_id!r}"
    if isinstance(row, OnceRow):
        return f"the once id {row.once!r} of {row.durable_id!r}"
    if isinstance(row, ReminderRow):
        return f"the reminder {row.key!r} of {row.durable_id!r}"
    place = f", position {row.position}" if isinstance(row, EventRow) else ""
    return f"the {'event' if place else 'snapshot'} {row.sequence} of {row.durable_id!r}{place}"


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One transaction of one durable actor.

    Attributes:
        revision: that it was computed from; another one stored is a conflict.
        row: the store's handle of the id, 0 when it has none yet.
        sequence: after the write.
        keep_snapshots: snapshots before this sequence go.
        delete_through: events up to this sequence go, as far as every projection has passed them.
        once_dropped: once ids that are too old to be kept.
        erase: everything goes, before the events of this write are stored.
    """

    durable_id: str
    row: int
    revision: int
    sequence: int
    events: Sequence[EventRow] = ()
    snapshot: SnapshotRow | None = None
    keep_snapshots: int = 0
    delete_through: int = 0
    once: OnceRow | None = None
    once_dropped: Sequence[str] = ()
    remind: Sequence[ReminderRow] = ()
    forget: Sequence[str] = ()
    erase: bool = False

    @property
    def size(self) -> int:
        """How many bytes of bodies it has."""
        size = 0 if self.snapshot is None else len(self.snapshot.body)
        for event in self.events:
            size += len(event.body)
        return size


class Loaded(msgspec.Struct, frozen=True):
    """All that is stored under an id but its events, and the first of those after its newest snapshot."""

    head: ActorRow | None
    snapshots: Sequence[SnapshotRow] = ()
    """The newest first."""
    once: Sequence[OnceRow] = ()
    """The oldest first."""
    reminders: Sequence[ReminderRow] = ()
    events: Sequence[EventRow] = ()
    whole: bool = True
    """Whether there are no more events than these."""


def erasure(head: ActorRow) -> Write:
    """Return the write that erases an id."""
    sequence = head.sequence + 1
    crc = checksum(head.durable_id, sequence, ERASED, 0, b"null")
    mark = EventRow(head.durable_id, sequence, ERASED, 0, now(), crc, b"null")
    return Write(
        durable_id=head.durable_id,
        row=head.row,
        revision=head.revision,
        sequence=sequence,
        events=(mark,),
        erase=True,
    )
