"""Two tellers at one account, in two hundred orders."""

import asyncio

import pytest
from bank import Account, Balance, Teller

from actorio import ActorSystem
from actorio.testing import settled


async def a_moment() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


@pytest.mark.simulate(seeds=200)
async def test_no_deposit_is_lost(actor_system: ActorSystem) -> None:
    account = await actor_system.spawn(Account, name="account")
    for name in ("ann", "bob"):
        teller = await actor_system.spawn(Teller, account, name=name)
        await teller.send(1)
        await a_moment()
    await settled(actor_system)
    assert await account.ask(Balance()) == 2
