"""A store in PostgreSQL, for several processes: writers are told apart by the revision of each id."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from actorio._core.checks import check_some_time
from actorio.errors import (
    ConflictError,
    StoreError,
)
from actorio.persistence._postgres_link import PostgresLink
from actorio.persistence._postgres_read import PostgresReader
from actorio.persistence._postgres_write import PostgresWriter
from actorio.persistence._rows import ActorRow, EventRow, Loaded, OffsetRow, Write
from actorio.persistence.store import Store

__all__ = ["PostgresStore"]


_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
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
        self._schema = schema
        self._poll = check_some_time("poll", poll)
        self._sql_write, self._sql_read = PostgresWriter(schema), PostgresReader(schema)
        self._link = PostgresLink(asyncpg, dsn, schema, self.timeout, self._counts)

    def __repr__(self) -> str:
        return f"<PostgresStore {self._schema}>"

    # -- its life ----------------------------------------------------------------------------------

    async def _open(self) -> None:
        await self._link.open()

    async def _close(self) -> None:
        await self._link.close()

    # -- the backend -------------------------------------------------------------------------------

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        return await self._link.transact(lambda connection: self._sql_write.write_group(connection, group))

    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        return await self._link.read(lambda connection: self._sql_read.load(connection, ids))

    async def _read(self, durable_id: str, after: int, limit: int) -> Sequence[EventRow]:
        return await self._link.read(lambda one: self._sql_read.read(one, durable_id, after, limit))

    async def _read_all(
        self, after: int, limit: int, kinds: Sequence[str], key: str | None, tag: str | None
    ) -> Sequence[EventRow]:
        return await self._link.read(lambda one: self._sql_read.read_all(one, after, limit, kinds, key, tag))

    async def _due(self, before: float, limit: int, kinds: Sequence[str]) -> Sequence[tuple[str, float]]:
        return await self._link.read(lambda one: self._sql_read.due(one, before, limit, kinds))

    async def _offset(self, projection: str) -> OffsetRow | None:
        found = await self._link.read(lambda one: self._sql_read.offsets(one, projection))
        return found[0] if found else None

    async def _offsets(self) -> Sequence[OffsetRow]:
        return await self._link.read(lambda one: self._sql_read.offsets(one, None))

    async def _commit(
        self,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        await self._link.transact(
            lambda one: self._carry_out(one, projection, expected, position, statements)
        )

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
        if statements:  # or what is wrong with a constraint that is deferred would be found in the commit
            statements = (*statements, ("SET CONSTRAINTS ALL IMMEDIATE", ()))
        for statement, parameters in statements:
            try:
                await connection.execute(statement, *parameters)
            except (self._pg.PostgresError, self._pg.InterfaceError, ValueError, TypeError) as error:
                if self._link.is_away(error) or isinstance(error, self._pg.DiskFullError):
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
        found = await self._link.transact(lambda one: one.fetchval(f"{statement} RETURNING 1", projection))
        return found is not None

    async def _position(self) -> int:
        return await self._link.read(self._sql_read.position)

    async def _ids(self, kind: str | None, after: str, limit: int, *, all: bool = False) -> list[str]:
        return await self._link.read(lambda one: self._sql_read.ids(one, kind, after, limit, everyone=all))

    async def _info(self, durable_id: str) -> tuple[ActorRow | None, int, float | None, float | None]:
        return await self._link.read(lambda one: self._sql_read.info(one, durable_id))

    async def _compact(self) -> None:
        async def vacuum(connection: Any) -> None:
            for table in _TABLES.split(", "):  # VACUUM works outside of transactions
                await connection.execute(f"VACUUM {self._schema}.{table}")

        await self._link.apart(vacuum)

    async def _insert(self, rows: Sequence[Any], position: int) -> None:
        await self._link.transact(lambda one: self._sql_write.insert_rows(one, rows, position))

    async def _clear(self) -> None:
        s = self._schema
        tables = ", ".join(f"{s}.{table}" for table in _TABLES.split(", "))
        await self._link.transact(
            lambda one: one.execute(f"TRUNCATE {tables} RESTART IDENTITY; UPDATE {s}.meta SET position = 0")
        )

    async def _problems(self) -> Sequence[str]:
        return await self._link.read(self._sql_read.problems)

    async def _changed(self) -> None:
        """Wait for a write of this process, or until it is time to look for those of others."""
        try:
            async with asyncio.timeout(self._poll):
                await super()._changed()
        except TimeoutError:
            return
