"""P18, where the commit of a projection fails: nothing of its batch is stored, and nothing of it is passed over."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from actorio import ActorError, ActorFailed, ActorRef, ActorSystem, Supervision
from actorio.errors import StoreError, StoreFailedError, StoreUnavailableError
from actorio.persistence import PostgresStore, Projection, Recorded, SqliteStore, Store
from actorio.persistence._rows import OffsetRow
from actorio.persistence.projection import _LONGEST_BATCH
from actorio.testing import until
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit, Deposited, Noted, do
from tests.persistence.guarantees.test_p18_projections import Totals, rows
from tests.persistence.pg import Server

pytestmark = pytest.mark.real_loop("a database on threads")


class Refusing(SqliteStore):
    """Refuses some of the commits of projections."""

    def __init__(self, path: Path, *errors: Exception) -> None:
        super().__init__(path)
        self.errors = list(errors)
        self.commits: list[int] = []

    async def _commit(
        self, projection: str, expected: OffsetRow | None, position: int, statements: Sequence[Any]
    ) -> None:
        self.commits.append(position)
        if position and self.errors:
            raise self.errors.pop(0)
        await super()._commit(projection, expected, position, statements)


class Slow(Totals):
    """Takes so long for each record that a batch has several commits."""

    async def handle(self, record: Recorded[Any]) -> None:
        await asyncio.sleep(1.2 * _LONGEST_BATCH)
        await super().handle(record)


async def test_p18_a_commit_in_the_middle_of_a_batch_that_fails_passes_nothing_over(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Refusing(path, StoreUnavailableError("locked"))
    async with soon(), ActorSystem(store=store) as system:
        ada = await system.spawn(Account, name="ada")
        await do(ada, lambda account: account.persist(*[Deposited(1)] * 3))
        await system.spawn(Slow)
        await until(lambda: store.commits.count(3) >= 1)
    assert rows(path) == [("Account/ada", 3, 3)]


async def test_p18_a_store_that_fails_in_a_commit_of_a_projection_has_failed_for_all(tmp_path: Path) -> None:
    store = Refusing(tmp_path / "store.db", *[StoreFailedError("disk I/O error")] * 50)
    async with soon():
        with pytest.raises(BaseExceptionGroup, match="has failed"):
            await _wait_for_a_failed_store(store)
    assert len(store.errors) == 49


async def _wait_for_a_failed_store(store: Refusing) -> None:
    async with ActorSystem(store=store, supervision=Supervision(max_restarts=5)) as system:
        ada = await system.spawn(Account, name="ada")
        await ada.ask(Deposit(1))
        await system.spawn(Totals)
        await until(lambda: len(store.errors) < 50)
        with pytest.raises(StoreFailedError):
            await ada.ask(Deposit(1))
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("INSERT INTO nothing VALUES (1)", ()),
        ("SELECT ?", (2**70,)),
        ("SELECT ?", ("\ud800",)),
        ("SELECT ?", (object(),)),
        ("SELECT ?", ()),
        ("SELECT 1; SELECT 2", ()),
        ("SELECT '\0'", ()),
        ("SELECT zeroblob(2000000000)", ()),
    ],
    ids=lambda one: f"{one!r:.20}" if isinstance(one, str) else "",
)
async def test_p18_what_the_database_does_not_take_is_the_fault_of_the_projection_alone(
    tmp_path: Path, sql: str, parameters: tuple[Any, ...]
) -> None:
    class Wrong(Totals):
        async def handle(self, record: Recorded[Any]) -> None:
            await super().handle(record)
            self.write(sql, *parameters)

    path = tmp_path / "store.db"
    async with (
        soon(),
        ActorSystem(store=SqliteStore(path)) as system,
        system.events.subscribe(ActorFailed) as events,
    ):
        ada = await system.spawn(Account, name="ada")
        await ada.ask(Deposit(1))
        view = await system.spawn(Wrong)
        error = (await anext(events)).error
        assert type(error) is StoreError
        assert "'Wrong'" in str(error)
        view.kill()
        await view.join()
        assert rows(path) == []
        assert await ada.ask(Deposit(1)) == 2


class Ordered(Projection[Deposited | Noted]):
    """Its constraint is looked at in the commit."""

    source = Account

    async def on_start_projection(self) -> None:
        self.write("CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY)")
        self.write(
            "CREATE TABLE IF NOT EXISTS entries (position BIGINT, owner TEXT REFERENCES owners"
            " DEFERRABLE INITIALLY DEFERRED)"
        )

    async def handle(self, record: Recorded[Deposited | Noted]) -> None:
        one, two = ("?", "?") if isinstance(self.context.system.store, SqliteStore) else ("$1", "$2")
        self.write(f"INSERT INTO entries VALUES ({one}, {two})", record.position, record.durable_id)
        if isinstance(record.event, Noted):
            self.write(f"INSERT INTO owners VALUES ({one})", record.durable_id)


async def _refused_until_there_is_an_owner(store: Store) -> None:
    async with (
        ActorSystem(store=store, supervision=Supervision(max_restarts=1000)) as system,
        system.events.subscribe(ActorFailed) as events,
    ):
        if isinstance(store, SqliteStore):
            assert store._writing is not None
            store._writing.execute("PRAGMA foreign_keys = ON")  # as SQLite may be built
        ada = await system.spawn(Account, name="ada")
        await ada.ask(Deposit(1))
        view = await system.spawn(Ordered)
        error = (await anext(events)).error
        assert type(error) is StoreError
        assert "'Ordered'" in str(error)
        assert await store._offset("Ordered") == OffsetRow("Ordered", 0)
        await do(ada, lambda account: account.persist(Noted("owner")))  # the store has not failed
        await until(lambda: _position(view) == 2)


def _position(view: ActorRef[Any]) -> int:
    projection: Any = view._cell.instance
    try:
        return 0 if projection is None else projection.position
    except ActorError:  # it has not started yet
        return 0


_ENTRIES = "SELECT position FROM entries ORDER BY position"


async def test_p18_a_constraint_that_is_deferred_to_the_commit_refuses_the_batch(
    server: Server, schema: str
) -> None:
    async with soon(), PostgresStore(server.dsn, schema=schema, poll=0.02) as store:
        await store._link.read(lambda one: one.execute("DROP TABLE IF EXISTS entries, owners"))
        await _refused_until_there_is_an_owner(store)
        found = await store._link.read(lambda one: one.fetch(_ENTRIES))
        assert [row["position"] for row in found] == [1, 2]


async def test_p18_a_constraint_that_is_deferred_refuses_the_batch_in_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with soon(), SqliteStore(path) as store:
        await _refused_until_there_is_an_owner(store)
    connection = sqlite3.connect(path)
    assert connection.execute(_ENTRIES).fetchall() == [(1,), (2,)]
    connection.close()
