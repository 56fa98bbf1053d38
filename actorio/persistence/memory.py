"""A store in memory: for tests, and to try things out. Its content lives as long as the object."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence
from typing import Any

from actorio.errors import ConflictError, StoreError
from actorio.persistence._msgspec import msgspec
from actorio.persistence._rows import (
    ERASED,
    ActorRow,
    EventRow,
    Loaded,
    OffsetRow,
    OnceRow,
    ReminderRow,
    SnapshotRow,
    Write,
    kind_and_key,
    row_name,
)
from actorio.persistence.store import Store

__all__ = ["MemoryStore"]

replace = msgspec.structs.replace


class _Kept:
    """All that is kept of one id."""

    __slots__ = ("events", "head", "once", "reminders", "snapshots")

    def __init__(self, head: ActorRow) -> None:
        self.head = head
        self.events: dict[int, EventRow] = {}
        self.snapshots: dict[int, SnapshotRow] = {}
        self.once: dict[str, OnceRow] = {}
        self.reminders: dict[str, ReminderRow] = {}

    @property
    def holds_something(self) -> bool:
        return bool(self.head.sequence > self.head.erased or self.snapshots or self.once or self.reminders)


class MemoryStore(Store):
    """A store whose content lives as long as this object: a next system can be started on it.

    Args:
        options: as of every `Store`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._kept: dict[str, _Kept] = {}
        self._journal: dict[int, EventRow] = {}
        self._last = 0
        self._offset_rows: dict[str, OffsetRow] = {}

    async def _open(self) -> None:
        """Do nothing: it is there."""

    async def _close(self) -> None:
        """Do nothing: its content stays."""

    # -- writing -----------------------------------------------------------------------------------

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        return [self._carry_out(write) for write in group]

    def _carry_out(self, write: Write) -> int | StoreError:
        kept = self._kept.get(write.durable_id)
        found = 0 if kept is None else kept.head.revision
        if found != write.revision:
            return ConflictError(
                f"{write.durable_id}: another writer was first", write.durable_id, write.revision, found
            )
        if kept is None:
            head = ActorRow(write.durable_id, len(self._kept) + 1, 0, 0)
            kept = self._kept[write.durable_id] = _Kept(head)
        if write.erase:
            self._forget_all(kept, write)
        kept.head = replace(kept.head, sequence=write.sequence, revision=write.revision + 1)
        for event in write.events:
            self._add(kept, event)
        self._keep(kept, write)
        return kept.head.row

    def _add(self, kept: _Kept, event: EventRow) -> None:
        self._last += 1
        row = replace(event, position=self._last)
        kept.events[event.sequence] = self._journal[self._last] = row

    def _forget_all(self, kept: _Kept, write: Write) -> None:
        for event in kept.events.values():
            del self._journal[event.position]
        kept.head = replace(kept.head, deleted=0, erased=write.sequence, erased_at=write.events[0].at)
        for part in (kept.events, kept.snapshots, kept.once, kept.reminders):
            part.clear()

    def _keep(self, kept: _Kept, write: Write) -> None:
        if write.snapshot is not None:
            kept.snapshots[write.snapshot.sequence] = write.snapshot
        for sequence in [one for one in kept.snapshots if one < write.keep_snapshots]:
            del kept.snapshots[sequence]
        if write.delete_through:
            self._delete_events(kept, write.delete_through)
        for once in write.once_dropped:
            kept.once.pop(once, None)
        if write.once is not None:
            kept.once[write.once.once] = write.once
        for key in write.forget:
            kept.reminders.pop(key, None)
        for reminder in write.remind:
            kept.reminders[reminder.key] = reminder

    def _delete_events(self, kept: _Kept, through: int) -> None:
        passed = min(
            (0 if row.reset else row.position for row in self._offset_rows.values()), default=self._last
        )
        gone = [
            event
            for event in kept.events.values()
            if event.sequence <= through and event.position <= passed and event.type != ERASED
        ]
        for event in gone:
            del kept.events[event.sequence]
            del self._journal[event.position]
        if gone:
            kept.head = replace(kept.head, deleted=gone[-1].sequence)

    # -- reading -----------------------------------------------------------------------------------

    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        room, loaded = 1_000, []
        for durable_id in ids:
            kept = self._kept.get(durable_id)
            if kept is None:
                loaded.append(Loaded(None))
                continue
            snapshots = sorted(kept.snapshots.values(), key=lambda row: -row.sequence)
            begin = snapshots[0].sequence if snapshots else kept.head.erased
            events = _page(kept.events, begin, room)
            room -= len(events)
            once = sorted(kept.once.values(), key=lambda row: row.revision)
            reminders = list(kept.reminders.values())
            loaded.append(Loaded(kept.head, snapshots, once, reminders, events, whole=room > 0))
        return loaded

    async def _read(self, durable_id: str, after: int, limit: int) -> Sequence[EventRow]:
        kept = self._kept.get(durable_id)
        return [] if kept is None else _page(kept.events, after, limit)

    async def _read_all(
        self, after: int, limit: int, kinds: Sequence[str], key: str | None, tag: str | None
    ) -> Sequence[EventRow]:
        page: list[EventRow] = []
        for position in range(after + 1, self._last + 1):
            row = self._journal.get(position)
            if row is not None and _is_chosen(row, kinds, key, tag):
                page.append(row)
                if len(page) == limit:
                    break
        return page

    async def _due(self, before: float, limit: int, kinds: Sequence[str]) -> Sequence[tuple[str, float]]:
        due: dict[str, float] = {}
        for durable_id, kept in self._kept.items():
            times = [
                row.next for row in kept.reminders.values() if row.next is not None and row.next <= before
            ]
            if times and kind_and_key(durable_id)[0] in kinds:
                due[durable_id] = min(times)
        return sorted(due.items(), key=lambda one: (one[1], one[0]))[:limit]

    async def _position(self) -> int:
        return self._last

    async def _ids(self, kind: str | None, after: str, limit: int, *, all: bool = False) -> list[str]:
        ids = (
            durable_id
            for durable_id, kept in self._kept.items()
            if durable_id > after
            and (all or kept.holds_something)
            and (kind is None or kind_and_key(durable_id)[0] == kind)
        )
        return sorted(ids)[:limit]

    async def _info(self, durable_id: str) -> tuple[ActorRow | None, int, float | None, float | None]:
        kept = self._kept.get(durable_id)
        if kept is None:
            return None, 0, None, None
        times = [event.at for event in kept.events.values() if event.type != ERASED]
        return kept.head, len(times), min(times, default=None), max(times, default=None)

    # -- projections -------------------------------------------------------------------------------

    async def _offset(self, projection: str) -> OffsetRow | None:
        return self._offset_rows.get(projection)

    async def _commit(
        self,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        if statements:
            raise StoreError(f"{self!r} has no SQL: self.write works with SqliteStore and PostgresStore")
        if self._offset_rows.get(projection) != expected:
            raise ConflictError(f"another projection {projection!r} was first")
        self._offset_rows[projection] = OffsetRow(projection, position)

    async def _offsets(self) -> Sequence[OffsetRow]:
        return list(self._offset_rows.values())

    async def _reset(self, projection: str) -> bool:
        row = self._offset_rows.get(projection)
        if row is not None:
            self._offset_rows[projection] = replace(row, reset=True)
        return row is not None

    async def _drop(self, projection: str) -> bool:
        return self._offset_rows.pop(projection, None) is not None

    # -- looking after it --------------------------------------------------------------------------

    async def _compact(self) -> None:
        """Do nothing: there is no disk."""

    async def _insert(self, rows: Sequence[Any], position: int) -> None:
        for row in rows:
            if isinstance(row, ActorRow):
                _check_new(row, row.durable_id, self._kept)
                self._kept[row.durable_id] = _Kept(replace(row, row=len(self._kept) + 1))
            elif isinstance(row, OffsetRow):
                _check_new(row, row.projection, self._offset_rows)
                self._offset_rows[row.projection] = row
            elif (kept := self._kept.get(row.durable_id)) is None:
                raise ValueError(f"the row of {row.durable_id!r} itself is not before what belongs to it")
            else:
                self._insert_part(kept, row)
        self._last = position

    def _insert_part(self, kept: _Kept, row: Any) -> None:
        if isinstance(row, EventRow):
            _check_new(row, row.position, self._journal)
            _check_new(row, row.sequence, kept.events)
            kept.events[row.sequence] = self._journal[row.position] = row
        elif isinstance(row, SnapshotRow):
            _check_new(row, row.sequence, kept.snapshots)
            kept.snapshots[row.sequence] = row
        elif isinstance(row, OnceRow):
            _check_new(row, row.once, kept.once)
            kept.once[row.once] = row
        else:
            _check_new(row, row.key, kept.reminders)
            kept.reminders[row.key] = row

    async def _clear(self) -> None:
        self._kept, self._journal, self._offset_rows, self._last = {}, {}, {}, 0


def _check_new(row: Any, key: object, known: Container[object]) -> None:
    if key in known:
        raise ValueError(f"{row_name(row)} is there twice")


def _page(events: dict[int, EventRow], after: int, limit: int) -> list[EventRow]:
    order = list(events)  # of their sequences
    begin = bisect_right(order, after)
    return [events[sequence] for sequence in order[begin : begin + limit]]


def _is_chosen(row: EventRow, kinds: Sequence[str], key: str | None, tag: str | None) -> bool:
    kind, own = kind_and_key(row.durable_id)
    if (kinds and kind not in kinds) or (key is not None and own != key):
        return False
    return tag is None or row.type == ERASED or tag in row.tags
