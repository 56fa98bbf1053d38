"""Durable accounts as entities: each keeps the numbers of all its deposits, in order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from actorio import Ask
from actorio.cluster import Entity
from actorio.persistence import EventSourced, stored


@dataclass(frozen=True)
class Deposit(Ask[int]):
    number: int


@dataclass(frozen=True)
class Tell(Ask[list[int]]):
    """Is answered with the numbers of all deposits, in order."""


@stored("deposited")
@dataclass(frozen=True)
class Deposited:
    number: int


@stored("deposits")
@dataclass(frozen=True)
class Deposits:
    numbers: tuple[int, ...] = ()


class Savings(EventSourced[Deposit | Tell, Deposited, Deposits]):
    """Notes when it worked, where the node has a journal."""

    journal: Any = None

    def initial_state(self) -> Deposits:
        return Deposits()

    def apply(self, state: Deposits, event: Deposited) -> Deposits:
        return Deposits((*state.numbers, event.number))

    async def receive(self, message: Deposit | Tell) -> Any:
        if isinstance(message, Tell):
            return list(self.state.numbers)
        began = time.monotonic()
        await self.persist(Deposited(message.number))
        if self.journal is not None:
            self.journal.write(f"{self.key} {began} {time.monotonic()}\n")
        return message.number


KIND = Entity(Savings, name="savings", shards=8, idle=2.0)
