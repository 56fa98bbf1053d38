"""The repair: the account itself adds, in one turn."""

import pytest

from actorio import Actor, ActorRef, ActorSystem
from actorio.testing import Faults, settled


class Account(Actor[int]):
    """Its messages are deposits."""

    def __init__(self) -> None:
        self.balance = 0

    async def receive(self, amount: int) -> int:
        self.balance += amount
        return self.balance


class Teller(Actor[int]):
    def __init__(self, account: ActorRef[Account]) -> None:
        self.account = account

    async def receive(self, amount: int) -> None:
        await self.account.send(amount)


@pytest.mark.simulate(seeds=200)
async def test_no_deposit_is_lost(actor_system: ActorSystem) -> None:
    account = await actor_system.spawn(Account, name="account")
    for name in ("ann", "bob"):
        teller = await actor_system.spawn(Teller, account, name=name)
        await teller.send(1)
    await settled(actor_system)
    assert await account.ask(0) == 2


@pytest.mark.simulate(seeds=200, faults=Faults(slow=0.2, full=0.5))
async def test_no_deposit_is_lost_by_the_slow(actor_system: ActorSystem) -> None:
    account = await actor_system.spawn(Account, name="account")
    teller = await actor_system.spawn(Teller, account, name="ann")
    for _ in range(5):
        await teller.send(1)
    await settled(actor_system, timeout=60)
    assert await account.ask(0) == 5
