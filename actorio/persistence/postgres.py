"""A store in PostgreSQL, for several processes: writers are told apart by the revision of each id.

One connection writes, one reads. Each transaction stores its number, so that after a lost connection the store can
look whether it was committed: a restart of the database is a pause (P17).
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, cast
from uuid import uuid4

from actorio._core.checks import check_some_time
from actorio._core.typevar import TypeVar
from actorio.errors import (
    ConflictError,
    DamagedError,
    OutcomeUnknownError,
    StoreError,
    StoreFailedError,
    StoreFullError,
    StoreUnavailableError,
)
from actorio.persistence._postgres_read import PostgresReader
from actorio.persistence._postgres_schema import prepare
from actorio.persistence._postgres_write import PostgresWriter
from actorio.persistence._rows import ActorRow, EventRow, Loaded, OffsetRow, Write
from actorio.persistence.store import Store

__all__ = ["PostgresStore"]

R = TypeVar("R")
Work = Callable[[Any], Awaitable[R]]

_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_TABLES = "events, snapshots, once, reminders, actors, offsets"


class PostgresStore(Store):
    """A store in a database of PostgreSQL 13 or newer.

    Args:
        dsn: `postgresql://user@host/database`.
        schema: of its tables, which are made if they are not there.
        poll: seconds between two looks for what other processes have written, where something follows the journal.
        options: as of every `Store`.

    Raises:
        ImportError: asyncpg is not installed.
    """

    _has_sql = True

    def __init__(self, dsn: str, *, schema: str = "actorio", poll: float = 0.25, **options: Any) -> None:
        super().__init__(**options)
        try:
            import asyncpg  # type: ignore[import-untyped]
        except ImportError as error:
            raise ImportError("PostgresStore needs asyncpg: pip install 'actorio-py[postgres]'") from error
        for name, value in (("dsn", dsn), ("schema", schema)):
            if not isinstance(value, str):
                raise TypeError(f"{name} must be a str, not {type(value).__name__}")
        if not _SCHEMA_NAME.fullmatch(schema):
            raise ValueError(f"schema must have 1 to 63 characters of a-z, 0-9 and _; got {schema!r}")
        if not dsn.startswith(("postgresql://", "postgres://")):
            raise ValueError("dsn must be like postgresql://user@host/database")
        self._pg: Any = asyncpg
        self._dsn, self._schema = dsn, schema
        self._poll = check_some_time("poll", poll)
        self._lock_key = zlib.crc32(f"actorio {schema}".encode())
        self._sql_write, self._sql_read = PostgresWriter(schema), PostgresReader(schema)
        self._writing: Any = None
        self._reading_: Any = None
        self._writer_id = uuid4()
        self._number = 0

    def __repr__(self) -> str:
        return f"<PostgresStore {self._schema}>"

    # -- its life ----------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._write_lock, self._read_lock = asyncio.Lock(), asyncio.Lock()
        self._writer_id, self._number = uuid4(), 0
        try:
            self._writing = await self._connect()
            await prepare(self._writing, self._schema, self._lock_key)
            await self._writing.execute(
                f"DELETE FROM {self._schema}.writers WHERE at < now() - interval '30 days'"
            )
            await self._writing.execute(f"INSERT INTO {self._schema}.writers VALUES ($1, 0)", self._writer_id)
            self._reading_ = await self._connect()
        except BaseException as error:
            self._drop_connections()
            if isinstance(error, Exception) and self._is_away(error):
                raise StoreUnavailableError(f"the database is away: {error}") from error
            if isinstance(error, self._pg.PostgresError):
                raise StoreError(f"the store cannot be opened: {error}") from error
            raise

    async def _connect(self) -> Any:
        return await self._pg.connect(
            self._dsn,
            timeout=self.timeout,
            server_settings={"synchronous_commit": "on", "application_name": "actorio"},
        )

    async def _close(self) -> None:
        writing, self._writing = self._writing, None
        reading, self._reading_ = self._reading_, None
        try:
            async with asyncio.timeout(2):
                if writing is not None and not writing.is_closed():
                    await writing.execute(
                        f"DELETE FROM {self._schema}.writers WHERE writer = $1", self._writer_id
                    )
        except Exception:  # it is cleared away by whoever opens the store a month later
            pass
        for connection in (writing, reading):
            if connection is not None:
                await _close(connection)

    def _drop_connections(self) -> None:
        for connection in (self._writing, self._reading_):
            if connection is not None:
                connection.terminate()
        self._writing = self._reading_ = None

    # -- a database that goes away -----------------------------------------------------------------

    def _is_away(self, error: Exception) -> bool:
        """Tell whether an error says that the connection is lost, or that there is none to be had now."""
        pg = self._pg
        away = (
            pg.PostgresConnectionError,
            pg.CannotConnectNowError,
            pg.AdminShutdownError,
            pg.CrashShutdownError,
            pg.TooManyConnectionsError,
            pg.InternalClientError,  # a lost connection, as asyncpg may see it: it is in the middle of something
            OSError,
            TimeoutError,
        )
        if isinstance(error, pg.InterfaceError):
            return "closed" in str(error) or "connection" in str(error)
        return isinstance(error, away)

    async def _live(self, name: str, deadline: float) -> Any:
        """Return the connection, made anew where it was lost; tries until the deadline."""
        pause = _FIRST_PAUSE
        while True:
            connection = getattr(self, name)
            if connection is not None and not connection.is_closed():
                return connection
            try:
                connection = await self._connect()
            except Exception as error:
                if not self._is_away(error):
                    raise
                if asyncio.get_running_loop().time() + pause >= deadline:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                setattr(self, name, connection)
                return connection

    def _lose(self, name: str) -> None:
        connection = getattr(self, name)
        setattr(self, name, None)
        if connection is not None:
            connection.terminate()

    # -- reading -----------------------------------------------------------------------------------

    async def _read_by(self, work: Work[R]) -> R:
        """Read on the one connection for it; a lost connection is waited for, within `timeout`."""
        deadline = asyncio.get_running_loop().time() + self.timeout
        async with self._read_lock:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        return await work(await self._live("_reading_", deadline))
                except asyncio.CancelledError:
                    self._lose("_reading_")  # it is in the middle of something
                    raise
                except Exception as error:
                    if not self._is_away(error):
                        raise self._read_error(error) from error
                    self._lose("_reading_")
                    if asyncio.get_running_loop().time() >= deadline - _FIRST_PAUSE:
                        raise StoreUnavailableError(f"the database is away: {error}") from error
                    self._counts.waits += 1
                    await asyncio.sleep(_FIRST_PAUSE)

    def _read_error(self, error: Exception) -> Exception:
        if isinstance(error, (self._pg.DataCorruptedError, self._pg.IndexCorruptedError)):
            return DamagedError(f"the database is damaged: {error}")
        if isinstance(error, self._pg.PostgresError):
            return StoreError(f"the database refuses to read: {error}")
        return error

    # -- writing -----------------------------------------------------------------------------------

    async def _transact(self, work: Work[R]) -> R:
        """Do work in a transaction that stores its number; after a lost connection look whether it was committed."""
        loop = asyncio.get_running_loop()
        async with self._write_lock:
            self._number += 1
            attempt = _Attempt[R](self._number)
            deadline = loop.time() + self.timeout
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        connection = await self._live("_writing", deadline)
                        return await self._try(connection, attempt, work)
                except (StoreError, asyncio.CancelledError):
                    if attempt.is_doubtful:
                        self._lose("_writing")
                    raise
                except Exception as error:
                    if not self._is_away(error):
                        raise self._write_error(error) from error
                    self._lose("_writing")
                    if loop.time() >= deadline - _FIRST_PAUSE:
                        raise self._too_late(attempt, error) from error
                    self._counts.waits += 1
                    await asyncio.sleep(_FIRST_PAUSE)

    async def _try(self, connection: Any, attempt: _Attempt[R], work: Work[R]) -> R:
        transaction = connection.transaction()
        await transaction.start()
        try:
            # Before a position is drawn: without the lock a reader would see a later one committed first (P16).
            await connection.execute("SELECT pg_advisory_xact_lock($1)", self._lock_key)
            if not await self._take_number(connection, attempt):
                await transaction.rollback()
                return cast("R", attempt.result)
            if attempt.is_doubtful:
                self._counts.resends += 1
                attempt.is_doubtful = False
            attempt.result = await work(connection)
        except BaseException:
            if not connection.is_closed():
                await _rolled_back(connection, transaction)
            raise
        attempt.is_doubtful = True
        await transaction.commit()
        attempt.is_doubtful = False
        return cast("R", attempt.result)

    async def _take_number(self, connection: Any, attempt: _Attempt[Any]) -> bool:
        """Store the number of this transaction; False when it is stored, so that it was committed before."""
        s = self._schema
        taken = await connection.fetchval(
            f"INSERT INTO {s}.writers AS w VALUES ($1, $2) ON CONFLICT (writer) DO UPDATE"
            " SET number = excluded.number, at = now() WHERE w.number < excluded.number RETURNING 1",
            self._writer_id,
            attempt.number,
        )
        return taken is not None

    def _too_late(self, attempt: _Attempt[Any], error: Exception) -> StoreError:
        if attempt.is_doubtful:
            return OutcomeUnknownError(
                f"the connection was lost in the commit, and the database is away: {error}"
            )
        return StoreUnavailableError(f"the database is away: {error}")

    def _write_error(self, error: Exception) -> Exception:
        pg = self._pg
        if isinstance(error, pg.DiskFullError):
            return StoreFullError(f"there is no room for the database: {error}")
        if isinstance(
            error, (pg.LockNotAvailableError, pg.QueryCanceledError, pg.ReadOnlySQLTransactionError)
        ):
            return StoreUnavailableError(f"the database does not take writes now: {error}")
        if isinstance(error, (pg.PostgresError, pg.InterfaceError)):
            return StoreFailedError(f"{self!r} has failed in a write: {error}")
        return error

    # -- the backend -------------------------------------------------------------------------------

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        return await self._transact(lambda connection: self._sql_write.write_group(connection, group))

    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        return await self._read_by(lambda connection: self._sql_read.load(connection, ids))

    async def _read(self, durable_id: str, after: int, limit: int) -> Sequence[EventRow]:
        return await self._read_by(lambda one: self._sql_read.read(one, durable_id, after, limit))

    async def _read_all(
        self, after: int, limit: int, kinds: Sequence[str], key: str | None, tag: str | None
    ) -> Sequence[EventRow]:
        return await self._read_by(lambda one: self._sql_read.read_all(one, after, limit, kinds, key, tag))

    async def _due(self, before: float, limit: int, kinds: Sequence[str]) -> Sequence[tuple[str, float]]:
        return await self._read_by(lambda one: self._sql_read.due(one, before, limit, kinds))

    async def _offset(self, projection: str) -> OffsetRow | None:
        found = await self._read_by(lambda one: self._sql_read.offsets(one, projection))
        return found[0] if found else None

    async def _offsets(self) -> Sequence[OffsetRow]:
        return await self._read_by(lambda one: self._sql_read.offsets(one, None))

    async def _commit(
        self,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        await self._transact(lambda one: self._carry_out(one, projection, expected, position, statements))

    async def _carry_out(
        self,
        connection: Any,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        s = self._schema
        if expected is None:
            moved = await connection.fetchval(
                f"INSERT INTO {s}.offsets VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1",
                projection,
                position,
            )
        else:
            moved = await connection.fetchval(
                f"UPDATE {s}.offsets SET position = $2, reset = false"
                " WHERE projection = $1 AND position = $3 AND reset = $4 RETURNING 1",
                projection,
                position,
                expected.position,
                expected.reset,
            )
        if moved is None:
            raise ConflictError(f"another projection {projection!r} was first")
        for statement, parameters in statements:
            try:
                await connection.execute(statement, *parameters)
            except (self._pg.PostgresError, self._pg.InterfaceError, ValueError, TypeError) as error:
                if self._is_away(error) or isinstance(error, self._pg.DiskFullError):
                    raise
                raise StoreError(
                    f"the projection {projection!r} has failed at {statement!r}: {error}"
                ) from error

    async def _reset(self, projection: str) -> bool:
        return await self._count(
            f"UPDATE {self._schema}.offsets SET reset = true WHERE projection = $1", projection
        )

    async def _drop(self, projection: str) -> bool:
        return await self._count(f"DELETE FROM {self._schema}.offsets WHERE projection = $1", projection)

    async def _count(self, statement: str, projection: str) -> bool:
        found = await self._transact(lambda one: one.fetchval(f"{statement} RETURNING 1", projection))
        return found is not None

    async def _position(self) -> int:
        return await self._read_by(self._sql_read.position)

    async def _ids(self, kind: str | None, after: str, limit: int, *, all: bool = False) -> list[str]:
        return await self._read_by(lambda one: self._sql_read.ids(one, kind, after, limit, everyone=all))

    async def _info(self, durable_id: str) -> tuple[ActorRow | None, int, float | None, float | None]:
        return await self._read_by(lambda one: self._sql_read.info(one, durable_id))

    async def _compact(self) -> None:
        for table in _TABLES.split(", "):  # VACUUM works outside of transactions
            await self._read_by(lambda one, table=table: one.execute(f"VACUUM {self._schema}.{table}"))  # type: ignore[misc]

    async def _insert(self, rows: Sequence[Any], position: int) -> None:
        await self._transact(lambda one: self._sql_write.insert_rows(one, rows, position))

    async def _clear(self) -> None:
        s = self._schema
        tables = ", ".join(f"{s}.{table}" for table in _TABLES.split(", "))
        await self._transact(
            lambda one: one.execute(f"TRUNCATE {tables} RESTART IDENTITY; UPDATE {s}.meta SET position = 0")
        )

    async def _problems(self) -> Sequence[str]:
        return await self._read_by(self._sql_read.problems)

    async def _changed(self) -> None:
        """Wait for a write of this process, or until it is time to look for those of others."""
        try:
            async with asyncio.timeout(self._poll):
                await super()._changed()
        except TimeoutError:
            return


class _Attempt(Generic[R]):
    """One transaction over all its tries."""

    __slots__ = ("is_doubtful", "number", "result")

    def __init__(self, number: int) -> None:
        self.number = number
        self.result: Any = None
        self.is_doubtful = False
        """Whether its commit was sent, and nothing was heard of it."""


async def _rolled_back(connection: Any, transaction: Any) -> None:
    try:
        await transaction.rollback()
    except Exception:
        connection.terminate()


async def _close(connection: Any) -> None:
    try:
        await connection.close(timeout=2)
    except Exception:
        connection.terminate()
