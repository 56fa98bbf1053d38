"""P18: projections are given each record in order, and are exactly once in their own database."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from actorio import ActorFailed, ActorSystem
from actorio.errors import ConflictError, NameNotFoundError, StoreError
from actorio.persistence import MemoryStore, Projection, Recorded, SqliteStore
from actorio.testing import FaultyStore, until
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit, Deposited, Noted, Pruned, Stores, do

pytestmark = pytest.mark.real_loop("a database on threads")


class Seen(Projection[Deposited | Noted]):
    """Notes what it is given outside."""

    source = (Account, Pruned)

    def __init__(self, seen: list[Any], handle: Any = None) -> None:
        self.seen, self._handle = seen, handle

    async def handle(self, record: Recorded[Deposited | Noted]) -> None:
        if self._handle is not None:
            self._handle(record)
        self.seen.append(record.event_id)

    async def on_erased(self, durable_id: str) -> None:
        self.seen.append(f"erased {durable_id}")

    async def receive(self, message: str) -> int:
        return self.position


class Totals(Projection[Deposited | Noted]):
    """Adds up in a table."""

    source = Account

    async def on_start_projection(self) -> None:
        self.write("CREATE TABLE IF NOT EXISTS totals (id TEXT PRIMARY KEY, cents INTEGER, events INTEGER)")

    async def on_reset(self) -> None:
        self.write("DELETE FROM totals")

    async def on_erased(self, durable_id: str) -> None:
        self.write("DELETE FROM totals WHERE id = ?", durable_id)

    async def handle(self, record: Recorded[Deposited | Noted]) -> None:
        amount = record.event.amount if isinstance(record.event, Deposited) else 0
        self.write(
            "INSERT INTO totals VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE"
            " SET cents = cents + excluded.cents, events = events + 1",
            record.durable_id,
            amount,
        )

    async def receive(self, message: str) -> int:
        return self.position


def rows(path: Path) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT id, cents, events FROM totals ORDER BY id").fetchall()
    finally:
        connection.close()


async def test_p18_records_are_handled_in_order_and_the_next_one_goes_on(stores: Stores) -> None:
    store, seen = stores.make(), []  # type: tuple[Any, list[Any]]
    async with soon(), ActorSystem(store=store) as system:
        ada = await system.spawn(Account, name="ada")
        bob = await system.spawn(Pruned, name="bob")
        await ada.ask(Deposit(1))
        view = await system.spawn(Seen, seen)
        await bob.ask(Deposit(1))
        await ada.ask(Deposit(1))
        await until(lambda: len(seen) == 3)
        view.close()
        await view.join()
        await do(ada, lambda account: account.erase())
        view = await system.spawn(Seen, seen)
        await until(lambda: len(seen) == 4)
        assert seen == ["Account/ada#1", "Pruned/bob#1", "Account/ada#2", "erased Account/ada"]
        assert await view.ask("position") == 4  # type: ignore[misc]


async def test_p18_a_handle_that_raises_is_given_the_record_again(stores: Stores) -> None:
    store, seen = stores.make(), []  # type: tuple[Any, list[Any]]
    failures: list[int] = []

    def fail(record: Recorded[Any]) -> None:
        if record.position == 3 and len(failures) < 2:
            failures.append(record.position)
            raise ZeroDivisionError

    async with soon(), ActorSystem(store=store) as system, system.events.subscribe(ActorFailed) as events:
        ada = await system.spawn(Account, name="ada")
        await do(ada, lambda account: account.persist(*[Deposited(1)] * 5))
        view = await system.spawn(Seen, seen, fail)
        await until(lambda: len(seen) == 5)
        assert seen == [f"Account/ada#{number}" for number in range(1, 6)]
        assert isinstance((await anext(events)).error, ZeroDivisionError)
        assert view.statistics().restarts == 2


async def test_p18_what_is_written_and_the_offset_are_one_transaction(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for _ in range(3):
        async with soon(), ActorSystem(store=SqliteStore(path)) as system:
            view = await system.spawn(Totals)
            refs = [await system.spawn(Account, name=name) for name in ("ada", "bob")]
            for number in range(60):
                await refs[number % 2].ask(Deposit(1))
                if number % 7 == 0:
                    view.kill()
                    await view.join()
                    view = await system.spawn(Totals)
            last = await system.store.position()
            await _until_at(view, last)
    assert rows(path) == [("Account/ada", 90, 90), ("Account/bob", 90, 90)]


async def test_p18_wrong_sql_writes_nothing_and_names_the_projection(tmp_path: Path) -> None:
    class Wrong(Totals):
        async def handle(self, record: Recorded[Any]) -> None:
            await super().handle(record)
            self.write("INSERT INTO nothing VALUES (1)")

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
        assert isinstance(error, StoreError)
        assert "'Wrong'" in str(error)
        assert "nothing" in str(error)
        view.kill()
        await view.join()
        assert rows(path) == []


async def test_p18_of_two_with_one_name_the_later_is_in_conflict() -> None:
    inner, seen, others = MemoryStore(), [], []  # type: tuple[Any, list[Any], list[Any]]
    async with soon(), inner:
        one, two = FaultyStore(inner), FaultyStore(inner)
        async with ActorSystem("one", store=one) as first, ActorSystem("two", store=two) as second:
            ada = await first.spawn(Account, name="ada")
            async with second.events.subscribe(ActorFailed) as events:
                await second.spawn(Seen, others)
                await first.spawn(Seen, seen)
                await ada.ask(Deposit(1))
                await until(lambda: len(seen) == 1)
                two._committed()  # it has not heard of what another process has written
                assert isinstance((await anext(events)).error, ConflictError)


async def test_p18_a_projection_that_is_reset_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ada = await system.spawn(Account, name="ada")
        await ada.ask(Deposit(3))
        for wrong in ("Nobody", Totals):
            with pytest.raises(NameNotFoundError):
                await system.store.reset(wrong)
        for _ in range(2):
            view = await system.spawn(Totals)
            await _until_at(view, 1)
            assert rows(path) == [("Account/ada", 3, 1)]
            view.close()
            await view.join()
            await system.store.reset(Totals)
        await system.store.drop("Totals")
        with pytest.raises(NameNotFoundError):
            await system.store.drop(Totals)


async def _until_at(view: Any, position: int) -> None:
    await until(lambda: view._cell.instance is not None and view._cell.instance.position >= position)


async def test_p18_retention_waits_for_every_offset(stores: Stores) -> None:
    store, seen = stores.make(), []  # type: tuple[Any, list[Any]]
    async with soon(), ActorSystem(store=store) as system:
        view = await system.spawn(Seen, seen)
        view.close()
        await view.join()
        bob = await system.spawn(Pruned, name="bob")
        for _ in range(7):
            await bob.ask(Deposit(1))
        assert (await store.info("Pruned/bob")).events == 7
        view = await system.spawn(Seen, seen)
        await _until_at(view, 7)
        for _ in range(5):
            await bob.ask(Deposit(1))
        assert (await store.info("Pruned/bob")).events < 7
        await until(lambda: len(seen) == 12)
        assert seen == [f"Pruned/bob#{number}" for number in range(1, 13)]


async def test_p18_a_projection_passes_what_is_others(stores: Stores) -> None:
    class Notes(Seen):
        source = Account
        tag = "note"

    store, seen = stores.make(), []  # type: tuple[Any, list[Any]]
    async with soon(), ActorSystem(store=store) as system:
        ada = await system.spawn(Account, name="ada")
        view = await system.spawn(Notes, seen)
        await do(ada, lambda account: account.persist(*[Deposited(1)] * 1500))
        await _until_at(view, 1500)
        await do(ada, lambda account: account.persist(Noted("x")))
        await until(lambda: seen == ["Account/ada#1501"])


async def test_p18_write_needs_sql_and_its_place() -> None:
    class Anywhere(Seen):
        async def receive(self, message: str) -> Any:
            self.write("SELECT 1")

    async with soon(), ActorSystem(store=MemoryStore()) as system:
        with pytest.raises(StoreError, match="has no SQL"):
            await system.spawn(Totals)
        ref = await system.spawn(Anywhere, [])
        with pytest.raises(RuntimeError, match="write works in handle"):
            await ref.ask("x")  # type: ignore[misc]


def test_p18_a_class_that_cannot_work_is_refused_as_it_is_made() -> None:
    with pytest.raises(TypeError, match="override on_start_projection"):
        type("A", (Seen,), {"on_start": Seen.handle})
    with pytest.raises(TypeError, match="must not override run"):
        type("A", (Seen,), {"run": Seen.handle})
    assert (Seen.projection, Totals.projection) == ("Seen", "Totals")


@pytest.mark.parametrize("source", [None, (), Seen, (Account, 7), "Account"])
async def test_p18_what_is_no_source_is_refused_by_spawn(source: Any) -> None:
    wrong = type("Wrong", (Seen,), {"source": source})
    async with soon(), ActorSystem(store=MemoryStore()) as system:
        with pytest.raises(TypeError):
            await system.spawn(wrong, [])
