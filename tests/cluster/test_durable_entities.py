"""A durable actor as an entity: its key is the entity's, its state outlives its activation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from actorio import ActorSystem, Ask
from actorio.cluster import Cluster, Entity
from actorio.persistence import EventSourced, MemoryStore
from actorio.testing import SimulatedNetwork
from tests.cluster.shop import HEARTBEAT, LEASE, passes, run


@dataclass(frozen=True)
class Deposit(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Balance:
    total: int = 0


class Savings(EventSourced[Deposit, Deposited, Balance]):
    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Deposited) -> Balance:
        return Balance(state.total + event.amount)

    async def receive(self, message: Deposit) -> int:
        await self.persist(Deposited(message.amount))
        return self.state.total


def test_a_durable_entity_recovers_when_its_next_message_activates_it_anew() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with (
            ActorSystem("bank", store=MemoryStore()) as system,
            Cluster(
                system,
                node="a",
                engine=network.engine(),
                entities=[Entity(Savings, idle=0.5)],
                lease=LEASE,
                heartbeat=HEARTBEAT,
            ) as cluster,
        ):
            alice, bob = cluster.entity(Savings, "alice"), cluster.entity(Savings, "bob/1")
            assert await alice.ask(Deposit(5)) == 5
            assert await bob.ask(Deposit(1)) == 1
            assert len(cluster.snapshot().activations) == 2
            await passes(2.0)
            assert cluster.snapshot().activations == ()
            assert await asyncio.gather(alice.ask(Deposit(2)), bob.ask(Deposit(2))) == [7, 3]

    run(main)
