"""Accounts that are asked on a store, and the same rows in the same groups by the raw driver."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from actorio import ActorSystem, Ask
from actorio.persistence import EventSourced, SqliteStore, Store, _sqlite_write
from actorio.persistence._rows import Write
from actorio.persistence._sqlite_write import write_group

__all__ = ["Account", "Deposit", "asked", "folder", "raw_sqlite", "sqlite_accounts"]


@dataclass(frozen=True)
class Deposit(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Balance:
    cents: int = 0


class Account(EventSourced[Deposit, Deposited, Balance]):
    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Deposited) -> Balance:
        return Balance(state.cents + event.amount)

    async def receive(self, message: Deposit) -> int:
        return await self.persist(Deposited(message.amount), reply=lambda state: state.cents)


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder in memory where there is one, so that the sync time is the one that is added."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)


async def asked(store: Store, accounts: int, asks: int) -> float:
    """Ask so many accounts so often each, one client an account; returns events a second."""
    async with ActorSystem(store=store) as system:
        refs = [await system.spawn(Account, name=f"a{number}") for number in range(accounts)]

        async def client(ref: Any) -> int:
            last = 0
            for _ in range(asks):
                last = await ref.ask(Deposit(1))
            return last

        begun = time.perf_counter()
        clients = [asyncio.ensure_future(client(ref)) for ref in refs]
        await asyncio.wait(clients)
        seconds = time.perf_counter() - begun
        assert {done.result() for done in clients} == {asks}
    return accounts * asks / seconds


def sqlite_accounts(accounts: int, asks: int, sync: float) -> tuple[float, list[int]]:
    """Measure accounts on SQLite with so many seconds a sync; returns the rate, and the sizes of the groups."""
    groups: list[int] = []

    def slow(connection: sqlite3.Connection, group: Sequence[Write]) -> Any:
        groups.append(len(group))
        outcomes = write_group(connection, group)
        time.sleep(sync)
        return outcomes

    with folder() as where, patch.object(_sqlite_write, "write_group", slow):
        rate = asyncio.run(asked(SqliteStore(Path(where) / "bank.db"), accounts, asks))
    return rate, groups


def raw_sqlite(groups: Sequence[int], accounts: int, sync: float) -> float:
    """Write the same rows in the same groups by `sqlite3`; returns events a second."""
    with folder() as where:
        path = Path(where) / "raw.db"

        async def make() -> None:
            async with SqliteStore(path):
                pass

        asyncio.run(make())  # the same tables
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.executemany(
            "INSERT INTO actors (durable_id, kind, sequence, revision) VALUES (?, 'Account', 0, 0)",
            [(f"Account/a{number}",) for number in range(accounts)],
        )
        sequences = [0] * accounts
        begun, at = time.perf_counter(), 0
        for size in groups:
            rows = [(at + number) % accounts for number in range(size)]
            at += size
            for row in rows:
                sequences[row] += 1
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE actors SET sequence = ?, revision = revision + 1 WHERE id = ? AND revision = ?",
                [(sequences[row], row + 1, sequences[row] - 1) for row in rows],
            )
            connection.executemany(
                "INSERT INTO events (actor, sequence, type, version, at, crc, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(row + 1, sequences[row], "Deposited", 1, 1.0, 1, '{"amount":1}') for row in rows],
            )
            connection.execute("COMMIT")
            time.sleep(sync)
        seconds = time.perf_counter() - begun
        connection.close()
    return sum(groups) / seconds
