"""The two connections of a store in PostgreSQL: one that writes, one that reads, and what becomes of lost ones.

Each transaction stores its number, so that after a lost connection the store can look whether it was committed: a
restart of the database is a pause (P17).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, NoReturn, cast
from uuid import uuid4

from actorio._core.typevar import TypeVar
from actorio.errors import (
    DamagedError,
    OutcomeUnknownError,
    StoreClosedError,
    StoreError,
    StoreFailedError,
    StoreFullError,
    StoreUnavailableError,
)
from actorio.persistence._postgres_schema import prepare

if TYPE_CHECKING:
    from actorio.persistence._statistics import Counts

__all__ = ["PostgresLink"]

R = TypeVar("R")
Work = Callable[[Any], Awaitable[R]]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


class PostgresLink:
    """The connections of one store.

    Args:
        driver: the module `asyncpg`.
        dsn: of the database.
        schema: of the tables.
        timeout: seconds that work waits for a database that is away.
        counts: the store's counters.
    """

    def __init__(self, driver: Any, dsn: str, schema: str, timeout: float, counts: Counts) -> None:
        self._pg = driver
        self._dsn, self._schema = dsn, schema
        self._timeout = timeout
        self._counts = counts
        self._lock_key = zlib.crc32(f"actorio {schema}".encode())
        self._writing: Any = None
        self._reading: Any = None
        self._writer_id = uuid4()
        self._number = 0
        self._closed = False

    def __repr__(self) -> str:
        return f"<PostgresStore {self._schema}>"

    # -- its life ----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, and make the tables if they are not there.

        Raises:
            StoreUnavailableError: the database is away.
            StoreError: it is none that can be used.
        """
        self._write_lock, self._read_lock = asyncio.Lock(), asyncio.Lock()
        self._writer_id, self._number, self._closed = uuid4(), 0, False
        try:
            self._writing = await self._connect()
            await prepare(self._writing, self._schema, self._lock_key)
            await self._writing.execute(
                f"DELETE FROM {self._schema}.writers WHERE at < now() - interval '30 days'"
            )
            await self._writing.execute(f"INSERT INTO {self._schema}.writers VALUES ($1, 0)", self._writer_id)
            self._reading = await self._connect()
        except BaseException as error:
            self._drop_connections()
            if isinstance(error, Exception) and self.is_away(error):
                raise StoreUnavailableError(f"the database is away: {error}") from error
            if isinstance(error, self._pg.PostgresError):
                raise StoreError(f"the store cannot be opened: {error}") from error
            raise

    async def _connect(self) -> Any:
        return await self._pg.connect(
            self._dsn,
            timeout=self._timeout,
            server_settings={"synchronous_commit": "on", "application_name": "actorio"},
        )

    async def close(self) -> None:
        """Disconnect; what is under way does not connect again."""
        self._closed = True
        writing, self._writing = self._writing, None
        reading, self._reading = self._reading, None
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
        for connection in (self._writing, self._reading):
            if connection is not None:
                connection.terminate()
        self._writing = self._reading = None

    # -- a database that goes away -----------------------------------------------------------------

    def is_away(self, error: Exception) -> bool:
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
        pause, waits = _FIRST_PAUSE, 1
        while True:
            if self._closed:
                raise self._closed_error()
            connection = getattr(self, name)
            if connection is not None and not connection.is_closed():
                return connection
            try:
                connection = await self._connect()
            except Exception as error:
                if not self.is_away(error):
                    raise
                if asyncio.get_running_loop().time() + pause >= deadline:
                    raise
                self._counts.waits += waits
                waits = 0  # it is one wait, however often it tries
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                setattr(self, name, connection)
                return connection

    def _closed_error(self) -> StoreClosedError:
        return StoreClosedError(f"{self!r} was closed meanwhile")

    def _lose(self, name: str) -> None:
        connection = getattr(self, name)
        setattr(self, name, None)
        if connection is not None:
            connection.terminate()

    # -- reading -----------------------------------------------------------------------------------

    async def read(self, work: Work[R]) -> R:
        """Read on the one connection for it; a lost connection is waited for, within `timeout`."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        async with self._read_lock:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        return await work(await self._live("_reading", deadline))
                except asyncio.CancelledError:
                    self._lose("_reading")  # it is in the middle of something
                    raise
                except Exception as error:
                    if self._closed:
                        raise self._closed_error() from error
                    if not self.is_away(error):
                        _raise_as(self._read_error(error), error)
                    self._lose("_reading")
                    if asyncio.get_running_loop().time() >= deadline - _FIRST_PAUSE:
                        raise StoreUnavailableError(f"the database is away: {error}") from error
                    self._counts.waits += 1
                    await asyncio.sleep(_FIRST_PAUSE)

    async def apart(self, work: Work[R]) -> R:
        """Do what may take long on a connection of its own, without a limit; nothing waits for it."""
        connection = None
        try:
            connection = await self._connect()
            return await work(connection)
        except Exception as error:
            if self.is_away(error):
                raise StoreUnavailableError(f"the database is away: {error}") from error
            _raise_as(self._read_error(error), error)
        finally:
            if connection is not None:
                await _close(connection)

    def _read_error(self, error: Exception) -> Exception:
        if isinstance(error, (self._pg.DataCorruptedError, self._pg.IndexCorruptedError)):
            return DamagedError(f"the database is damaged: {error}")
        if isinstance(error, self._pg.PostgresError):
            return StoreError(f"the database refuses to read: {error}")
        return error

    # -- writing -----------------------------------------------------------------------------------

    async def transact(self, work: Work[R]) -> R:
        """Do work in a transaction that stores its number; after a lost connection look whether it was committed."""
        loop = asyncio.get_running_loop()
        async with self._write_lock:
            self._number += 1
            attempt = _Attempt[R](self._number)
            deadline = loop.time() + self._timeout
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        connection = await self._live("_writing", deadline)
                        return await self._try(connection, attempt, work)
                except (StoreError, asyncio.CancelledError) as error:
                    # One that was cancelled as it began may be open, and the next one would be nested in it.
                    if attempt.is_doubtful or isinstance(error, asyncio.CancelledError):
                        self._lose("_writing")
                    raise
                except Exception as error:
                    if not self.is_away(error):
                        _raise_as(self._write_error(error), error)
                    self._lose("_writing")
                    if loop.time() >= deadline - _FIRST_PAUSE:
                        raise self._too_late(attempt, error) from error
                    self._counts.waits += 1
                    await asyncio.sleep(_FIRST_PAUSE)

    async def _try(self, connection: Any, attempt: _Attempt[R], work: Work[R]) -> R:
        transaction = connection.transaction()
        await transaction.start()
        try:
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
        """Store the number of this transaction; False when it is stored, so that it was committed before.

        In the same trip take the lock, before a position is drawn: without it a reader would see a later one
        committed first (P16).
        """
        taken = await connection.fetchval(
            f"WITH taken AS (INSERT INTO {self._schema}.writers AS w VALUES ($1, $2) ON CONFLICT (writer) DO UPDATE"
            " SET number = excluded.number, at = now() WHERE w.number < excluded.number RETURNING 1)"
            " SELECT (SELECT count(*) FROM taken), pg_advisory_xact_lock($3)",
            self._writer_id,
            attempt.number,
            self._lock_key,
        )
        return bool(taken)

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


def _raise_as(found: Exception, error: Exception) -> NoReturn:
    if found is error:
        raise error
    raise found from error


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
