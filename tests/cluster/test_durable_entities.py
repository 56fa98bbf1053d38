"""A durable actor as an entity: its key is the entity's key, its state outlives its activation and its node."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.cluster import Cluster, ClusterState
from actorio.persistence import MemoryStore
from actorio.testing import FaultyStore, SimulatedNetwork
from tests.cluster.savings import KIND, Deposit, Savings, Tell
from tests.cluster.shop import HEARTBEAT, LEASE, passes, run

KEYS = ("alice", "bob/1", "carol")
NODES = ("a", "b", "c")
END = 8.0
"""Virtual seconds of trouble."""


class Bank:
    """Nodes that host savings on one content, each by a store of its own."""

    def __init__(self, **options: Any) -> None:
        self.network = SimulatedNetwork(**options)
        self.content = MemoryStore()
        self.random: random.Random = asyncio.get_running_loop().random  # type: ignore[attr-defined]
        self.acknowledged: dict[str, list[int]] = {key: [] for key in KEYS}
        self.over = False

    @contextlib.asynccontextmanager
    async def node(self, name: str, **options: Any) -> AsyncIterator[Cluster]:
        async with (
            ActorSystem(name, store=FaultyStore(self.content)) as system,
            Cluster(
                system,
                node=name,
                name="bank",
                engine=self.network.engine(),
                lease=LEASE,
                heartbeat=HEARTBEAT,
                **options,
            ) as cluster,
        ):
            yield cluster

    async def live(self, name: str) -> None:
        """Be a node, one life after another, until all is over."""
        while not self.over:
            with contextlib.suppress(Exception, BaseExceptionGroup):  # this life was ended by the trouble
                async with self.node(name, entities=[KIND]) as cluster:
                    while not self.over and cluster.state is not ClusterState.LEFT:
                        await passes(0.2)
            await passes(self.random.random())

    async def load(self, cluster: Cluster, key: str) -> None:
        """Send one deposit after the other, none again."""
        ref = cluster.entity(Savings, key, name="savings")
        number = 0
        while not self.over:
            number += 1
            with contextlib.suppress(Exception):  # it may have been handled, or not
                assert await ref.ask(Deposit(number)) == number
                self.acknowledged[key].append(number)
            await passes(0.05)

    async def trouble(self) -> None:
        loop, chance = asyncio.get_running_loop(), self.random.random
        while loop.time() < END:
            await passes(chance() * 2.0)
            name, what = self.random.choice(NODES), chance()
            if what < 0.4:
                self.network.crash(name)
            elif what < 0.8:
                self.network.cut(name)
                await passes(chance() * 3.5)
                self.network.heal(name)
            else:
                self.network.stop_engine()
                await passes(chance() * 2.5)
                self.network.start_engine()


def test_a_durable_entity_recovers_when_its_next_message_activates_it_anew() -> None:
    async def main() -> None:
        bank = Bank()
        async with bank.node("a", entities=[KIND]) as cluster:
            alice, bob = (cluster.entity(Savings, key, name="savings") for key in KEYS[:2])
            assert await alice.ask(Deposit(5)) == 5
            assert await bob.ask(Deposit(1)) == 1
            assert len(cluster.snapshot().activations) == 2
            await passes(8.0)
            assert cluster.snapshot().activations == ()
            assert await asyncio.gather(alice.ask(Tell()), bob.ask(Tell())) == [[5], [1]]

    run(main)


@pytest.mark.parametrize("seed", range(2))
def test_no_acknowledged_command_is_lost_and_none_is_doubled_whatever_fails(seed: int) -> None:
    """`python -m tests.cluster.rounds 200` shows the same on real processes and PostgreSQL."""

    async def main() -> None:
        bank = Bank(latency=0.01, loss=0.02, lost_answers=0.02)
        async with bank.node("client", uses=[KIND]) as client:
            living = [asyncio.ensure_future(bank.live(name)) for name in NODES]
            loads = [asyncio.ensure_future(bank.load(client, key)) for key in KEYS]
            await bank.trouble()
            bank.network.heal()
            for key in KEYS:
                since, kept = len(bank.acknowledged[key]), bank.acknowledged[key]
                async with asyncio.timeout(60.0):
                    while len(kept) < since + 3:
                        await passes(0.1)
                told = await client.entity(Savings, key, name="savings").ask(Tell())
                assert told == sorted(set(told))
                assert set(kept) <= set(told)
                assert len(kept) > 10
            bank.over = True
            await asyncio.gather(*living, *loads)

    run(main, seed=seed)
