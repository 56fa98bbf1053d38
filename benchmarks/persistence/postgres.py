"""Accounts on PostgreSQL, and the same rows in the same groups by raw asyncpg."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from actorio.errors import StoreError
from actorio.persistence import PostgresStore
from actorio.persistence._rows import Write
from benchmarks.persistence.bank import asked

__all__ = ["postgres_accounts", "raw_postgres"]


class _Slow(PostgresStore):
    """Takes so many seconds longer for a commit, and notes the sizes of its groups."""

    sync = 0.0
    groups: list[int]

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        self.groups.append(len(group))
        outcomes = await super()._write(group)
        await asyncio.sleep(self.sync)
        return outcomes


@contextlib.asynccontextmanager
async def _schema_of_its_own(dsn: str) -> AsyncIterator[tuple[str, Any]]:
    """Give the name of a schema that nobody has, and a connection; the schema is dropped in the end."""
    import asyncpg  # type: ignore[import-untyped]

    schema = f"bench_{uuid.uuid4().hex}"
    connection: Any = await asyncpg.connect(dsn)
    try:
        yield schema, connection
    finally:
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        await connection.close()


def postgres_accounts(dsn: str, accounts: int, asks: int, sync: float) -> tuple[float, list[int]]:
    """Measure accounts on PostgreSQL; returns the rate, and the sizes of the groups."""
    return asyncio.run(_asked(dsn, accounts, asks, sync))


async def _asked(dsn: str, accounts: int, asks: int, sync: float) -> tuple[float, list[int]]:
    async with _schema_of_its_own(dsn) as (schema, _):
        store = _Slow(dsn, schema=schema)
        store.sync, store.groups = sync, []
        return await asked(store, accounts, asks), store.groups


def raw_postgres(dsn: str, groups: Sequence[int], accounts: int, sync: float) -> float:
    """Write the same rows in the same groups by asyncpg; returns events a second."""
    return asyncio.run(_raw(dsn, groups, accounts, sync))


async def _raw(dsn: str, groups: Sequence[int], accounts: int, sync: float) -> float:
    async with _schema_of_its_own(dsn) as (schema, connection):
        async with PostgresStore(dsn, schema=schema):
            pass  # the same tables
        return await _write(connection, schema, groups, accounts, sync)


async def _write(connection: Any, schema: str, groups: Sequence[int], accounts: int, sync: float) -> float:
    await connection.executemany(
        f"INSERT INTO {schema}.actors (id, durable_id, kind, sequence, revision) VALUES ($1, $2, 'Account', 0, 0)",
        [(number + 1, f"Account/a{number}") for number in range(accounts)],
    )
    sequences = [0] * accounts
    begun, at = time.perf_counter(), 0
    for size in groups:
        rows = [(at + number) % accounts for number in range(size)]
        at += size
        for row in rows:
            sequences[row] += 1
        async with connection.transaction():
            await connection.execute(
                f"UPDATE {schema}.actors a SET sequence = w.s, revision = a.revision + 1"
                " FROM unnest($1::bigint[], $2::bigint[]) AS w (id, s) WHERE a.id = w.id AND a.revision = w.s - 1",
                [row + 1 for row in rows],
                [sequences[row] for row in rows],
            )
            await connection.execute(
                f"INSERT INTO {schema}.events (actor, sequence, type, version, at, crc, body)"
                " SELECT w.id, w.s, 'Deposited', 1, 1.0, 1, '{\"amount\":1}' FROM unnest($1::bigint[], $2::bigint[])"
                " AS w (id, s)",
                [row + 1 for row in rows],
                [sequences[row] for row in rows],
            )
        await asyncio.sleep(sync)
    return sum(groups) / (time.perf_counter() - begun)
