"""What the tests of the cluster talk to, and nodes on a simulated network to run it on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, Ask, Terminated
from actorio.cluster import Cluster
from actorio.testing import SimulatedNetwork, SimulationSettings, simulate

LEASE, HEARTBEAT = 2.0, 0.5


@dataclass(frozen=True)
class Add(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Fail(Ask[int]):
    why: str


@dataclass(frozen=True)
class Take(Ask[list[int]]):
    """Answered with all amounts so far."""


@dataclass(frozen=True)
class Meet(Ask[str]):
    """Carries a ref."""

    other: ActorRef[Any]


class OutOfStockError(Exception):
    """Is registered where a test says so."""


class Till(Actor[Add | Fail | Take | Meet]):
    """A plain actor."""

    def __init__(self, start: int = 0) -> None:
        self.amounts = [start] if start else []

    async def receive(self, message: Add | Fail | Take | Meet) -> Any:
        match message:
            case Add(amount):
                self.amounts.append(amount)
                return sum(self.amounts)
            case Fail("stock"):
                raise OutOfStockError("no apples", 3)
            case Fail(why):
                raise ValueError(why)
            case Take():
                return self.amounts
            case Meet(other):
                return other.path

    async def total(self, factor: int = 1) -> int:
        return sum(self.amounts) * factor

    async def _secret(self) -> int:
        return 0


class Account(Till):
    """An entity."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


@dataclass(frozen=True)
class Block(Ask[None]):
    seconds: float


class Blocker(Actor[Block]):
    """Holds its loop up."""

    async def receive(self, message: Block) -> None:
        time.sleep(message.seconds)  # noqa: ASYNC251 (that is what it is for)


class Watcher(Actor[Any]):
    """Watches what it is sent."""

    def __init__(self, told: list[Terminated]) -> None:
        self.told = told

    async def receive(self, message: Any) -> None:
        self.context.watch(message)

    async def on_terminated(self, event: Terminated) -> None:
        self.told.append(event)


@contextlib.asynccontextmanager
async def node(network: SimulatedNetwork, name: str, **options: Any) -> AsyncIterator[Cluster]:
    """A node that hosts accounts and exposes tills."""
    given: dict[str, Any] = {
        "entities": [Account],
        "actors": [Till],
        "lease": LEASE,
        "heartbeat": HEARTBEAT,
        **options,
    }
    async with (
        ActorSystem(name) as system,
        Cluster(system, node=name, name="shop", engine=network.engine(), **given) as cluster,
    ):
        yield cluster


def run(main: Callable[[], Coroutine[Any, Any, Any]], *, seed: int = 1, policy: Any = "fifo") -> Any:
    """Run a program of several nodes in simulation; returns its value, raises its error."""
    result = simulate(main, seed=seed, policy=policy, settings=SimulationSettings(max_steps=3_000_000))
    if result.error is not None:
        raise result.error
    return result.value


async def passes(seconds: float) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(seconds)
