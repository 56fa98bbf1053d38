"""P14: the last `once_kept` ids of an actor are kept, in memory and in every store, and no more."""

import pytest

from actorio import ActorSystem
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit, Stores, do

pytestmark = pytest.mark.real_loop("a database on threads")


class Forgetful(Account):
    once_kept = 2


async def test_p14_the_last_ids_are_kept_and_older_ones_are_not(stores: Stores) -> None:
    store = stores.make()
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Forgetful, name="ada")
        for number in range(4):
            assert await ref.ask(Deposit(1, once=f"o{number}")) == number + 1
        assert await do(ref, lambda actor: list(actor._journal.done)) == ["o2", "o3"]
        assert len((await store._loaded(f"{Forgetful.kind}/ada")).once) == 2
        assert await ref.ask(Deposit(1, once="o2")) == 3  # carried out, and answered as it was then
        assert await ref.ask(Deposit(1, once="o0")) == 5  # too long ago
        assert [row.once for row in (await store._loaded(f"{Forgetful.kind}/ada")).once] == ["o3", "o0"]
