"""P2: one call is one transaction: events, snapshot, once, reminders."""

import pytest

from actorio import ActorSystem
from actorio.errors import StoreFullError
from actorio.persistence import MemoryStore
from actorio.testing import FaultyStore
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Balance, Deposited, Noted, Snapshotted, Stores, do, reminder

pytestmark = pytest.mark.real_loop("a database on threads")


async def test_p2_all_parts_of_a_persist_are_there_after_it(stores: Stores) -> None:
    store = stores.make()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Snapshotted, name="ada")
        events = [Deposited(1)] * 4 + [Noted("x")]
        await do(ref, lambda actor: actor.persist(*events, once="a", remind=[reminder(3600)]))
        assert store.statistics().groups == 1
        info = await store.info("Snapshotted/ada")
        assert (info.events, info.snapshots, info.reminders) == (5, 1, 1)
        assert await do(ref, lambda actor: actor.done("a") is not None)


async def test_p2_nothing_of_a_persist_that_fails_is_there() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner)
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Snapshotted, name="ada")
        store.fail_next(StoreFullError)
        with pytest.raises(StoreFullError):
            await do(ref, lambda actor: actor.persist(*[Deposited(1)] * 5, once="a", remind=[reminder(3600)]))
        assert await do(ref, lambda actor: (actor.state, actor.sequence, actor.done("a"))) == (
            Balance(),
            0,
            None,
        )
        assert inner._kept == {}
        assert ref.statistics().restarts == 0


async def test_p2_one_write_in_conflict_takes_nothing_from_the_others_of_its_group(stores: Stores) -> None:
    store = stores.make()
    async with soon(), ActorSystem(store=store) as system:
        refs = [await system.spawn(Account, name=name) for name in "abc"]
        for ref in refs:
            await do(ref, lambda actor: actor.persist(Deposited(1)))
        await do(refs[1], _fall_behind)
        sends = [ref.submit(_deposit, ref) for ref in refs]
        outcomes = [await _outcome(send) for send in sends]
        assert outcomes == [None, "ConflictError", None]
        assert store.statistics().groups == 4
        assert [await do(ref, lambda actor: actor.state.cents) for ref in refs] == [2, 1, 2]
        assert (await store.verify()).problems == ()


def _fall_behind(actor: Account) -> None:
    assert actor._journal is not None
    actor._journal.revision -= 1


async def _deposit(ref: object) -> None:
    await ref._cell.instance.persist(Deposited(1))  # type: ignore[attr-defined]


async def _outcome(send: object) -> str | None:
    try:
        await send  # type: ignore[misc]
    except Exception as error:
        return type(error).__name__
    return None
