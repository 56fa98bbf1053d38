"""Each line that is marked must be refused by both type checkers, and no other line."""

from dataclasses import dataclass

from actorio import ActorSystem, Ask
from actorio.persistence import DurableState, EventSourced, MemoryStore, Projection, Recorded, Reminder


@dataclass(frozen=True)
class Deposit(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Balance:
    cents: int = 0


class Account(EventSourced[Deposit, Deposited, Balance]):
    def initial_state(self) -> int:  # refused
        return 0

    def apply(self, state: Balance, event: str) -> Balance:  # refused
        return state

    async def on_start(self) -> None:  # refused
        pass

    async def receive(self, message: Deposit) -> int:
        await self.persist(Balance())  # refused
        text: str = await self.persist(Deposited(1), reply=lambda state: state.cents)  # refused
        await self.persist(Deposited(1), reply=lambda state: state.euros)  # refused
        await self.persist(Deposited(1), once=7)  # refused
        await self.persist(Deposited(1), remind=[Reminder.after(1, Deposited(1))])  # refused
        self.state = Balance()  # refused
        return len(text)


class Cart(DurableState[Deposit, Balance]):
    async def receive(self, message: Deposit) -> None:
        await self.save(Deposited(1))  # refused
        number: int = self.state  # refused
        print(number)


class Totals(Projection[Deposited]):
    source = Cart  # refused

    async def handle(self, record: Recorded[Balance]) -> None:  # refused
        self.write(7)  # refused


async def main() -> None:
    async with ActorSystem(store="bank.db") as system:  # refused
        account = await system.spawn(Account)
        await account.ask(Deposited(1))  # refused
        async for record in MemoryStore().events(Cart):  # refused
            print(record)
        async for record in MemoryStore().events(Account):
            text: str = record.event  # refused
            print(text)
