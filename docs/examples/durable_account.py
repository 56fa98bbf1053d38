import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from actorio import ActorSystem, Ask
from actorio.persistence import EventSourced, SnapshotEvery, SqliteStore


@dataclass(frozen=True)
class Deposit(Ask[int]):  # a command, answered with the new balance
    amount: int


@dataclass(frozen=True)
class Deposited:  # an event
    amount: int


@dataclass(frozen=True)
class Balance:  # the state
    cents: int = 0


class Account(EventSourced[Deposit, Deposited, Balance]):
    snapshots = SnapshotEvery(1000)

    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Deposited) -> Balance:  # pure: no I/O, no clock
        return Balance(state.cents + event.amount)

    async def receive(self, message: Deposit) -> int:
        return await self.persist(Deposited(message.amount), reply=lambda state: state.cents)


async def main(path: Path) -> None:
    for day in ("Monday", "Tuesday"):
        async with ActorSystem(store=SqliteStore(path)) as system:
            account = await system.get_or_spawn("ada", Account)  # recovered
            await account.ask(Deposit(5))
            print(day, await account.ask(Deposit(2)))


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(Path(folder) / "bank.db"))
