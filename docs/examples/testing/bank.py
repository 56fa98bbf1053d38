"""A small bank: an account, and tellers that pay into it."""

from dataclasses import dataclass

from actorio import Actor, ActorRef, Ask


class Balance(Ask[int]):
    """How much is there?"""


@dataclass(frozen=True)
class Set:
    amount: int


class Account(Actor[Balance | Set]):
    def __init__(self) -> None:
        self.balance = 0

    async def receive(self, message: Balance | Set) -> int | None:
        if isinstance(message, Balance):
            return self.balance
        self.balance = message.amount
        return None


class Teller(Actor[int]):
    """Pays what it is sent into the account."""

    def __init__(self, account: ActorRef[Account]) -> None:
        self.account = account

    async def receive(self, amount: int) -> None:
        balance = await self.account.ask(Balance())
        await self.account.send(Set(balance + amount))
