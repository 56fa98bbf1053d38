"""A small bank with a planted race: it reads a balance, waits, and writes it back, over two actors."""

import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask


class Get(Ask[int]):
    """How much is there?"""


@dataclass(frozen=True)
class Put:
    amount: int


class Account(Actor[Get | Put]):
    def __init__(self) -> None:
        self.balance = 0

    async def receive(self, message: Get | Put) -> int | None:
        if isinstance(message, Get):
            return self.balance
        self.balance = message.amount
        return None


class Teller(Actor[int]):
    def __init__(self, account: ActorRef[Account]) -> None:
        self.account = account

    async def receive(self, amount: int) -> None:
        balance = await self.account.ask(Get())
        await self.account.send(Put(balance + amount))


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
    return await account.ask(Get())


async def main() -> None:
    async with ActorSystem() as system:
        balance = await two_deposits(system)
    assert balance == 2, f"balance {balance} after two deposits"
