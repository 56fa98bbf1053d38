"""Reads from PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from actorio.persistence._rows import (
    ERASED,
    ActorRow,
    EventRow,
    Loaded,
    OffsetRow,
    OnceRow,
    ReminderRow,
    SnapshotRow,
)

__all__ = ["PostgresReader"]

_ROOM = 1_000


class PostgresReader:
    """The queries of one schema."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._head = (
            "SELECT durable_id, id, sequence, revision, deleted, erased, erased_at"
            f" FROM {schema}.actors WHERE durable_id = ANY($1)"
        )

    # -- one id ------------------------------------------------------------------------------------

    async def load(self, connection: Any, ids: Sequence[str]) -> list[Loaded]:
        """Load what is stored under each id, as of one moment; at most 1,000 events of all of them."""
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            heads = {
                row["durable_id"]: ActorRow(*row) for row in await connection.fetch(self._head, list(ids))
            }
            names = {head.row: head.durable_id for head in heads.values()}
            snapshots = await self._parts(connection, names, SnapshotRow, "snapshots", "sequence DESC")
            once = await self._parts(connection, names, OnceRow, "once", "revision")
            reminders = await self._parts(connection, names, ReminderRow, "reminders", "key")
            order = [heads[one] for one in ids if one in heads]
            begins = [
                snapshots[head.row][0].sequence if snapshots[head.row] else head.erased for head in order
            ]
            events, last = await self._first_events(connection, names, order, begins)
        number = {head.row: place for place, head in enumerate(order)}
        loaded = []
        for durable_id in ids:
            head = heads.get(durable_id)
            if head is None:
                loaded.append(Loaded(None))
                continue
            row, whole = head.row, last is None or number[head.row] < last
            loaded.append(Loaded(head, snapshots[row], once[row], reminders[row], events[row], whole))
        return loaded

    async def _parts(
        self, connection: Any, names: dict[int, str], kind: type[Any], table: str, order: str
    ) -> dict[int, list[Any]]:
        columns = ", ".join(kind.__struct_fields__[1:])
        found = await connection.fetch(
            f"SELECT actor, {columns} FROM {self._schema}.{table} WHERE actor = ANY($1) ORDER BY actor, {order}",
            list(names),
        )
        parts: dict[int, list[Any]] = defaultdict(list)
        for row in found:
            *values, body = row.values()
            parts[row["actor"]].append(kind(names[row["actor"]], *values[1:], body.encode()))
        return parts

    async def _first_events(
        self, connection: Any, names: dict[int, str], heads: Sequence[ActorRow], begins: Sequence[int]
    ) -> tuple[dict[int, list[EventRow]], int | None]:
        """Return events by row, and, where there are more, the number of the first head that lacks some."""
        found = await connection.fetch(
            "SELECT h.number, e.* FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS h (actor, begin, number)"
            " CROSS JOIN LATERAL (SELECT actor, sequence, type, version, at, crc, body, tags, position"
            f" FROM {self._schema}.events WHERE actor = h.actor AND sequence > h.begin ORDER BY sequence LIMIT {_ROOM})"
            f" AS e ORDER BY h.number, e.sequence LIMIT {_ROOM}",
            [head.row for head in heads],
            list(begins),
        )
        events: dict[int, list[EventRow]] = defaultdict(list)
        for row in found:
            events[row["actor"]].append(_event(names[row["actor"]], row))
        return events, found[-1]["number"] - 1 if len(found) == _ROOM else None

    async def read(self, connection: Any, durable_id: str, after: int, limit: int) -> list[EventRow]:
        """Read events of an id by sequence."""
        s = self._schema
        found = await connection.fetch(
            f"SELECT sequence, type, version, at, crc, body, tags, position FROM {s}.events"
            f" WHERE actor = (SELECT id FROM {s}.actors WHERE durable_id = $1) AND sequence > $2"
            " ORDER BY sequence LIMIT $3",
            durable_id,
            after,
            limit,
        )
        return [_event(durable_id, row) for row in found]

    async def info(
        self, connection: Any, durable_id: str
    ) -> tuple[ActorRow | None, int, float | None, float | None]:
        """Return the head of an id, its number of events, and when the first and the last was written."""
        head = await connection.fetchrow(self._head, [durable_id])
        if head is None:
            return None, 0, None, None
        count, first, last = await connection.fetchrow(
            f"SELECT count(*), min(at), max(at) FROM {self._schema}.events WHERE actor = $1 AND type <> $2",
            head["id"],
            ERASED,
        )
        return ActorRow(*head), count, first, last

    # -- all ids -----------------------------------------------------------------------------------

    async def read_all(
        self,
        connection: Any,
        after: int,
        limit: int,
        kinds: Sequence[str],
        key: str | None,
        tag: str | None,
    ) -> list[EventRow]:
        """Read rows of the journal by position."""
        s = self._schema
        query = [
            f"SELECT a.durable_id, e.* FROM {s}.events e JOIN {s}.actors a ON a.id = e.actor WHERE e.position > $1"
        ]
        values: list[Any] = [after, limit]
        if key is not None:
            values.append(f"{kinds[0]}/{key}")
            query.append(f"AND e.actor = (SELECT id FROM {s}.actors WHERE durable_id = ${len(values)})")
        elif kinds:
            values.append(list(kinds))
            query.append(f"AND a.kind = ANY(${len(values)})")
        if tag is not None:
            values.append([tag])
            query.append(f"AND (e.tags @> ${len(values)} OR e.type = '{ERASED}')")
        query.append("ORDER BY e.position LIMIT $2")
        return [_event(row["durable_id"], row) for row in await connection.fetch(" ".join(query), *values)]

    async def due(
        self, connection: Any, before: float, limit: int, kinds: Sequence[str]
    ) -> list[tuple[str, float]]:
        """Return the ids of these kinds with a reminder to be tried by then."""
        s = self._schema
        found = await connection.fetch(
            f"SELECT a.durable_id, min(r.next) AS next FROM {s}.reminders r JOIN {s}.actors a ON a.id = r.actor"
            " WHERE r.next <= $1 AND a.kind = ANY($2) GROUP BY a.id ORDER BY min(r.next), a.durable_id LIMIT $3",
            before,
            list(kinds),
            limit,
        )
        return [(row["durable_id"], row["next"]) for row in found]

    async def position(self, connection: Any) -> int:
        """Return the last position that was committed; the sequence itself may be ahead of it."""
        s = self._schema
        found: int = await connection.fetchval(
            f"SELECT greatest((SELECT coalesce(max(position), 0) FROM {s}.events), (SELECT position FROM {s}.meta))"
        )
        return found

    async def ids(
        self, connection: Any, kind: str | None, after: str, limit: int, *, everyone: bool
    ) -> list[str]:
        """Return ids in the order of their code points."""
        s = self._schema
        holds = (
            ""
            if everyone
            else " AND (sequence > erased"
            + "".join(
                f" OR EXISTS (SELECT 1 FROM {s}.{table} p WHERE p.actor = a.id)"
                for table in ("reminders", "once", "snapshots")
            )
            + ")"
        )
        found = await connection.fetch(
            f"SELECT durable_id FROM {s}.actors a WHERE durable_id > $1 AND ($2::text IS NULL OR kind = $2){holds}"
            " ORDER BY durable_id LIMIT $3",
            after,
            kind,
            limit,
        )
        return [row["durable_id"] for row in found]

    async def offsets(self, connection: Any, projection: str | None) -> list[OffsetRow]:
        """Return one offset, or all."""
        found = await connection.fetch(
            f"SELECT projection, position, reset FROM {self._schema}.offsets"
            " WHERE $1::text IS NULL OR projection = $1 ORDER BY projection",
            projection,
        )
        return [OffsetRow(*row) for row in found]

    async def problems(self, connection: Any) -> list[str]:
        """Return rows that belong to nobody."""
        found = []
        for table in ("events", "snapshots", "once", "reminders"):
            orphans = await connection.fetchval(
                f"SELECT count(*) FROM {self._schema}.{table} p"
                f" WHERE NOT EXISTS (SELECT 1 FROM {self._schema}.actors a WHERE a.id = p.actor)"
            )
            if orphans:
                found.append(f"{orphans} rows of {table} belong to no id")
        return found


def _event(durable_id: str, row: Any) -> EventRow:
    return EventRow(
        durable_id,
        row["sequence"],
        row["type"],
        row["version"],
        row["at"],
        row["crc"],
        row["body"].encode(),
        tuple(row["tags"] or ()),
        row["position"],
    )
