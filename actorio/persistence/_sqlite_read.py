"""Reads from SQLite, on the thread of the connection that reads.

Bodies are read as bytes: their checksum is looked at before anybody takes them for text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from time import sleep
from typing import Any

from actorio.errors import DamagedError, RecoveryError, StoreError, StoreUnavailableError
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

__all__ = [
    "due",
    "ids",
    "info",
    "load",
    "lost_heads",
    "offset",
    "offsets",
    "position",
    "problems",
    "read",
    "read_all",
]

_HEAD = (
    "SELECT durable_id, id, sequence, revision, deleted, erased, erased_at FROM actors WHERE durable_id = ?"
)
_EVENTS = (
    "SELECT sequence, type, version, at, crc, CAST(body AS BLOB), tags, position FROM events"
    " WHERE actor = ? AND sequence > ? ORDER BY sequence LIMIT ?"
)
_SNAPSHOTS = (
    "SELECT sequence, type, version, at, crc, CAST(body AS BLOB) FROM snapshots WHERE actor = ?"
    " ORDER BY sequence DESC"
)
_ONCE = "SELECT once, sequence, revision, at, crc, CAST(reply AS BLOB) FROM once WHERE actor = ? ORDER BY revision"
_REMINDERS = (
    "SELECT key, due, next, interval, attempt, type, version, crc, CAST(body AS BLOB) FROM reminders"
    " WHERE actor = ? ORDER BY key"
)
_HOLDS_SOMETHING = (
    "(sequence > erased OR EXISTS (SELECT 1 FROM reminders r WHERE r.actor = actors.id)"
    " OR EXISTS (SELECT 1 FROM once o WHERE o.actor = actors.id)"
    " OR EXISTS (SELECT 1 FROM snapshots s WHERE s.actor = actors.id))"
)
_ROOM = 1_000
_AT_ONCE = 250
"""Rows after which the thread lets go of the GIL, or the loop would wait for a page (performance.md, "The lag")."""


def load(
    connection: sqlite3.Connection,
    ids: Sequence[str],
    has_lost: bool,  # noqa: FBT001
) -> list[Loaded | StoreError]:
    """Load what is stored under each id, as of one moment; at most 1,000 events of all of them.

    An unknown id is new, unless rows of ids are missing: then nobody can tell.
    """
    room, loaded = _ROOM, []
    connection.execute("BEGIN")
    try:
        for durable_id in ids:
            try:
                one: Loaded | StoreError = _load_one(connection, durable_id, room, has_lost=has_lost)
            except sqlite3.Error as error:
                one = read_error(error, durable_id)
            if isinstance(one, Loaded):
                room -= len(one.events)
            loaded.append(one)
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")
    return loaded


def lost_heads(connection: sqlite3.Connection) -> bool:
    """Tell whether rows of `actors` are missing: they are numbered without a gap, and events refer to them."""
    count, last = connection.execute("SELECT count(*), coalesce(max(id), 0) FROM actors").fetchone()
    (referred,) = connection.execute("SELECT coalesce(max(actor), 0) FROM events").fetchone()
    return bool(count != last or referred > last)


def _load_one(connection: sqlite3.Connection, durable_id: str, room: int, *, has_lost: bool) -> Loaded:
    head = _head(connection, durable_id)
    if head is None:
        if has_lost:
            raise DamagedError(
                f"{durable_id}: ids are missing from the store, and this may be one", durable_id
            )
        return Loaded(None)
    if head.durable_id != durable_id:
        raise DamagedError(f"{durable_id}: the database finds {head.durable_id!r} under this id", durable_id)
    row = (head.row,)
    snapshots = [SnapshotRow(durable_id, *one) for one in connection.execute(_SNAPSHOTS, row)]
    once = [OnceRow(durable_id, *one) for one in connection.execute(_ONCE, row)]
    reminders = [ReminderRow(durable_id, *one) for one in connection.execute(_REMINDERS, row)]
    begin = snapshots[0].sequence if snapshots else head.erased
    events = _events(connection, durable_id, head.row, begin, room)
    return Loaded(head, snapshots, once, reminders, events, whole=len(events) < room)


def _head(connection: sqlite3.Connection, durable_id: str) -> ActorRow | None:
    found = connection.execute(_HEAD, (durable_id,)).fetchone()
    return None if found is None else ActorRow(*found)


def _events(
    connection: sqlite3.Connection, durable_id: str, row: int, after: int, limit: int
) -> list[EventRow]:
    found = connection.execute(_EVENTS, (row, after, limit))
    events: list[EventRow] = []
    while rows := found.fetchmany(_AT_ONCE):
        if events:
            sleep(0)
        events += [  # written out: a recovery pays for it, event by event
            EventRow(
                durable_id, sequence, type, version, at, crc, body, _tags(tags) if tags else (), position
            )
            for sequence, type, version, at, crc, body, tags, position in rows
        ]
    return events


def _event(row: tuple[Any, ...]) -> EventRow:
    durable_id, sequence, type, version, at, crc, body, tags, position = row
    return EventRow(durable_id, sequence, type, version, at, crc, body, _tags(tags), position)


def _tags(text: str | None) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()


def read(connection: sqlite3.Connection, durable_id: str, after: int, limit: int) -> list[EventRow]:
    """Read events of an id by sequence."""
    head = _head(connection, durable_id)
    return [] if head is None else _events(connection, durable_id, head.row, after, limit)


def read_all(
    connection: sqlite3.Connection,
    after: int,
    limit: int,
    kinds: Sequence[str],
    key: str | None,
    tag: str | None,
) -> list[EventRow]:
    """Read rows of the journal by position."""
    query = [
        "SELECT a.durable_id, e.sequence, e.type, e.version, e.at, e.crc, CAST(e.body AS BLOB), e.tags, e.position"
        " FROM events e CROSS JOIN actors a ON a.id = e.actor WHERE e.position > ?"
    ]
    values: list[Any] = [after]
    if key is not None:
        query.append("AND e.actor = (SELECT id FROM actors WHERE durable_id = ?)")
        values.append(f"{kinds[0]}/{key}")
    elif kinds:
        query.append(f"AND a.kind IN ({', '.join('?' * len(kinds))})")
        values.extend(kinds)
    if tag is not None:
        query.append(
            "AND e.position IN (SELECT position FROM tags WHERE tag = ? AND position > ?"
            f" UNION ALL SELECT position FROM events WHERE type = '{ERASED}' AND position > ?)"
        )
        values.extend((tag, after, after))
    query.append("ORDER BY e.position LIMIT ?")
    found = connection.execute(" ".join(query), [*values, limit])
    return [_event(row) for row in found]


def due(
    connection: sqlite3.Connection, before: float, limit: int, kinds: Sequence[str]
) -> list[tuple[str, float]]:
    """Return the ids of these kinds with a reminder to be tried by then."""
    found = connection.execute(
        "SELECT a.durable_id, min(r.next) FROM reminders r JOIN actors a ON a.id = r.actor"
        f" WHERE r.next <= ? AND a.kind IN ({', '.join('?' * len(kinds))})"
        " GROUP BY a.id ORDER BY min(r.next), a.durable_id LIMIT ?",
        [before, *kinds, limit],
    )
    return found.fetchall()


def position(connection: sqlite3.Connection) -> int:
    """Return the last position that was drawn."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return 0 if found is None else int(found[0])


def ids(
    connection: sqlite3.Connection,
    kind: str | None,
    after: str,
    limit: int,
    everyone: bool,  # noqa: FBT001
) -> list[str]:
    """Return ids in the order of their code points."""
    query = f"SELECT durable_id FROM actors WHERE durable_id > ? {'' if kind is None else 'AND kind = ?'}"
    if not everyone:
        query += f" AND {_HOLDS_SOMETHING}"
    values = [after, limit] if kind is None else [after, kind, limit]
    return [one for (one,) in connection.execute(f"{query} ORDER BY durable_id LIMIT ?", values)]


def info(
    connection: sqlite3.Connection, durable_id: str
) -> tuple[ActorRow | None, int, float | None, float | None]:
    """Return the head of an id, its number of events, and when the first and the last was written."""
    head = _head(connection, durable_id)
    if head is None:
        return None, 0, None, None
    count, first, last = connection.execute(
        "SELECT count(*), min(at), max(at) FROM events WHERE actor = ? AND type <> ?", (head.row, ERASED)
    ).fetchone()
    return head, count, first, last


def offset(connection: sqlite3.Connection, projection: str) -> OffsetRow | None:
    """Return how far a projection has come."""
    found = connection.execute(
        "SELECT projection, position, reset FROM offsets WHERE projection = ?", (projection,)
    ).fetchone()
    return None if found is None else OffsetRow(found[0], found[1], bool(found[2]))


def offsets(connection: sqlite3.Connection) -> list[OffsetRow]:
    """Return all offsets."""
    found = connection.execute("SELECT projection, position, reset FROM offsets ORDER BY projection")
    return [OffsetRow(name, position, bool(reset)) for name, position, reset in found]


def problems(connection: sqlite3.Connection) -> list[str]:
    """Return what the database itself says is wrong, and rows that belong to nobody."""
    found = [line for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
    if lost_heads(connection):
        found.append("ids are missing")
    for table in ("events", "snapshots", "once", "reminders"):
        (orphans,) = connection.execute(
            f"SELECT count(*) FROM {table} WHERE actor NOT IN (SELECT id FROM actors)"
        ).fetchone()
        if orphans:
            found.append(f"{orphans} rows of {table} belong to no id")
    return found


def read_error(error: sqlite3.Error, durable_id: str | None) -> StoreError:
    """Return what a failed read means: damage, or something else that keeps a state from being read."""
    code = getattr(error, "sqlite_errorcode", None)
    whose = "the store" if durable_id is None else durable_id
    if code is None or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        found: StoreError = DamagedError(f"{whose} is damaged: {error}", durable_id)
    elif code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        found = StoreUnavailableError(f"the database is locked: {error}", durable_id)
    else:
        found = RecoveryError(f"{whose} cannot be read: {error}", durable_id)
    found.__cause__ = error
    return found
