"""P17, and P3, P13, P16 over processes: a restart of PostgreSQL is a pause, and two writers have one history."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest

from actorio import ActorSystem
from actorio.errors import ConflictError, OutcomeUnknownError, StoreError, StoreUnavailableError
from actorio.persistence import PostgresStore
from actorio.testing import until
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit, Look, Parent, deposit
from tests.persistence.kills.rounds import rounds
from tests.persistence.pg import Server, why_there_is_none

pytestmark = [
    pytest.mark.real_loop("a database server"),
    pytest.mark.asyncio(loop_factories=["asyncio"]),
    pytest.mark.skipif(bool(why_there_is_none()), reason=why_there_is_none()),
]


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server of this module's own, to be killed."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()


async def test_p17_nobody_sees_an_error_when_the_server_is_killed_and_started_again(
    own_server: Server, schema: str
) -> None:
    store = PostgresStore(own_server.dsn, schema=schema)
    acknowledged = [0] * 20
    going_on = True

    async def client(system: ActorSystem, number: int) -> None:
        ref = await system.spawn(Account, name=f"a{number}")
        while going_on:
            balance = await ref.ask(Deposit(1))
            acknowledged[number] += 1
            assert balance == acknowledged[number]

    async with ActorSystem(store=store) as system:
        clients = [asyncio.create_task(client(system, number)) for number in range(20)]
        for _ in range(2):
            await _more(acknowledged)
            await asyncio.to_thread(own_server.kill)
            await asyncio.to_thread(own_server.start)
        await _more(acknowledged)
        going_on = False
        done, _ = await asyncio.wait(clients)
        for one in done:
            one.result()
        assert (await store.verify()).problems == ()
        for number, count in enumerate(acknowledged):
            assert (await store.info(f"Account/a{number}")).sequence == count
        assert store.statistics().waits > 0


async def _more(acknowledged: list[int]) -> None:
    before = sum(acknowledged)
    await until(lambda: sum(acknowledged) >= before + 100, timeout=60)


async def test_p17_a_server_that_is_away_between_two_writes_is_one_wait(
    server: Server, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(server.dsn, schema=schema)
    connect = type(store._link)._connect
    refusals = 2

    async def away(self: Any) -> Any:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise ConnectionRefusedError("nobody listens")
        return await connect(self)

    async with ActorSystem(store=store) as system:
        ada = await system.spawn(Account, name="ada")
        assert await ada.ask(Deposit(1)) == 1
        await store._link._writing.close()
        monkeypatch.setattr(type(store._link), "_connect", away)
        assert await ada.ask(Deposit(1)) == 2
        assert store.statistics().waits == 1


@pytest.mark.parametrize("committed", [False, True])
async def test_p17_a_connection_that_is_lost_in_the_commit_is_looked_after(
    server: Server, schema: str, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    commit = asyncpg.transaction.Transaction.commit
    lost: list[bool] = []

    async def lose(self: Any) -> None:
        if lost or self._nested:
            await commit(self)
            return
        lost.append(True)
        if committed:
            await commit(self)
        self._connection.terminate()
        raise ConnectionResetError("planted")

    store = PostgresStore(server.dsn, schema=schema)
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        monkeypatch.setattr(asyncpg.transaction.Transaction, "commit", lose)
        assert await ref.ask(Deposit(5)) == 6
        assert lost
        assert await ref.ask(Deposit(1)) == 7
        assert (ref.statistics().restarts, store.statistics().resends) == (0, 0 if committed else 1)
        assert (await store.info("Account/ada")).events == 3


@pytest.mark.parametrize("in_the_commit", [False, True])
async def test_p17_one_that_is_away_too_long_is_an_error(
    server: Server, schema: str, monkeypatch: pytest.MonkeyPatch, in_the_commit: bool
) -> None:
    store = PostgresStore(server.dsn, schema=schema, timeout=0.3)

    commit = asyncpg.transaction.Transaction.commit

    async def lose(self: Any) -> None:
        if self._nested:
            await commit(self)
            return
        self._connection.terminate()
        raise ConnectionResetError("planted")

    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError("planted")

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        with monkeypatch.context() as patch:
            patch.setattr(store._link, "_connect", away)
            if in_the_commit:
                patch.setattr(asyncpg.transaction.Transaction, "commit", lose)
                with pytest.raises(OutcomeUnknownError):
                    await ref.ask(Deposit(5))
            else:
                store._link._lose("_writing")
                with pytest.raises(StoreUnavailableError):
                    await ref.ask(Deposit(5))
        assert await ref.ask(Look()) == 1
        assert ref.statistics().restarts == int(in_the_commit)


async def test_p1_what_is_acknowledged_after_a_cancelled_call_is_committed(
    server: Server, schema: str
) -> None:
    async with soon(), PostgresStore(server.dsn, schema=schema) as store:
        for passes in range(1, 6):  # of the loop, until the cancel: as the transaction begins, or soon after
            call = asyncio.create_task(store.reset("nobody"))
            for _ in range(passes):
                await asyncio.sleep(0)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            assert await deposit(store, "ada", 1) == passes
        async with PostgresStore(server.dsn, schema=schema) as other:
            assert (await other.info("Account/ada")).events == passes


async def test_p3_p13_p16_two_writers_of_one_database_and_a_reader(server: Server, schema: str) -> None:
    stores = [PostgresStore(server.dsn, schema=schema, poll=0.01) for _ in range(3)]
    acknowledged: dict[str, int] = {"ada": 0, "bob": 0}
    seen: list[int] = []

    async def writer(system: ActorSystem) -> None:
        parent = await system.spawn(Parent)
        for number in range(60):
            name = "ada" if number % 3 else "bob"
            ref = await parent.call(Parent.account, name)
            with contextlib.suppress(ConflictError):
                await ref.ask(Deposit(1))
                acknowledged[name] += 1

    async def reader(store: PostgresStore) -> None:
        async for record in store.events(Account, follow=True):
            seen.append(record.position)

    async with stores[2], ActorSystem(store=stores[0]) as one, ActorSystem(store=stores[1]) as two:
        reading = asyncio.create_task(reader(stores[2]))
        done, _ = await asyncio.wait([asyncio.create_task(writer(system)) for system in (one, two)])
        for each in done:
            each.result()
        everything = [record.position async for record in stores[2].events(Account)]
        await until(lambda: len(seen) >= len(everything))
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        assert seen == everything
        for name, count in acknowledged.items():
            assert (await stores[2].info(f"Account/{name}")).sequence == count
        assert (await stores[2].verify()).problems == ()


async def test_p13_of_two_processes_on_one_id_the_later_is_fenced_and_nothing_acknowledged_is_lost(
    server: Server, schema: str
) -> None:
    store = PostgresStore(server.dsn, schema=schema)
    async with ActorSystem(store=store) as system, _second_writer(server.dsn, schema) as order:
        here = await (await system.spawn(Parent)).call(Parent.account, "ada")
        assert await order(1) == ["ack 1"]
        with pytest.raises(ConflictError) as fenced:  # opened here before that was written there
            await here.ask(Deposit(1))
        assert (fenced.value.expected, fenced.value.found) == (0, 1)
        assert await here.ask(Deposit(1)) == 2
        assert await order(2) == ["conflict 1 2", "ack 3"]

        balances = [1, 2, 3]
        ordering = asyncio.create_task(order(40))
        while not ordering.done():
            with contextlib.suppress(ConflictError):
                balances.append(await here.ask(Deposit(1)))
        balances += [int(line.split()[1]) for line in await ordering if line.startswith("ack")]
        assert sorted(balances) == [*range(1, len(balances) + 1)]
        assert (await store.info("Account/ada")).sequence == len(balances)
        assert store.statistics().conflicts > 1
        assert (await store.verify()).problems == ()


@contextlib.asynccontextmanager
async def _second_writer(dsn: str, schema: str) -> AsyncIterator[Callable[[int], Awaitable[list[str]]]]:
    """Run the second writer; what is yielded orders deposits of it, and returns what became of each."""
    pipe = asyncio.subprocess.PIPE
    module = "tests.persistence.second_writer"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, dsn, schema, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def order(count: int) -> list[str]:
        stdin.write(f"{count}\n".encode())
        lines: list[str] = []
        async for line in stdout:
            if line == b"done\n":
                return lines
            lines.append(line.decode().strip())
        raise AssertionError(f"the second writer has ended: {lines}")

    try:
        yield order
    finally:
        stdin.close()
        assert await process.wait() == 0


@pytest.mark.parametrize("count", [1, pytest.param(10, marks=pytest.mark.long)])
async def test_p1_p2_p14_p15_p18_kill_9_loses_and_doubles_nothing_on_postgres(
    server: Server, tmp_path: Any, count: int
) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("DROP SCHEMA IF EXISTS actorio CASCADE")
    await connection.execute("DROP TABLE IF EXISTS ledger")
    await connection.close()
    audit = await rounds(server.dsn, count)
    assert sum(map(len, audit.acknowledged.values())) >= count
    assert audit.projected >= 2 * count


async def test_p1_a_server_that_does_not_sync_is_refused(schema: str) -> None:
    server = await asyncio.to_thread(Server)
    try:
        await asyncio.to_thread(server.start, fsync="off")
        with pytest.raises(StoreError, match="fsync=off"):
            await PostgresStore(server.dsn, schema=schema).open()
    finally:
        await asyncio.to_thread(server.stop)


async def test_p17_no_server_is_unavailable_and_bad_options_are_refused(schema: str) -> None:
    with pytest.raises(StoreUnavailableError):
        await PostgresStore("postgresql://postgres@127.0.0.1:1/postgres", schema=schema, timeout=0.5).open()
    wrong: Any
    for wrong in ("X", "a-b", "", "a;b", "a" * 64):
        with pytest.raises(ValueError, match="schema must have"):
            PostgresStore("postgresql://h/d", schema=wrong)
    with pytest.raises(ValueError, match="dsn must be like"):
        PostgresStore("bank.db")
    for wrong in (None, 7):
        with pytest.raises(TypeError, match="dsn must be a str"):
            PostgresStore(wrong)
    with pytest.raises(ValueError, match="poll"):
        PostgresStore("postgresql://h/d", poll=0)
