"""A bank whose actors, store and systems fail: `run(seed)` is one run of it.

The oracles watch P1, P3, P5 and P8. What only the program can know is asserted here: that no acknowledged deposit is
lost or doubled, that `once` is once, and that a reminder is seen once by what is persisted.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actorio import ActorError, ActorSystem, Ask, Supervision
from actorio.persistence import (
    DurableState,
    EventSourced,
    MemoryStore,
    Reminder,
    SnapshotEvery,
    SqliteStore,
    Store,
    activate,
)
from actorio.testing import Faults, FaultyStore, PolicyName, SimulationResult, SimulationSettings, simulate

__all__ = ["FAULTS", "Bank", "run"]

NAMES = ("ada", "bob", "eve")
FAULTS = Faults(crash=0.01, cancel=0.01, kill=0.003, slow=0.03, slowest=0.05, most=8)
SETTINGS = SimulationSettings(max_steps=200_000, faults=FAULTS)
_POLICIES: tuple[PolicyName, ...] = ("random", "pct")


@dataclass(frozen=True)
class Deposit(Ask[int]):
    amount: int
    once: str
    patience: float | None = None


@dataclass(frozen=True)
class Pay(Ask[None]):
    """Set a reminder that is to be booked once."""

    number: int


@dataclass(frozen=True)
class Book:
    number: int


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Booked:
    number: int


@dataclass(frozen=True)
class State:
    cents: int = 0
    booked: tuple[int, ...] = ()


class Account(EventSourced[Deposit | Pay | Book, Deposited | Booked, State]):
    snapshots = SnapshotEvery(3, keep=2)
    supervision = Supervision(max_restarts=1000)

    def initial_state(self) -> State:
        return State()

    def apply(self, state: State, event: Deposited | Booked) -> State:
        if isinstance(event, Booked):
            return State(state.cents, (*state.booked, event.number))
        return State(state.cents + event.amount, state.booked)

    async def receive(self, message: Deposit | Pay | Book) -> Any:
        if isinstance(message, Book):
            return await self.persist(Booked(message.number))
        if isinstance(message, Pay):
            reminder = Reminder.after(0.05, Book(message.number), key=f"pay {message.number}")
            return await self.persist(remind=[reminder], once=f"pay {message.number}")
        deposit = self.persist(Deposited(message.amount), reply=lambda state: state.cents, once=message.once)
        if message.patience is None:
            return await deposit
        try:
            async with asyncio.timeout(message.patience):
                return await deposit
        except TimeoutError:
            return -1  # swallowed: the incarnation must fail all the same


class Pruned(Account):
    snapshots = SnapshotEvery(2, keep=1, delete_events=True)


class Saved(DurableState[Deposit | Pay | Book, State]):
    """The same, as a whole state."""

    def initial_state(self) -> State:
        return State()

    async def receive(self, message: Deposit | Pay | Book) -> Any:
        state = self.state
        if isinstance(message, Book):
            return await self.save(State(state.cents, (*state.booked, message.number)))
        if isinstance(message, Pay):
            reminder = Reminder.after(0.05, Book(message.number), key=f"pay {message.number}")
            return await self.save(
                state.__class__(state.cents, state.booked), remind=[reminder], once=f"pay {message.number}"
            )
        new = State(state.cents + message.amount, state.booked)
        return await self.save(new, reply=lambda state: state.cents, once=message.once)


CLASSES: dict[str, type[Account] | type[Saved]] = {"ada": Account, "bob": Pruned, "eve": Saved}


@dataclass
class Bank:
    """What the clients know of it."""

    inner: Store
    draw: random.Random
    acknowledged: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in NAMES})
    tried: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in NAMES})
    paid: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in NAMES})
    pays_tried: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in NAMES})
    number: int = 0

    async def client(self, system: ActorSystem, name: str) -> None:
        """Deposit, and try again under the same once id until it is acknowledged, or patience ends."""
        for _ in range(4):
            self.number += 1
            if self.draw.random() < 0.25:
                await self._pay(system, name, self.number)
                continue
            once, amount = f"{name} {self.number}", self.draw.randrange(1, 9)
            self.tried[name][once] = amount
            patience = self.draw.choice([None, None, 0.002])
            for _ in range(3):
                with contextlib.suppress(Exception):
                    ref = await system.get_or_spawn(name, CLASSES[name])
                    if await ref.ask(Deposit(amount, once, patience), timeout=1) >= 0:  # type: ignore[arg-type]
                        self.acknowledged[name][once] = amount
                        break
                await asyncio.sleep(0.005)

    async def _pay(self, system: ActorSystem, name: str, number: int) -> None:
        self.pays_tried[name].append(number)
        with contextlib.suppress(Exception):
            ref = await system.get_or_spawn(name, CLASSES[name])
            await ref.ask(Pay(number), timeout=1)  # type: ignore[arg-type]
            self.paid[name].append(number)

    async def day(self) -> None:
        """Run a system on a store with faults, which may crash in the middle."""
        store = FaultyStore(
            self.inner,
            unavailable=0.03,
            full=0.01,
            unknown_written=0.03,
            unknown_lost=0.03,
            slow=0.2,
            slowest=0.02,
        )
        crashes = self.draw.random() < 0.5
        with contextlib.suppress(ActorError, BaseExceptionGroup):
            async with ActorSystem(store=store, shutdown_timeout=1) as system:
                for kind in CLASSES.values():
                    activate(system, kind, lambda key: system.get_or_spawn(key, CLASSES[key]))
                clients = [asyncio.create_task(self.client(system, name)) for name in NAMES for _ in range(2)]
                try:
                    if crashes:
                        await asyncio.sleep(self.draw.random() * 0.1)
                        await store.crash()
                    await asyncio.wait(clients)
                finally:
                    for client in clients:
                        client.cancel()
                    await asyncio.wait(clients)
        if store.is_open:
            await store.close()

    async def audit(self) -> None:
        """Compare what is stored with what the clients know; the faults that are left do not end the system."""
        async with ActorSystem(store=self.inner, supervision=Supervision(max_restarts=1000)) as system:
            for name, kind in CLASSES.items():
                state, done = await _settled(system, name, kind)
                self._check(name, state, done)
            report = await self.inner.verify()
            assert report.problems == ()

    def _check(self, name: str, state: State, done: dict[str, Any]) -> None:
        for once in self.acknowledged[name]:
            assert once in done, f"{name}: {once!r} was acknowledged and is lost"
        amounts = [amount for once, amount in self.tried[name].items() if once in done]
        assert state.cents == sum(amounts), f"{name}: {state.cents} cents, and {sum(amounts)} were done"
        assert len(set(state.booked)) == len(state.booked), f"{name}: booked twice: {state.booked}"
        missing = {*self.paid[name]} - {*state.booked}
        assert not missing, f"{name}: not booked: {missing}"
        assert {*state.booked} <= {*self.pays_tried[name]}


async def _settled(system: ActorSystem, name: str, kind: Any) -> Any:
    """Recover an account, have booked what is due, and return what it knows; faults may still be in the way."""
    while True:
        try:
            ref = await system.get_or_spawn(name, kind)
            await asyncio.sleep(20)  # what is due is booked, at its fifth try
            return await ref.submit(_look, ref)
        except (Exception, asyncio.CancelledError):
            await asyncio.sleep(1)


def _look(ref: Any) -> Any:
    actor = ref._cell.instance
    return actor.state, dict(actor._journal.done or {})


async def _bank(seed: int, make: Callable[[], Store]) -> None:
    inner = make()
    async with inner:
        bank = Bank(inner, random.Random(seed))
        for _ in range(bank.draw.randrange(1, 4)):
            await bank.day()
        await bank.audit()


def _memory() -> Store:
    return MemoryStore()


def _sqlite() -> Store:
    return SqliteStore(":memory:")


def run(seed: int, *, trace: bool = False, tape: Any = None) -> SimulationResult[None]:
    """Run the bank once; every other seed on SQLite."""
    make = _sqlite if seed % 2 else _memory

    async def main() -> None:
        await _bank(seed, make)

    policy = _POLICIES[seed // 2 % 2]
    return simulate(main, seed=seed, policy=policy, settings=SETTINGS, trace=trace, tape=tape)
