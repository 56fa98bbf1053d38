"""P4, P5, P6, P7: checked before written; the state is what is committed; one turn; effects after the commit."""

import asyncio
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.errors import NotStorableError, StoreUnavailableError
from actorio.persistence import EventSourced, MemoryStore
from actorio.testing import FaultyStore
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Balance, Deposit, Deposited, Do, Look, Noted, do
from tests.persistence.held import HeldStore


async def test_p4_an_event_that_apply_refuses_is_not_written() -> None:
    store = MemoryStore()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        with pytest.raises(NotStorableError, match="apply raised ValueError") as caught:
            await do(ref, lambda actor: actor.persist(Deposited(1), Noted("poison")))
        assert isinstance(caught.value.__cause__, ValueError)
        assert store._kept == {}
        assert await ref.ask(Deposit(2)) == 2


async def test_p4_what_is_applied_is_what_would_be_read_back() -> None:
    class Lists(EventSourced[Do, list[int], tuple[int, ...]]):
        def initial_state(self) -> tuple[int, ...]:
            return ()

        def apply(self, state: tuple[int, ...], event: list[int]) -> tuple[int, ...]:
            applied.append(event)
            return (*state, *event)

        async def receive(self, message: Do) -> Any:
            return await message.what(self)

    applied: list[list[int]] = []
    event = [1, 2]
    async with soon(), ActorSystem(store=MemoryStore()) as system:
        ref = await system.spawn(Lists, name="x")
        await do(ref, lambda actor: actor.persist(event))
        assert applied == [event]
        assert applied[0] is not event


async def test_p5_the_state_changes_after_the_commit_and_not_before() -> None:
    store = HeldStore()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        asking = asyncio.ensure_future(ref.ask(Deposit(5)))
        await store.came.wait()
        account: Any = ref._cell.instance
        assert (account.state, account.sequence) == (Balance(), 0)
        assert not asking.done()
        store.gate.set()
        assert await asking == 5
        assert (account.state, account.sequence) == (Balance(5), 1)


async def test_p5_a_state_that_was_changed_in_place_is_recovered_when_its_write_fails() -> None:
    class Mutable(EventSourced[Do, Deposited, list[int]]):
        def initial_state(self) -> list[int]:
            return []

        def apply(self, state: list[int], event: Deposited) -> list[int]:
            state.append(event.amount)
            return state

        async def receive(self, message: Do) -> Any:
            outcome = message.what(self)
            return await outcome if asyncio.iscoroutine(outcome) else outcome

    store = FaultyStore(MemoryStore())
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Mutable, name="x")
        await do(ref, lambda actor: actor.persist(Deposited(1)))
        store.fail_next(StoreUnavailableError)
        with pytest.raises(StoreUnavailableError):
            await do(ref, lambda actor: actor.persist(Deposited(2)))
        assert await do(ref, lambda actor: actor.state) == [1]
        assert ref.statistics().restarts == 1


async def test_p5_a_state_that_only_the_first_event_has_changed_in_place_is_recovered_too() -> None:
    class Mixed(EventSourced[Do, Deposited | Noted, list[int]]):
        def initial_state(self) -> list[int]:
            return []

        def apply(self, state: list[int], event: Deposited | Noted) -> list[int]:
            if isinstance(event, Noted):
                return list(state)
            state.append(event.amount)
            return state

        async def receive(self, message: Do) -> Any:
            return await message.what(self)

    async def look(actor: Mixed) -> list[int]:
        return actor.state

    store = FaultyStore(MemoryStore())
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Mixed, name="x")
        store.fail_next(StoreUnavailableError)
        with pytest.raises(StoreUnavailableError):
            await do(ref, lambda actor: actor.persist(Deposited(1), Noted("")))
        assert await do(ref, look) == []
        assert ref.statistics().restarts == 1


async def test_p6_mail_waits_for_the_commit_in_its_order() -> None:
    store = HeldStore()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        asks = [
            asyncio.ensure_future(ref.ask(message)) for message in (Deposit(5), Look(), Deposit(1), Look())
        ]
        await store.came.wait()
        await asyncio.sleep(0.01)
        assert len(store.groups) == 1
        store.gate.set()
        assert [await one for one in asks] == [5, 5, 6, 6]


async def test_p6_a_second_write_while_one_is_under_way_is_refused() -> None:
    store = HeldStore()

    async def both(account: Account) -> None:
        first = account.persist(Deposited(1))
        first.send(None)
        try:
            await account.persist(Deposited(2))
        finally:
            first.close()

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        store.gate.set()
        with pytest.raises(RuntimeError, match="while another write of it is under way"):
            await do(ref, both)


async def test_p7_what_follows_a_persist_happens_after_the_commit_and_not_in_recovery() -> None:
    store = HeldStore()
    effects: list[int] = []

    async def work(account: Account) -> None:
        await account.persist(Deposited(1))
        effects.append(account.state.cents)

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        asking = asyncio.ensure_future(do(ref, work))
        await store.came.wait()
        assert effects == []
        store.gate.set()
        await asking
        assert effects == [1]
        ref.close()
        await ref.join()
        again = await system.spawn(Account, name="ada")
        assert await again.ask(Look()) == 1
    assert effects == [1]
