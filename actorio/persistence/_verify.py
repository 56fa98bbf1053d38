"""`store.verify()`: reads every row, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actorio.errors import StoreError
from actorio.persistence._rows import ActorRow, Loaded

if TYPE_CHECKING:
    from actorio.persistence.store import Store

__all__ = ["Problem", "Report", "all_ids", "verify"]

Problem = tuple[str, int | None, str]
"""The durable id (empty: the store itself), the sequence where it is about one, and what is wrong."""
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of `verify`: how many ids and events it has read, and each problem as `(id, sequence, what)`."""

    ids: int
    events: int
    problems: tuple[Problem, ...]


async def all_ids(store: Store) -> AsyncIterator[str]:
    """Yield every id that was ever written under, in order."""
    after = ""
    while page := await store._reading(store._ids, None, after, _PAGE, all=True):
        for durable_id in page:
            yield durable_id
        after = page[-1]


async def verify(store: Store) -> Report:
    """Read every row."""
    ids = events = 0
    problems: list[Problem] = [("", None, what) for what in await store._reading(store._problems)]
    async for durable_id in all_ids(store):
        ids += 1
        try:
            events += await _verify_id(store, durable_id, problems)
        except StoreError as error:
            problems.append((durable_id, getattr(error, "sequence", None), str(error)))
    return Report(ids, events, tuple(problems))


async def _verify_id(store: Store, durable_id: str, problems: list[Problem]) -> int:
    loaded = await store._loaded(durable_id)
    head = loaded.head
    if head is None:
        problems.append((durable_id, None, "it is listed, and not found"))
        return 0
    _verify_parts(durable_id, loaded, problems)
    is_state = any(row.sequence == head.sequence for row in loaded.snapshots)
    return await _verify_events(store, head, problems, is_state=is_state)


def _verify_parts(durable_id: str, loaded: Loaded, problems: list[Problem]) -> None:
    for name, rows in (("snapshot", loaded.snapshots), ("once id", loaded.once)):
        problems.extend(
            (durable_id, row.sequence, f"the checksum of a {name} is wrong")
            for row in rows
            if not row.is_intact
        )
    problems.extend(
        (durable_id, None, f"the checksum of the reminder {row.key!r} is wrong")
        for row in loaded.reminders
        if not row.is_intact
    )


async def _verify_events(store: Store, head: ActorRow, problems: list[Problem], *, is_state: bool) -> int:
    """Read the events of an id; a durable-state actor has none, and its state in place of them."""
    durable_id, count = head.durable_id, 0
    begin = max(head.deleted, head.erased)
    last = begin
    after = begin - 1 if head.erased == begin and begin else begin  # the mark of the erase, too
    while page := await store._reading(store._read, durable_id, after, _PAGE):
        for row in page:
            if row.sequence > last + 1:
                problems.append((durable_id, last + 1, "the event is missing"))
            if not row.is_intact:
                problems.append((durable_id, row.sequence, "the checksum of the event is wrong"))
            last = max(last, row.sequence)
        count += sum(row.sequence > begin for row in page)
        after = page[-1].sequence
    if last != head.sequence and not (is_state and count == 0):
        problems.append((durable_id, last, f"the last event; the last sequence is stored as {head.sequence}"))
    return count
