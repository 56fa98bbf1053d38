"""Reading the journal: the events of all actors in the order of their commits, also as they are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic

from actorio._core.typevar import TypeVar
from actorio.errors import DamagedError, RecoveryError
from actorio.persistence._clock import as_datetime
from actorio.persistence._msgspec import msgspec
from actorio.persistence._rows import ERASED, EventRow, kind_and_key

if TYPE_CHECKING:
    from actorio.persistence.store import Store
    from actorio.persistence.stored import StoredTypes

__all__ = ["PAGE", "Filter", "RawEvent", "Recorded", "read_journal", "recorded"]

E_co = TypeVar("E_co", covariant=True, default=Any)

PAGE = 1_000
"""Rows that are read at once."""


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event of whatever class, as it is stored: `data` is its JSON, decoded."""

    type: str
    version: int
    data: Any


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E_co]):
    """An event and where it stands.

    Attributes:
        position: in the journal; grows in the order of commits, over all actors and writers.
        durable_id: of the actor, its kind and its key.
        sequence: of the event in the history of the actor, from 1.
        event: the event.
        at: when it was written, an aware datetime.
        tags: what `tags(event)` gave.
    """

    position: int
    durable_id: str
    kind: str
    key: str
    sequence: int
    event: E_co
    at: datetime
    tags: tuple[str, ...]

    @property
    def event_id(self) -> str:
        """`"Account/ada#7"`: the idempotency key of an effect of this event."""
        return f"{self.durable_id}#{self.sequence}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are read.

    Attributes:
        types: by kind, how its events are decoded; empty: all kinds, not decoded.
        key: of one actor; None: all.
        tag: that they have; None: any.
    """

    types: dict[str, StoredTypes]
    key: str | None = None
    tag: str | None = None


async def read_journal(
    store: Store, chosen: Filter, after: int, *, follow: bool
) -> AsyncIterator[Sequence[EventRow]]:
    """Yield the pages of rows behind a position, those of erases too; with `follow` an empty one before each wait."""
    kinds = tuple(chosen.types)
    while True:
        seen = store._followers.writes
        page = await store._reading(store._read_all, after, PAGE, kinds, chosen.key, chosen.tag)
        if page:
            yield page
            after = page[-1].position
        if len(page) == PAGE:
            continue
        if not follow:
            return
        yield ()
        await store._until_written(seen)


def recorded(row: EventRow, chosen: Filter) -> Recorded[Any]:
    """Return what a row records.

    Raises:
        RecoveryError: of an unknown name, of a higher version, or damaged.
    """
    kind, key = kind_and_key(row.durable_id)
    if not row.is_intact:
        raise DamagedError(
            f"{row.durable_id}, sequence {row.sequence}, position {row.position}: the checksum is wrong",
            row.durable_id,
            row.sequence,
            row.type,
            row.version,
        )
    types = chosen.types.get(kind)
    event: Any
    if types is None:
        event = RawEvent(row.type, row.version, msgspec.json.decode(row.body))
    else:
        try:
            event = types.read(row.durable_id, row.sequence, row.type, row.version, row.body)
        except RecoveryError as error:
            error.args = (f"at position {row.position} of the journal: {error}",)
            raise
    return Recorded(
        row.position, row.durable_id, kind, key, row.sequence, event, as_datetime(row.at), tuple(row.tags)
    )


def is_erasure(row: EventRow) -> bool:
    """Tell whether the row is what an erase has left."""
    return row.type == ERASED
