"""P8 and P9: what nobody can tell ends the incarnation, and the next one reads after all that is under way."""

import asyncio
import contextlib
from typing import Any

import pytest

from actorio import ActorFailed, ActorStoppedError, ActorSystem, ExitReason, RestartLimitError
from actorio.errors import OutcomeUnknownError, StoreClosedError, StoreFailedError, StoreUnavailableError
from actorio.persistence import MemoryStore
from actorio.testing import FaultyStore
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Balance, Deposit, Deposited, Look, do
from tests.persistence.held import HeldStore


@pytest.mark.parametrize("written", [False, True])
async def test_p8_an_unknown_outcome_fails_the_incarnation_and_the_next_one_knows(written: bool) -> None:
    store = FaultyStore(MemoryStore())
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        store.fail_next(OutcomeUnknownError, written=written)
        with pytest.raises(OutcomeUnknownError):
            await ref.ask(Deposit(5))
        assert await ref.ask(Look()) == (5 if written else 0)
        assert ref.statistics().restarts == 1


async def _impatient(account: Account) -> str:
    try:
        async with asyncio.timeout(0.001):
            await account.persist(Deposited(5))
    except TimeoutError:
        return "swallowed"
    return "in time"


async def test_p8_a_timeout_around_a_persist_fails_the_incarnation_though_it_is_swallowed() -> None:
    store = HeldStore()
    async with soon(), ActorSystem(store=store) as system, system.events.subscribe(ActorFailed) as events:
        ref = await system.spawn(Account, name="ada")
        assert await do(ref, _impatient) == "swallowed"
        looking = asyncio.ensure_future(ref.ask(Look()))
        await asyncio.sleep(0.01)
        assert not looking.done()  # the recovery waits for what is in flight
        store.gate.set()
        assert await looking == 5
        assert isinstance((await anext(events)).error, OutcomeUnknownError)
        assert ref.statistics().restarts == 1


async def test_p8_nothing_is_written_in_the_rest_of_a_message_in_doubt() -> None:
    store = FaultyStore(MemoryStore())

    async def stubborn(account: Account) -> None:
        with contextlib.suppress(OutcomeUnknownError):
            await account.persist(Deposited(5))
        await account.persist(Deposited(7))

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        store.fail_next(OutcomeUnknownError, written=True)
        with pytest.raises(OutcomeUnknownError):
            await do(ref, stubborn)
        assert await ref.ask(Look()) == 5


async def test_p8_what_is_certainly_not_written_lets_the_incarnation_go_on() -> None:
    store = FaultyStore(MemoryStore())
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        store.fail_next(StoreUnavailableError("away"))
        with pytest.raises(StoreUnavailableError, match="away"):
            await ref.ask(Deposit(5))
        assert await ref.ask(Deposit(1)) == 1
        assert ref.statistics().restarts == 0


async def test_p8_a_failed_store_is_failed_for_good_and_the_system_gives_up() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner)

    async def block() -> None:
        async with soon(), ActorSystem(store=store) as system:
            ref = await system.spawn(Account, name="ada")
            store.fail_next(StoreFailedError)
            with pytest.raises(StoreFailedError):
                await ref.ask(Deposit(5))
            with pytest.raises(StoreFailedError):
                await store.position()
            await asyncio.sleep(3600)

    with pytest.raises(BaseExceptionGroup) as caught:
        await block()
    assert caught.value.subgroup(RestartLimitError) is not None
    assert inner._kept == {}


async def test_p9_a_new_actor_waits_for_the_write_that_a_kill_has_left_in_flight() -> None:
    store = HeldStore()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        asking = asyncio.ensure_future(ref.ask(Deposit(5)))
        await store.came.wait()
        ref.kill()
        with pytest.raises(ActorStoppedError):
            await asking
        assert (await ref.join()).reason is ExitReason.KILLED
        loads = store.loads
        spawning = asyncio.ensure_future(system.spawn(Account, name="ada"))
        await asyncio.sleep(0.01)
        assert store.loads == loads
        assert not spawning.done()
        store.gate.set()
        again = await spawning
        assert await do(again, lambda actor: actor.state) == Balance(5)


@pytest.mark.parametrize("fails", [True, False])
async def test_p8_a_load_in_flight_is_told_why_there_is_none(fails: bool) -> None:
    store = HeldStore()
    async with soon():
        await store.open()
        store.hold_loads()
        loading = asyncio.ensure_future(store._loaded("Account/ada"))
        await store.came.wait()
        waiting = asyncio.ensure_future(store._loaded("Account/bob"))
        await asyncio.sleep(0)
        if fails:
            store._fail(StoreFailedError("disk I/O error"))
        else:
            await store.close()
        for one, durable_id in ((loading, "Account/ada"), (waiting, "Account/bob")):
            with pytest.raises(StoreFailedError if fails else StoreClosedError) as caught:
                await one
            assert caught.value.durable_id == durable_id
        await store.close()


async def test_p9_a_close_of_the_system_commits_what_was_accepted() -> None:
    store = HeldStore()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        for _ in range(3):
            await ref.send(Deposit(1))
        await store.came.wait()
        store.gate.set()
    async with soon(), ActorSystem(store=store) as system:
        assert await (await system.spawn(Account, name="ada")).ask(Look()) == 3


@pytest.mark.real_loop("real time")
async def test_p9_what_is_in_flight_after_a_kill_of_the_system_is_in_its_report() -> None:
    store = HeldStore()
    system: Any = ActorSystem(store=store, shutdown_timeout=0)

    async def block() -> None:
        async with soon(), system:
            ref = await system.spawn(Account, name="ada")
            await ref.send(Deposit(1))
            await store.came.wait()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await block()
    assert system.report.abandoned == ("<HeldStore>: 1 writes",)
