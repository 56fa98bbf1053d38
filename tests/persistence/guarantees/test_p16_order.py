"""P16, P19, P20: positions grow and are never used again; erased is gone; everything is bounded."""

import asyncio
from pathlib import Path

import pytest

from actorio import ActorSystem
from actorio.persistence import SqliteStore
from actorio.persistence._group_commit import MOST_BYTES, MOST_WRITES
from actorio.testing import until
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit, Deposited, Noted, Stores, do, reminder
from tests.persistence.held import HeldStore

pytestmark = pytest.mark.real_loop("a database on threads")


async def test_p16_a_position_is_never_used_again(stores: Stores) -> None:
    store = stores.make()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda actor: actor.persist(Deposited(1), Deposited(2)))
        await do(ref, lambda actor: actor.erase())
        await ref.join()
        assert await store.position() == 3
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        assert [one.position async for one in store.events(Account)] == [4]


async def test_p19_nothing_of_an_erased_id_is_left_in_the_files(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    secret = "SECRET-7f3a"
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Account, name="ada")
        await do(
            ref,
            lambda actor: actor.persist(
                *(Noted(f"{secret}{number}") for number in range(50)),
                reply=lambda _: secret,
                once=secret,
                remind=[reminder(60, secret, secret)],
            ),
        )
        await do(ref, lambda actor: actor.snapshot())
        other = await system.spawn(Account, name="bob")
        await other.ask(Deposit(1))
        assert _found(tmp_path, secret)
        await do(ref, lambda actor: actor.erase())
        assert not _found(tmp_path, secret)
        assert await other.ask(Deposit(1)) == 2


def _found(folder: Path, secret: str) -> list[str]:
    return [file.name for file in folder.iterdir() if secret.encode() in file.read_bytes()]


async def test_p20_a_group_is_bounded_and_all_that_waits_is_in_it() -> None:
    store = HeldStore()
    async with soon(), ActorSystem(store=store) as system:
        refs = [await system.spawn(Account, name=f"a{number}") for number in range(MOST_WRITES + 10)]
        asks = [asyncio.ensure_future(ref.ask(Deposit(1))) for ref in refs]
        await until(lambda: len(store._commits) == len(refs))
        store.gate.set()
        assert [await one for one in asks] == [1] * len(refs)
        sizes = [len(group) for group in store.groups]
        assert sum(sizes) == len(refs)
        assert max(sizes) <= MOST_WRITES
        assert len(sizes) <= 3  # the first to come, and the two that all the others fit into
        statistics = store.statistics()
        assert statistics.writes == statistics.events == len(refs)
        assert statistics.largest == max(sizes)


async def test_p20_a_group_has_at_most_four_megabytes() -> None:
    store = HeldStore()
    text = "x" * 1_000_000
    async with soon(), ActorSystem(store=store) as system:
        refs = [await system.spawn(Account, name=f"a{number}") for number in range(9)]
        asks = [asyncio.ensure_future(do(ref, lambda actor: actor.persist(Noted(text)))) for ref in refs]
        await store.came.wait()
        await until(lambda: len(store._commits) == len(refs))
        store.gate.set()
        for ask in asks:
            await ask
        assert max(sum(write.size for write in group) for group in store.groups) <= MOST_BYTES
        assert max(len(group) for group in store.groups) == 4


async def test_p20_timers_of_an_actor_go_with_it() -> None:
    store = HeldStore()
    store.gate.set()
    async with soon(), ActorSystem(store=store) as system:
        for number in range(20):
            ref = await system.spawn(Account, name=f"a{number}")
            await do(ref, lambda actor: actor.remind(reminder(3600), reminder(86_400, "tick", "later")))
            if number % 2:
                ref.kill()
            else:
                ref.close()
            await ref.join()
        assert len(store._wall) == 0
        assert (await store.info("Account/a0")).reminders == 2


async def test_p20_one_write_of_each_actor_is_queued_at_most() -> None:
    store = HeldStore()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        for _ in range(100):
            await ref.send(Deposit(1))
        await store.came.wait()
        await asyncio.sleep(0.01)
        assert len(store._commits) == 1
        store.gate.set()
