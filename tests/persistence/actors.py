"""Durable actors for the tests, and each kind of store by name."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from actorio import Actor, ActorRef, ActorSystem, Ask, Supervision
from actorio.persistence import (
    DurableState,
    EventSourced,
    Fired,
    MemoryStore,
    PostgresStore,
    Reminder,
    SnapshotEvery,
    SqliteStore,
    Store,
    stored,
)

MakeStore = Callable[[], Store]


@dataclass(frozen=True)
class Deposit(Ask[int]):
    amount: int
    once: str | None = None


@dataclass(frozen=True)
class Look(Ask[int]):
    """What is the balance?"""


@dataclass(frozen=True)
class Do(Ask[Any]):
    """Runs a function with the actor; never stored."""

    what: Any


@dataclass(frozen=True)
class Tick:
    text: str = "tick"


@dataclass(frozen=True)
class Deposited:
    amount: int


@stored("note", version=1)
@dataclass(frozen=True)
class Noted:
    text: str


@dataclass(frozen=True)
class Balance:
    cents: int = 0
    notes: tuple[str, ...] = ()


Command = Deposit | Look | Do | Tick


class Account(EventSourced[Command, Deposited | Noted, Balance]):
    """An account; its key is its name, unless it is given."""

    def __init__(self, key: str | None = None) -> None:
        self._key = key

    @property
    def key(self) -> str:
        return super().key if self._key is None else self._key

    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Deposited | Noted) -> Balance:
        if isinstance(event, Noted):
            if event.text == "poison":
                raise ValueError("poison")
            return Balance(state.cents, (*state.notes, event.text))
        return Balance(state.cents + event.amount, state.notes)

    def tags(self, event: Deposited | Noted) -> Iterable[str]:
        return ("note",) if isinstance(event, Noted) else ()

    async def receive(self, message: Command) -> Any:
        if isinstance(message, Deposit):
            return await self.persist(
                Deposited(message.amount), reply=lambda state: state.cents, once=message.once
            )
        if isinstance(message, Tick):
            return await self.ticked(message, self.fired)
        if isinstance(message, Do):
            outcome = message.what(self)
            return await outcome if asyncio.iscoroutine(outcome) else outcome
        return self.state.cents

    async def ticked(self, message: Tick, fired: Fired | None) -> None:
        await self.persist(Noted(message.text))


class Parent(Actor[None]):
    """Lets its accounts fail as often as they are fenced."""

    supervision = Supervision(max_restarts=10_000)

    async def account(self, name: str) -> ActorRef[Account]:
        return await self.context.get_or_spawn(name, Account)


class Snapshotted(Account):
    """Keeps two snapshots and all events."""

    snapshots = SnapshotEvery(5)


class Pruned(Account):
    """Deletes the events that are in its one snapshot."""

    snapshots = SnapshotEvery(5, keep=1, delete_events=True)


class Cart(DurableState[Do, Balance]):
    def initial_state(self) -> Balance:
        return Balance()

    async def receive(self, message: Do) -> Any:
        outcome = message.what(self)
        return await outcome if asyncio.iscoroutine(outcome) else outcome


class Point(msgspec.Struct, frozen=True):
    x: int
    y: float = 0.0


async def do(ref: ActorRef[Any], what: Callable[[Any], Any]) -> Any:
    return await ref.ask(Do(what))


async def deposit(store: Store, key: str, *amounts: int, kind: type[Account] = Account) -> int:
    """Deposit in a system of its own, and return the balance."""
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(kind, name=key)
        for amount in amounts:
            await ref.ask(Deposit(amount))
        return await ref.ask(Look())


async def balance(store: Store, key: str, kind: type[Any] = Account) -> Balance:
    """Recover an actor in a system of its own, and return its state."""
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(kind, name=key)
        state: Balance = await do(ref, lambda actor: actor.state)
        return state


class Stores:
    """The stores of one test: each call of `make` gives another store object on the same content."""

    def __init__(self, kind: str, folder: Path, dsn: str = "", schema: str = "actorio") -> None:
        self.kind, self.dsn, self.schema = kind, dsn, schema
        self._memory = MemoryStore()
        self._path = folder / "store.db"

    @property
    def persistent(self) -> bool:
        """Whether its content outlives the block that the store was opened in."""
        return self.kind != "sqlite-memory"

    def make(self, **options: Any) -> Store:
        if self.kind == "memory":
            for name, value in options.items():
                setattr(self._memory, name, value)
            return self._memory
        if self.kind == "faulty":
            from actorio.testing import FaultyStore

            return FaultyStore(self._memory, **options)
        if self.kind == "postgres":
            return PostgresStore(self.dsn, schema=self.schema, poll=0.02, **options)
        return SqliteStore(":memory:" if self.kind == "sqlite-memory" else self._path, **options)


def reminder(delay: float = 10.0, text: str = "tick", key: str = "key") -> Reminder:
    return Reminder.after(delay, Tick(text), key=key)
