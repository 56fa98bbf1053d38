"""How a group of writes becomes one transaction of SQLite. Runs on the thread of the connection that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from actorio.errors import ConflictError, StoreError
from actorio.persistence._rows import ERASED, EventRow, OffsetRow, ReminderRow, Write, kind_and_key, row_name
from actorio.persistence._sqlite_schema import TABLES

__all__ = ["clear", "commit", "count", "insert_rows", "truncate_wal", "vacuum", "write_group"]

_ADVANCE = "UPDATE actors SET sequence = ?, revision = revision + 1 WHERE id = ? AND revision = ?"
_ADVANCE_ALL = (
    "UPDATE actors SET sequence = w.column1, revision = revision + 1 FROM (VALUES {}) AS w"
    " WHERE id = w.column2 AND revision = w.column3"
)
_NEW = "INSERT INTO actors (id, durable_id, kind, sequence, revision) VALUES {} ON CONFLICT DO NOTHING"
_EVENT = "INSERT INTO events (actor, sequence, type, version, at, crc, body, tags) VALUES {}"
_TAG = "INSERT INTO tags (tag, position) SELECT ?, position FROM events WHERE actor = ? AND sequence = ?"
_SNAPSHOT = "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?)"
_ONCE = "INSERT INTO once VALUES (?, ?, ?, ?, ?, ?, ?)"
_REMINDER = "INSERT OR REPLACE INTO reminders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

# Few, so that the statements stay prepared. `UPDATE ... FROM` is of SQLite 3.33.
_SIZES = (256, 64, 16, 4, 2) if sqlite3.sqlite_version_info >= (3, 33) else ()


def write_group(connection: sqlite3.Connection, group: Sequence[Write]) -> list[int | StoreError]:
    """Carry out a group in one transaction; where one of its writes is in conflict, each by itself within it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        outcomes: list[int | StoreError] = list(_advance(connection, group))
        if len(outcomes) == len(group):
            _store_parts(connection, group, outcomes)
        else:
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [_write_one(connection, write) for write in group]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _write_one(connection: sqlite3.Connection, write: Write) -> int | StoreError:
    rows = _advance(connection, [write])
    if not rows:  # nothing of it was stored
        found = connection.execute(
            "SELECT revision FROM actors WHERE durable_id = ?", (write.durable_id,)
        ).fetchone()
        return ConflictError(
            f"{write.durable_id}: another writer was first",
            write.durable_id,
            write.revision,
            0 if found is None else found[0],
        )
    _store_parts(connection, [write], rows)
    return rows[0]


def _advance(connection: sqlite3.Connection, group: Sequence[Write]) -> list[int]:
    """Move the heads on, if each is where its write expects it; returns their rows, fewer if any is not."""
    known = [(write.sequence, write.row, write.revision) for write in group if write.row]
    new = [write for write in group if not write.row]
    if known and _carry_out(connection, _ADVANCE_ALL, known, by_one=_ADVANCE) != len(known):
        return []
    if not new:
        return [write.row for write in group]
    if any(write.revision for write in new):
        return []
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM actors").fetchone()
    rows = {write.durable_id: last + number for number, write in enumerate(new, 1)}
    heads = [
        (rows[write.durable_id], write.durable_id, kind_and_key(write.durable_id)[0], write.sequence, 1)
        for write in new
    ]
    if _carry_out(connection, _NEW, heads) != len(new):
        return []
    return [write.row or rows[write.durable_id] for write in group]


def _carry_out(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]], by_one: str = ""
) -> int:
    """Carry out a statement for all rows, and return how many it has changed.

    `executemany` lets go of the GIL at each row, and waits for it: up to 5 ms while the loop is busy. So many rows
    go into one statement.
    """
    changed = at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            values = tuple(chain.from_iterable(rows[at : at + size]))
            changed += connection.execute(_for_rows(statement, size, len(rows[0])), values).rowcount
            at += size
    if at < len(rows):
        by_one = by_one or _for_rows(statement, 1, len(rows[0]))
        changed += connection.executemany(by_one, rows[at:]).rowcount
    return changed


@cache
def _for_rows(statement: str, rows: int, columns: int) -> str:
    one = f"({', '.join('?' * columns)})"
    return statement.format(", ".join([one] * rows))


def _store_parts(connection: sqlite3.Connection, group: Sequence[Write], rows: Sequence[Any]) -> None:
    for write, row in zip(group, rows, strict=True):
        if write.erase:
            _erase(connection, write, row)
    events = [
        (
            row,
            one.sequence,
            one.type,
            one.version,
            one.at,
            one.crc,
            one.body.decode(),
            "\n".join(one.tags) or None,
        )
        for write, row in zip(group, rows, strict=True)
        for one in write.events
    ]
    if events:
        _carry_out(connection, _EVENT, events)
    for write, row in zip(group, rows, strict=True):
        for event in write.events:
            if event.tags:
                connection.executemany(
                    _TAG, [(tag, row, event.sequence) for tag in dict.fromkeys(event.tags)]
                )
        if write.snapshot is not None or write.delete_through:
            _store_snapshot(connection, write, row)
        if write.once is not None:
            _store_once(connection, write, row)
        if write.remind or write.forget:
            _store_reminders(connection, write, row)


def _body_and_tags(one: EventRow) -> tuple[str, str | None]:
    return one.body.decode(), "\n".join(one.tags) or None


def _erase(connection: sqlite3.Connection, write: Write, row: int) -> None:
    connection.execute(
        "DELETE FROM tags WHERE position IN (SELECT position FROM events WHERE actor = ?)", (row,)
    )
    for table in ("events", "snapshots", "once", "reminders"):
        connection.execute(f"DELETE FROM {table} WHERE actor = ?", (row,))
    connection.execute(
        "UPDATE actors SET deleted = 0, erased = ?, erased_at = ? WHERE id = ?",
        (write.sequence, write.events[0].at, row),
    )


def _store_snapshot(connection: sqlite3.Connection, write: Write, row: int) -> None:
    one = write.snapshot
    if one is not None:
        connection.execute(
            _SNAPSHOT, (row, one.sequence, one.type, one.version, one.at, one.crc, one.body.decode())
        )
    connection.execute("DELETE FROM snapshots WHERE actor = ? AND sequence < ?", (row, write.keep_snapshots))
    if write.delete_through:
        _delete_events(connection, row, write.delete_through)


def _delete_events(connection: sqlite3.Connection, row: int, through: int) -> None:
    """Delete events that are in a snapshot, as far as every projection has passed them."""
    (passed,) = connection.execute(
        "SELECT min(CASE WHEN reset THEN 0 ELSE position END) FROM offsets"
    ).fetchone()
    limit = 2**63 - 1 if passed is None else passed
    (last,) = connection.execute(
        "SELECT max(sequence) FROM events WHERE actor = ? AND sequence <= ? AND position <= ? AND type <> ?",
        (row, through, limit, ERASED),
    ).fetchone()
    if last is not None:
        gone = (row, last, ERASED)
        which = "FROM events WHERE actor = ? AND sequence <= ? AND type <> ?"
        connection.execute(f"DELETE FROM tags WHERE position IN (SELECT position {which})", gone)
        connection.execute(f"DELETE {which}", gone)
        connection.execute("UPDATE actors SET deleted = ? WHERE id = ?", (last, row))


def _store_once(connection: sqlite3.Connection, write: Write, row: int) -> None:
    one = write.once
    assert one is not None
    connection.executemany(
        "DELETE FROM once WHERE actor = ? AND once = ?", [(row, once) for once in write.once_dropped]
    )
    connection.execute(
        _ONCE, (row, one.once, one.sequence, one.revision, one.at, one.crc, one.reply.decode())
    )


def _store_reminders(connection: sqlite3.Connection, write: Write, row: int) -> None:
    connection.executemany(
        "DELETE FROM reminders WHERE actor = ? AND key = ?", [(row, key) for key in write.forget]
    )
    connection.executemany(
        _REMINDER,
        [
            (row, one.key, one.due, one.next, one.interval, *_tried(one), one.crc, one.body.decode())
            for one in write.remind
        ],
    )


def _tried(one: ReminderRow) -> tuple[int, str, int]:
    return one.attempt, one.type, one.version


def insert_rows(connection: sqlite3.Connection, rows: Sequence[Any], position: int) -> None:
    """Store the rows of an import as they are."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for row in rows:
            try:
                _INSERTS[type(row).__name__](connection, row)
            except sqlite3.IntegrityError as error:
                raise ValueError(f"{row_name(row)} is there twice") from error
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (position,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _row_of(connection: sqlite3.Connection, durable_id: str) -> int:
    found = connection.execute("SELECT id FROM actors WHERE durable_id = ?", (durable_id,)).fetchone()
    if found is None:
        raise ValueError(f"the row of {durable_id!r} itself is not before what belongs to it")
    return int(found[0])


def _insert_actor(connection: sqlite3.Connection, one: Any) -> None:
    fields = (one.durable_id, kind_and_key(one.durable_id)[0], one.sequence, one.revision)
    connection.execute(
        "INSERT INTO actors (durable_id, kind, sequence, revision, deleted, erased, erased_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*fields, one.deleted, one.erased, one.erased_at),
    )


def _insert_event(connection: sqlite3.Connection, one: Any) -> None:
    row = _row_of(connection, one.durable_id)
    connection.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (one.position, row, one.sequence, one.type, one.version, one.at, one.crc, *_body_and_tags(one)),
    )
    connection.executemany(_TAG, [(tag, row, one.sequence) for tag in dict.fromkeys(one.tags)])


def _insert_snapshot(connection: sqlite3.Connection, one: Any) -> None:
    row = _row_of(connection, one.durable_id)
    connection.execute(
        _SNAPSHOT.replace(" OR REPLACE", ""),
        (row, one.sequence, one.type, one.version, one.at, one.crc, one.body.decode()),
    )


def _insert_once(connection: sqlite3.Connection, one: Any) -> None:
    row = _row_of(connection, one.durable_id)
    fields = (one.once, one.sequence, one.revision, one.at, one.crc, one.reply.decode())
    connection.execute(_ONCE, (row, *fields))


def _insert_reminder(connection: sqlite3.Connection, one: Any) -> None:
    row = _row_of(connection, one.durable_id)
    fields = (one.key, one.due, one.next, one.interval, one.attempt, one.type, one.version, one.crc)
    connection.execute(_REMINDER.replace(" OR REPLACE", ""), (row, *fields, one.body.decode()))


def _insert_offset(connection: sqlite3.Connection, one: OffsetRow) -> None:
    connection.execute("INSERT INTO offsets VALUES (?, ?, ?)", (one.projection, one.position, int(one.reset)))


_INSERTS: dict[str, Any] = {
    "ActorRow": _insert_actor,
    "EventRow": _insert_event,
    "SnapshotRow": _insert_snapshot,
    "OnceRow": _insert_once,
    "ReminderRow": _insert_reminder,
    "OffsetRow": _insert_offset,
}


def count(connection: sqlite3.Connection, statement: str, value: str) -> int:
    return connection.execute(statement, (value,)).rowcount


def truncate_wal(connection: sqlite3.Connection) -> bool:
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def vacuum(connection: sqlite3.Connection) -> None:
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def clear(connection: sqlite3.Connection) -> None:
    for table in (*TABLES, "sqlite_sequence"):
        connection.execute(f"DELETE FROM {table}")


def commit(
    connection: sqlite3.Connection,
    projection: str,
    expected: OffsetRow | None,
    position: int,
    statements: Sequence[tuple[str, Any]],
) -> None:
    """Carry out the statements of a projection and store its offset, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _move_offset(connection, projection, expected, position)
        for statement, parameters in statements:
            _carry_out_for(connection, projection, statement, parameters)
        if not connection.in_transaction:
            raise StoreError(f"the projection {projection!r} has ended the transaction that it writes in")
        _carry_out_for(connection, projection, "COMMIT", ())  # a constraint may be deferred to it
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _carry_out_for(
    connection: sqlite3.Connection, projection: str, statement: str, parameters: Sequence[Any]
) -> None:
    try:
        connection.execute(statement, parameters)
    except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError, TypeError) as error:
        if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _NOT_OF_THE_SQL:
            raise
        raise StoreError(f"the projection {projection!r} has failed at {statement!r}: {error}") from error


_NOT_OF_THE_SQL = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
)


def _move_offset(
    connection: sqlite3.Connection, projection: str, expected: OffsetRow | None, position: int
) -> None:
    if expected is None:
        moved = connection.execute(
            "INSERT INTO offsets (projection, position) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (projection, position),
        )
    else:
        moved = connection.execute(
            "UPDATE offsets SET position = ?, reset = 0 WHERE projection = ? AND position = ? AND reset = ?",
            (position, projection, expected.position, int(expected.reset)),
        )
    if moved.rowcount != 1:
        raise ConflictError(f"another projection {projection!r} was first")
