"""Accounts on PostgreSQL, and the same rows in the same groups by raw asyncpg."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Any

from actorio.errors import StoreError
from actorio.persistence import PostgresStore
from actorio.persistence._rows import Write
from benchmarks.persistence.bank import asked

__all__ = ["postgres_accounts", "raw_postgres"]

_numbers = itertools.count(1)


class _Slow(PostgresStore):
    """Takes so many seconds longer for a commit, and notes the sizes of its groups."""

    sync = 0.0
    groups: list[int]

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        self.groups.append(len(group))
        outcomes = await super()._write(group)
        await asyncio.sleep(self.sync)
        return outcomes


def postgres_accounts(dsn: str, accounts: int, asks: int, sync: float) -> tuple[float, list[int]]:
    """Measure accounts on PostgreSQL; returns the rate, and the sizes of the groups."""
    store = _Slow(dsn, schema=f"bench_{accounts}_{next(_numbers)}")
    store.sync, store.groups = sync, []
    return asyncio.run(asked(store, accounts, asks)), store.groups


def raw_postgres(dsn: str, groups: Sequence[int], accounts: int, sync: float) -> float:
    """Write the same rows in the same groups by asyncpg; returns events a second."""
    return asyncio.run(_raw(dsn, groups, accounts, sync))


async def _raw(dsn: str, groups: Sequence[int], accounts: int, sync: float) -> float:
    import asyncpg  # type: ignore[import-untyped]

    schema = f"bench_raw_{accounts}_{next(_numbers)}"
    async with PostgresStore(dsn, schema=schema):
        pass  # the same tables
    connection: Any = await asyncpg.connect(dsn)
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
    seconds = time.perf_counter() - begun
    await connection.close()
    return sum(groups) / seconds
