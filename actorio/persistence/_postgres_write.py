"""How a group of writes becomes one transaction of PostgreSQL: arrays that the server unnests, not a row a trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actorio.errors import ConflictError, StoreError
from actorio.persistence._rows import (
    ERASED,
    ActorRow,
    EventRow,
    OffsetRow,
    OnceRow,
    ReminderRow,
    SnapshotRow,
    Write,
    kind_and_key,
    row_name,
)

__all__ = ["PostgresWriter"]

_UNIQUE_VIOLATION = "23505"


class PostgresWriter:
    """The statements of one schema."""

    def __init__(self, schema: str) -> None:
        self._schema = s = schema
        self._advance = (
            f"UPDATE {s}.actors a SET sequence = w.sequence, revision = a.revision + 1"
            " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS w (id, revision, sequence)"
            " WHERE a.id = w.id AND a.revision = w.revision RETURNING a.durable_id, a.id"
        )
        self._new = (
            f"INSERT INTO {s}.actors (durable_id, kind, sequence, revision)"
            " SELECT durable_id, kind, sequence, 1 FROM unnest($1::text[], $2::text[], $3::bigint[])"
            " AS w (durable_id, kind, sequence) ON CONFLICT (durable_id) DO NOTHING RETURNING durable_id, id"
        )
        # The order by number is that of the positions.
        self._events = (
            f"INSERT INTO {s}.events (actor, sequence, type, version, at, crc, body)"
            " SELECT actor, sequence, type, version, at, crc, body FROM unnest($1::bigint[], $2::bigint[], $3::text[],"
            " $4::integer[], $5::double precision[], $6::bigint[], $7::text[]) WITH ORDINALITY"
            " AS w (actor, sequence, type, version, at, crc, body, number) ORDER BY number"
        )
        self._tags = f"UPDATE {s}.events SET tags = $3 WHERE actor = $1 AND sequence = $2"
        self._snapshot = (
            f"INSERT INTO {s}.snapshots VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (actor, sequence) DO UPDATE"
            " SET type = excluded.type, version = excluded.version, at = excluded.at, crc = excluded.crc,"
            " body = excluded.body"
        )
        self._once = f"INSERT INTO {s}.once VALUES ($1, $2, $3, $4, $5, $6, $7)"
        self._reminder = (
            f"INSERT INTO {s}.reminders VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " ON CONFLICT (actor, key) DO UPDATE SET due = excluded.due, next = excluded.next,"
            " interval = excluded.interval, attempt = excluded.attempt, type = excluded.type,"
            " version = excluded.version, crc = excluded.crc, body = excluded.body"
        )

    async def write_group(self, connection: Any, group: Sequence[Write]) -> list[int | StoreError]:
        """Carry out a group inside of a transaction: those writes whose head is where they expect it."""
        rows = await self._advanced(connection, group)
        written = [(write, row) for write, row in zip(group, rows, strict=True) if row]
        await self._store_parts(connection, [write for write, _ in written], [row for _, row in written])
        return [
            row or await self._conflict(connection, write) for write, row in zip(group, rows, strict=True)
        ]

    async def _conflict(self, connection: Any, write: Write) -> ConflictError:
        found = await connection.fetchval(
            f"SELECT revision FROM {self._schema}.actors WHERE durable_id = $1", write.durable_id
        )
        return ConflictError(
            f"{write.durable_id}: another writer was first", write.durable_id, write.revision, found or 0
        )

    async def _advanced(self, connection: Any, group: Sequence[Write]) -> list[int]:
        """Move the heads on that are where their write expects them; returns their rows, 0 for the others."""
        known = [write for write in group if write.row]
        new = [write for write in group if not write.row and not write.revision]
        moved: Sequence[Any] = ()
        made: Sequence[Any] = ()
        if known:
            moved = await connection.fetch(
                self._advance,
                [write.row for write in known],
                [write.revision for write in known],
                [write.sequence for write in known],
            )
        if new:
            ids = [write.durable_id for write in new]
            made = await connection.fetch(
                self._new, ids, [kind_and_key(one)[0] for one in ids], [write.sequence for write in new]
            )
        rows = {row["durable_id"]: row["id"] for row in (*moved, *made)}
        return [rows.get(write.durable_id, 0) for write in group]

    async def _store_parts(self, connection: Any, group: Sequence[Write], rows: Sequence[int]) -> None:
        for write, row in zip(group, rows, strict=True):
            if write.erase:
                await self._erase(connection, write, row)
        await self._store_events(connection, group, rows)
        for write, row in zip(group, rows, strict=True):
            if write.snapshot is not None or write.delete_through:
                await self._store_snapshot(connection, write, row)
            if write.once is not None:
                await self._store_once(connection, write, row)
            if write.remind or write.forget:
                await self._store_reminders(connection, write, row)

    async def _store_events(self, connection: Any, group: Sequence[Write], rows: Sequence[int]) -> None:
        pairs = [(row, one) for write, row in zip(group, rows, strict=True) for one in write.events]
        if not pairs:
            return
        events = [one for _, one in pairs]
        await connection.execute(
            self._events,
            [row for row, _ in pairs],
            [one.sequence for one in events],
            [one.type for one in events],
            [one.version for one in events],
            [one.at for one in events],
            [one.crc for one in events],
            [one.body.decode() for one in events],
        )
        tagged = [(row, one.sequence, list(one.tags)) for row, one in pairs if one.tags]
        if tagged:
            await connection.executemany(self._tags, tagged)

    async def _erase(self, connection: Any, write: Write, row: int) -> None:
        for table in ("events", "snapshots", "once", "reminders"):
            await connection.execute(f"DELETE FROM {self._schema}.{table} WHERE actor = $1", row)
        await connection.execute(
            f"UPDATE {self._schema}.actors SET deleted = 0, erased = $2, erased_at = $3 WHERE id = $1",
            row,
            write.sequence,
            write.events[0].at,
        )

    async def _store_snapshot(self, connection: Any, write: Write, row: int) -> None:
        if write.snapshot is not None:
            await connection.execute(self._snapshot, *_snapshot_values(row, write.snapshot))
        await connection.execute(
            f"DELETE FROM {self._schema}.snapshots WHERE actor = $1 AND sequence < $2",
            row,
            write.keep_snapshots,
        )
        if write.delete_through:
            await self._delete_events(connection, row, write.delete_through)

    async def _delete_events(self, connection: Any, row: int, through: int) -> None:
        """Delete events that are in a snapshot, as far as every projection has passed them."""
        s = self._schema
        gone = await connection.fetchrow(
            f"WITH gone AS (DELETE FROM {s}.events WHERE actor = $1 AND sequence <= $2 AND type <> $3 AND position <="
            f" coalesce((SELECT min(CASE WHEN reset THEN 0 ELSE position END) FROM {s}.offsets), 9223372036854775807)"
            " RETURNING sequence, position) SELECT max(sequence) AS sequence, max(position) AS position FROM gone",
            row,
            through,
            ERASED,
        )
        if gone["sequence"] is not None:
            await connection.execute(
                f"UPDATE {s}.actors SET deleted = $2 WHERE id = $1", row, gone["sequence"]
            )
            await connection.execute(
                f"UPDATE {s}.meta SET position = greatest(position, $1)", gone["position"]
            )

    async def _store_once(self, connection: Any, write: Write, row: int) -> None:
        assert write.once is not None
        if write.once_dropped:
            await connection.execute(
                f"DELETE FROM {self._schema}.once WHERE actor = $1 AND once = ANY($2)",
                row,
                list(write.once_dropped),
            )
        await connection.execute(self._once, *_once_values(row, write.once))

    async def _store_reminders(self, connection: Any, write: Write, row: int) -> None:
        if write.forget:
            await connection.execute(
                f"DELETE FROM {self._schema}.reminders WHERE actor = $1 AND key = ANY($2)",
                row,
                list(write.forget),
            )
        if write.remind:
            await connection.executemany(self._reminder, [_reminder_values(row, one) for one in write.remind])

    # -- import ------------------------------------------------------------------------------------

    async def insert_rows(self, connection: Any, rows: Sequence[Any], position: int) -> None:
        """Store the rows of an import as they are."""
        s = self._schema
        for row in rows:
            try:
                await self._insert(connection, row)
            except Exception as error:
                if getattr(error, "sqlstate", None) == _UNIQUE_VIOLATION:
                    raise ValueError(f"{row_name(row)} is there twice") from error
                raise
        await connection.execute(f"UPDATE {s}.meta SET position = $1", position)
        if position:
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{s}.events', 'position'), $1)", position
            )

    async def _insert(self, connection: Any, one: Any) -> None:
        s = self._schema
        if isinstance(one, ActorRow):
            head = (one.durable_id, kind_and_key(one.durable_id)[0], one.sequence, one.revision)
            await connection.execute(
                f"INSERT INTO {s}.actors (durable_id, kind, sequence, revision, deleted, erased, erased_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                *head,
                one.deleted,
                one.erased,
                one.erased_at,
            )
        elif isinstance(one, OffsetRow):
            await connection.execute(
                f"INSERT INTO {s}.offsets VALUES ($1, $2, $3)", one.projection, one.position, one.reset
            )
        else:
            row = await connection.fetchval(
                f"SELECT id FROM {s}.actors WHERE durable_id = $1", one.durable_id
            )
            if row is None:
                raise ValueError(f"the row of {one.durable_id!r} itself is not before what belongs to it")
            await self._insert_part(connection, row, one)

    async def _insert_part(self, connection: Any, row: int, one: Any) -> None:
        if isinstance(one, EventRow):
            await connection.execute(
                f"INSERT INTO {self._schema}.events (position, actor, sequence, type, version, at, crc, body, tags)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                one.position,
                *_snapshot_values(row, one),
                list(one.tags) or None,
            )
        elif isinstance(one, SnapshotRow):
            await connection.execute(_at_first(self._snapshot), *_snapshot_values(row, one))
        elif isinstance(one, OnceRow):
            await connection.execute(self._once, *_once_values(row, one))
        else:
            await connection.execute(_at_first(self._reminder), *_reminder_values(row, one))


def _at_first(statement: str) -> str:
    """Return a statement that does not replace a row that is there."""
    return statement.partition(" ON CONFLICT")[0]


def _snapshot_values(row: int, one: SnapshotRow | EventRow) -> tuple[Any, ...]:
    return row, one.sequence, one.type, one.version, one.at, one.crc, one.body.decode()


def _once_values(row: int, one: OnceRow) -> tuple[Any, ...]:
    return row, one.once, one.sequence, one.revision, one.at, one.crc, one.reply.decode()


def _reminder_values(row: int, one: ReminderRow) -> tuple[Any, ...]:
    times = (one.due, one.next, one.interval, one.attempt)
    return row, one.key, *times, one.type, one.version, one.crc, one.body.decode()
