"""The rows of the table of failures that no other test of a guarantee is about: recovery, restarts, sends, kills."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from actorio import ActorSystem, ExitReason
from actorio.errors import (
    ActorStoppedError,
    DamagedError,
    NotStorableError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from actorio.persistence import MemoryStore
from actorio.persistence._rows import Loaded
from actorio.testing import FaultyStore, until
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Balance, Cart, Deposit, Deposited, Look, Noted, do
from tests.persistence.held import HeldStore


class AwayStore(MemoryStore):
    """Its database is away for reads while `away` is set."""

    away: StoreError | None = None
    loads = 0

    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        self.loads += 1
        if self.away is not None:
            raise self.away
        return await super()._load(ids)


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), DamagedError("torn", "Account/ada", 1)])
async def test_p8_spawn_raises_what_recovery_has_met_and_the_id_is_free_again(error: StoreError) -> None:
    store = AwayStore()
    async with soon(), ActorSystem(store=store) as system:
        store.away = error
        with pytest.raises(type(error)) as caught:
            await system.spawn(Account, name="ada")
        assert caught.value.durable_id == "Account/ada"
        store.away = None
        assert await (await system.spawn(Account, name="ada")).ask(Deposit(5)) == 5


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), DamagedError("torn", "Account/ada", 1)])
async def test_p8_a_restart_that_cannot_recover_is_a_failed_restart(error: StoreError) -> None:
    store = AwayStore()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(5))
        loads, store.away = store.loads, error
        await ref.send(Deposit(float("nan")))  # type: ignore[arg-type]  # an error of a send fails the actor
        await until(lambda: store.loads > loads)
        store.away = None
        assert await ref.ask(Look()) == 5
        assert ref.statistics().restarts > 1


async def test_p8_an_error_of_a_send_fails_the_actor_and_its_mail_is_kept() -> None:
    store = FaultyStore(MemoryStore())
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        store.fail_next(StoreUnavailableError)
        await ref.send(Deposit(2))
        for _ in range(3):
            await ref.send(Deposit(4))
        assert await ref.ask(Look()) == 13
        assert ref.statistics().restarts == 1


async def test_p8_no_room_is_over_when_there_is_room() -> None:
    store = FaultyStore(MemoryStore())
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        store.fail_next(StoreFullError)
        with pytest.raises(StoreFullError) as caught:
            await ref.ask(Deposit(5))
        assert caught.value.durable_id == "Account/ada"
        assert await ref.ask(Deposit(1)) == 1
        assert ref.statistics().restarts == 0


async def test_p8_what_is_not_storable_lets_the_incarnation_go_on_and_in_place_does_not() -> None:
    class InPlace(Account):
        def apply(self, state: Balance, event: Deposited | Noted) -> Balance:
            if isinstance(event, Noted):
                raise ValueError("no notes")
            object.__setattr__(state, "cents", state.cents + event.amount)
            return state

    async with soon(), ActorSystem(store=MemoryStore()) as system:
        kinds: Sequence[tuple[type[Account], int]] = ((Account, 0), (InPlace, 1))
        for kind, restarts in kinds:
            ref = await system.spawn(kind, name=kind.__name__)
            await ref.ask(Deposit(1))
            with pytest.raises(NotStorableError):  # the second is refused, and the first was applied
                await do(ref, lambda actor: actor.persist(Deposited(5), Noted("poison")))
            assert await ref.ask(Look()) == 1
            assert ref.statistics().restarts == restarts


async def test_p8_a_state_that_was_changed_in_place_and_not_saved_is_recovered() -> None:
    store = FaultyStore(MemoryStore())
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Cart, name="ada")
        await do(ref, lambda actor: actor.save(Balance(1)))

        async def change(actor: Any) -> None:
            object.__setattr__(actor.state, "cents", 7)
            store.fail_next(StoreUnavailableError)
            await actor.save(actor.state)

        with pytest.raises(StoreUnavailableError):
            await do(ref, change)
        assert await do(ref, lambda actor: actor.state) == Balance(1)
        assert ref.statistics().restarts == 1


async def test_p8_a_kill_in_a_persist_is_a_cancel_and_the_store_finishes_what_it_has() -> None:
    store, met = HeldStore(), list[BaseException]()

    async def note(actor: Any) -> None:
        try:
            await actor.persist(Deposited(5))
        except BaseException as error:
            met.append(error)
            raise

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        asking = asyncio.ensure_future(do(ref, note))
        await store.came.wait()
        ref.kill()
        with pytest.raises(ActorStoppedError):
            await asking
        assert (await ref.join()).reason is ExitReason.KILLED
        assert [type(error) for error in met] == [asyncio.CancelledError]
        store.gate.set()
        assert await (await system.spawn(Account, name="ada")).ask(Look()) == 5
