"""Programs with durable actors that both type checkers must accept, with the types that they have."""

from dataclasses import dataclass
from typing import assert_type

from actorio import ActorRef, ActorSystem, Ask
from actorio.persistence import (
    Done,
    DurableState,
    EventSourced,
    Fired,
    MemoryStore,
    Projection,
    RawEvent,
    Recorded,
    Reminder,
    SnapshotEvery,
    SqliteStore,
    Store,
    activate,
    stored,
)
from actorio.testing import FaultyStore


@dataclass(frozen=True)
class Deposit(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Close:
    """A command that is not answered."""


@stored("deposited", version=2, upcast={1: lambda old: old})
@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Closed:
    pass


@dataclass(frozen=True)
class Balance:
    cents: int = 0


class Account(EventSourced[Deposit | Close, Deposited | Closed, Balance]):
    kind = "account"
    once_kept = 10
    snapshots = SnapshotEvery(1000, keep=1, delete_events=True)

    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Deposited | Closed) -> Balance:
        return Balance(state.cents + event.amount) if isinstance(event, Deposited) else Balance()

    def tags(self, event: Deposited | Closed) -> tuple[str, ...]:
        return ("closed",) if isinstance(event, Closed) else ()

    async def on_recovered(self) -> None:
        assert_type(self.state, Balance)
        assert_type(self.sequence, int)

    async def receive(self, message: Deposit | Close) -> int | None:
        assert_type(self.fired, Fired | None)
        assert_type(self.done("x"), Done | None)
        if isinstance(message, Close):
            await self.persist(Closed(), once="closed", forget=["fee"])
            return None
        reminder = Reminder.every(60, Close(), key="fee")
        cents = await self.persist(
            Deposited(message.amount), reply=lambda state: state.cents, remind=[reminder]
        )
        assert_type(cents, int)
        await self.snapshot()
        return cents


class Cart(DurableState[Deposit, Balance]):
    def initial_state(self) -> Balance:
        return Balance()

    async def receive(self, message: Deposit) -> int:
        await self.save(Balance(message.amount))
        return await self.save(Balance(message.amount), reply=lambda state: state.cents)


class Totals(Projection[Deposited | Closed]):
    source = Account
    tag = "closed"

    async def on_start_projection(self) -> None:
        self.write("CREATE TABLE IF NOT EXISTS totals (id TEXT, cents INTEGER)")

    async def handle(self, record: Recorded[Deposited | Closed]) -> None:
        assert_type(record.event, Deposited | Closed)
        assert_type(record.durable_id, str)
        self.write("INSERT INTO totals VALUES (?, 1)", record.durable_id)

    async def receive(self, message: object) -> int:
        return self.position


async def main() -> None:
    store: Store = FaultyStore(MemoryStore(), unavailable=0.1)
    async with ActorSystem(store=SqliteStore("bank.db", sync="normal", timeout=3.0)) as system:
        assert_type(system.store, Store)
        account = await system.get_or_spawn("ada", Account)
        assert_type(account, ActorRef[Account])
        assert_type(await account.ask(Deposit(5)), int)
        activate(system, Account)
        assert_type(await system.spawn(Totals), ActorRef[Totals])
        await store.reset(Totals)
        async for record in store.events(Account, key="ada", follow=True):
            assert_type(record.event, Deposited | Closed)
            assert_type(record.event_id, str)
        async for raw in store.events(tag="closed"):
            assert_type(raw.event, RawEvent)
