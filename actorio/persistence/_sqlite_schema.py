"""The tables of a SQLite store, and the marks by which its file is known."""

from __future__ import annotations

import sqlite3

from actorio.errors import StoreError

__all__ = ["TABLES", "check_schema", "make_schema"]

APPLICATION_ID = 0x6163746F
"""`acto`, in the header of the file."""
VERSION = 1

TABLES = ("actors", "events", "snapshots", "once", "tags", "reminders", "offsets")

# An id is a row number everywhere else: clustered by text keys, the journal was six times the writes. `autoincrement`:
# without it the position of a deleted last event is used again (P16).
_SCHEMA = """
CREATE TABLE actors (
    id INTEGER PRIMARY KEY,
    durable_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    erased INTEGER NOT NULL DEFAULT 0,
    erased_at REAL
);
CREATE INDEX actors_of_kind ON actors (kind, durable_id);
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    actor INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    at REAL NOT NULL,
    crc INTEGER NOT NULL,
    body TEXT NOT NULL,
    tags TEXT
);
CREATE UNIQUE INDEX events_of_actor ON events (actor, sequence);
CREATE INDEX erasures ON events (position) WHERE type = '';
CREATE TABLE snapshots (
    actor INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    at REAL NOT NULL,
    crc INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (actor, sequence)
);
CREATE TABLE once (
    actor INTEGER NOT NULL,
    once TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    at REAL NOT NULL,
    crc INTEGER NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (actor, once)
) WITHOUT ROWID;
CREATE TABLE tags (
    tag TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tag, position)
) WITHOUT ROWID;
CREATE INDEX tags_of_event ON tags (position);
CREATE TABLE reminders (
    actor INTEGER NOT NULL,
    key TEXT NOT NULL,
    due REAL NOT NULL,
    next REAL,
    interval REAL,
    attempt INTEGER NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX reminders_due ON reminders (next) WHERE next IS NOT NULL;
CREATE TABLE offsets (
    projection TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    reset INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def check_schema(connection: sqlite3.Connection, what: str) -> bool:
    """Say whether the database has the tables; False when it is empty.

    Raises:
        StoreError: it is somebody else's, or of a newer schema.
    """
    application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if application == APPLICATION_ID:
        if version != VERSION:
            raise StoreError(f"{what} is a store of schema {version}, and this code knows {VERSION}")
        return True
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application or version or tables:
        raise StoreError(f"{what} is a database, and not a store of actorio")
    return False


def make_schema(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty database."""
    connection.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
    )
