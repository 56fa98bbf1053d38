"""P3 and P13: sequences without gap or double, whoever writes; the later of two writers gets `ConflictError`."""

import pytest

from actorio import ActorSystem
from actorio.errors import ConflictError
from actorio.persistence import MemoryStore
from actorio.testing import FaultyStore
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Balance, Deposit, Look, Pruned, do, reminder


@pytest.mark.parametrize("kind", [Account, Pruned])
async def test_p3_the_sequences_of_two_writers_have_no_gap_and_no_double(kind: type[Account]) -> None:
    inner = MemoryStore()
    async with soon(), inner:
        one, two = FaultyStore(inner), FaultyStore(inner)
        async with ActorSystem("one", store=one) as first, ActorSystem("two", store=two) as second:
            refs = [await system.spawn(kind, name="ada") for system in (first, second)]
            acknowledged, conflicts = 0, []
            for turn in range(20):
                try:
                    acknowledged = await refs[turn // 3 % 2].ask(Deposit(1))
                except ConflictError as error:
                    conflicts.append(error)
            assert conflicts
            for error in conflicts:
                assert error.durable_id == f"{kind.__name__}/ada"
                assert error.expected is not None
                assert error.found is not None
                assert error.expected < error.found
            assert (await inner.verify()).problems == ()
        async with ActorSystem(store=inner) as system:
            assert await (await system.spawn(kind, name="ada")).ask(Look()) == acknowledged


@pytest.mark.parametrize("what", ["remind", "snapshot", "once", "erase"])
async def test_p13_every_kind_of_write_fences_the_other_writer(what: str) -> None:
    inner = MemoryStore()
    async with soon(), inner:
        one, two = FaultyStore(inner), FaultyStore(inner)
        async with ActorSystem("one", store=one) as first, ActorSystem("two", store=two) as second:
            ref, other = await first.spawn(Account, name="ada"), await second.spawn(Account, name="ada")
            await ref.ask(Deposit(1))
            with pytest.raises(ConflictError):
                await other.ask(Deposit(1))
            assert await other.ask(Look()) == 1
            writes = {
                "remind": lambda actor: actor.remind(reminder(3600)),
                "snapshot": lambda actor: actor.snapshot(),
                "once": lambda actor: actor.persist(once="x"),
                "erase": lambda actor: actor.erase(),
            }
            await do(ref, writes[what])
            with pytest.raises(ConflictError):
                await other.ask(Deposit(1))


async def test_p13_the_fenced_writer_fails_recovers_and_goes_on() -> None:
    inner = MemoryStore()
    async with soon(), inner:
        one, two = FaultyStore(inner), FaultyStore(inner)
        async with ActorSystem("one", store=one) as first, ActorSystem("two", store=two) as second:
            ref, other = await first.spawn(Account, name="ada"), await second.spawn(Account, name="ada")
            await ref.ask(Deposit(1))
            with pytest.raises(ConflictError):
                await other.ask(Deposit(5))
            assert await do(other, lambda actor: actor.state) == Balance(1)
            assert await other.ask(Deposit(5)) == 6
            assert other.statistics().restarts == 1
            assert two.statistics().conflicts == 1
