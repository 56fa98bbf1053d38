"""The bank of the documentation, whose planted race (it reads a balance, waits, and writes it back) is to be found."""

import asyncio

from actorio import ActorSystem
from docs.examples.testing.bank import Account, Balance, Set, Teller

__all__ = ["Account", "Balance", "Set", "Teller", "main", "two_deposits"]


async def two_deposits(system: ActorSystem) -> int:
    """Pay 1 into one account through two tellers, the second a moment later; 2 is what should be there."""
    account = await system.spawn(Account, name="account")
    tellers = [await system.spawn(Teller, account, name=name) for name in ("ann", "bob")]
    for teller in tellers:
        await teller.send(1)
        for _ in range(4):
            await asyncio.sleep(0)
    for teller in tellers:
        teller.close()
        await teller.join()
    return await account.ask(Balance())


async def main() -> None:
    async with ActorSystem() as system:
        balance = await two_deposits(system)
    assert balance == 2, f"balance {balance} after two deposits"
