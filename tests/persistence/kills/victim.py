"""The process that is killed: `python -m tests.persistence.kills.victim STORE SEED`.

A thousand accounts on one store. A command is two events; each acknowledged one is a line on standard output, written
before the client goes on. A client tries again under its once id, whatever has happened. Beside them a projection
keeps a table of all events.
"""

import asyncio
import os
import random
import sys
from dataclasses import dataclass
from typing import Any

from actorio import ActorSystem, Ask
from actorio.persistence import (
    EventSourced,
    Projection,
    Recorded,
    Reminder,
    SnapshotEvery,
    SqliteStore,
    Store,
    activate,
)

__all__ = ["ACCOUNTS", "Account", "Ledger", "open_store"]

ACCOUNTS = 1_000
_CLIENTS = 50


@dataclass(frozen=True)
class Transfer(Ask[int]):
    amount: int
    once: str


@dataclass(frozen=True)
class Remind(Ask[None]):
    number: str


@dataclass(frozen=True)
class Served:
    number: str


@dataclass(frozen=True)
class Taken:
    amount: int


@dataclass(frozen=True)
class Given:
    amount: int


@dataclass(frozen=True)
class Books:
    """What was taken and given is the same, unless a command was torn."""

    taken: int = 0
    given: int = 0
    served: tuple[str, ...] = ()


class Account(EventSourced[Transfer | Remind | Served, Taken | Given | Served, Books]):
    snapshots = SnapshotEvery(20)

    def initial_state(self) -> Books:
        return Books()

    def apply(self, state: Books, event: Taken | Given | Served) -> Books:
        if isinstance(event, Taken):
            return Books(state.taken + event.amount, state.given, state.served)
        if isinstance(event, Given):
            return Books(state.taken, state.given + event.amount, state.served)
        return Books(state.taken, state.given, (*state.served, event.number))

    async def receive(self, message: Transfer | Remind | Served) -> Any:
        if isinstance(message, Served):
            return await self.persist(message)
        if isinstance(message, Remind):
            reminder = Reminder.after(0.02, Served(message.number), key=message.number)
            return await self.persist(remind=[reminder], once=message.number)
        events = Taken(message.amount), Given(message.amount)
        return await self.persist(*events, reply=lambda _: self.sequence + 2, once=message.once)


class Ledger(Projection[Taken | Given | Served]):
    """Each event is a row of a table without a key: one that is handled twice is there twice."""

    source = Account

    async def on_start_projection(self) -> None:
        self.write("CREATE TABLE IF NOT EXISTS ledger (position BIGINT, event_id TEXT)")

    async def handle(self, record: Recorded[Taken | Given | Served]) -> None:
        values = "(?, ?)" if isinstance(self.context.system.store, SqliteStore) else "($1, $2)"
        self.write(f"INSERT INTO ledger VALUES {values}", record.position, record.event_id)


def open_store(where: str) -> Store:
    """Return the store of a path, or of the DSN of a PostgreSQL."""
    if where.startswith("postgresql:"):
        from actorio.persistence import PostgresStore

        return PostgresStore(where)
    return SqliteStore(where)


def _say(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


async def _client(system: ActorSystem, seed: str) -> None:
    draw = random.Random(seed)
    number = 0
    while True:
        number += 1
        name, once = f"a{draw.randrange(ACCOUNTS)}", f"{seed}.{number}"
        ref = await system.get_or_spawn(name, Account)
        if draw.random() < 0.1:
            _say("remind", name, once)
            await ref.ask(Remind(once))
            _say("reminded", name, once)
            continue
        amount = draw.randrange(1, 100)
        _say("try", name, once, amount)
        sequence = await ref.ask(Transfer(amount, once))
        _say("ack", name, once, amount, sequence)


async def main(where: str, seed: str) -> None:
    async with ActorSystem(store=open_store(where)) as system:
        activate(system, Account)
        await system.spawn(Ledger)
        _say("open")
        clients = [asyncio.create_task(_client(system, f"{seed}-{number}")) for number in range(_CLIENTS)]
        await asyncio.wait(clients, return_when=asyncio.FIRST_COMPLETED)
        for client in clients:
            if client.done():
                client.result()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
