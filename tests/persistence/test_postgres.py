"""PostgreSQL as it is beside the guarantees: what takes long, and what is under way as a store closes."""

import asyncio

import pytest

from actorio import ActorSystem
from actorio.errors import StoreClosedError
from actorio.persistence import PostgresStore
from actorio.testing import until
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit
from tests.persistence.pg import Server

pytestmark = pytest.mark.real_loop("a database")

TIMEOUT = 0.5


async def test_a_long_compact_holds_up_neither_writes_nor_reads(server: Server, schema: str) -> None:
    import asyncpg  # type: ignore[import-untyped]

    store = PostgresStore(server.dsn, schema=schema, timeout=TIMEOUT)
    async with soon(), ActorSystem(store=store) as system:
        ada = await system.spawn(Account, name="ada")
        await ada.ask(Deposit(1))
        blocker = await asyncpg.connect(server.dsn)
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute(f"LOCK TABLE {schema}.events IN SHARE UPDATE EXCLUSIVE MODE")
        compacting = asyncio.create_task(store.compact())
        await asyncio.sleep(1.4 * TIMEOUT)  # longer than a write or a load may wait
        assert await ada.ask(Deposit(1)) == 2
        assert await (await system.spawn(Account, name="bob")).ask(Deposit(1)) == 1
        assert (await store.info("Account/ada")).events == 2
        assert not compacting.done()
        await transaction.rollback()
        await blocker.close()
        await compacting


async def test_what_is_read_as_the_store_closes_does_not_connect_again(server: Server, schema: str) -> None:
    async with soon():
        store = PostgresStore(server.dsn, schema=schema)
        await store.open()
        reading = asyncio.create_task(
            store._reading(store._link.read, lambda one: one.fetch("SELECT pg_sleep(20)"))
        )
        await until(store._link._read_lock.locked)
        await asyncio.sleep(0.05)
        await store.close()
        with pytest.raises(StoreClosedError):
            await reading
        assert store._link._reading is None
