"""What is left when a node leaves, whenever it does, and what becomes of turns that do not end: C1, C12, C16, C19."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, AskTimeoutError, NoHostError, StartTimeoutError
from actorio.cluster import Cluster, ClusterState, Entity
from actorio.errors import ActorStoppedError, ClusterError
from actorio.testing import SimulatedNetwork
from tests.cluster.shop import HEARTBEAT, LEASE, Account, Add, Till, node, passes, run


@pytest.mark.parametrize("tenths", range(0, 40, 2))
def test_c19_a_node_that_leaves_while_it_rejoins_leaves_no_lease(tenths: int) -> None:
    """It was cut off, is healed, and leaves at some moment of what follows; answers of the store are late."""

    async def main() -> None:
        network = SimulatedNetwork(latency=0.2)
        async with node(network, "a") as a:
            async with node(network, "b") as b:
                assert await a.entity(Account, "u").ask(Add(1)) == 1
                network.cut("b")
                while b.state is not ClusterState.DETACHED:
                    await passes(0.05)
                network.heal("b")
                await passes(tenths / 10)
            assert "m.b" not in network.values
            await passes(1.0)
            assert [member.node for member in a.members] == ["a"]
            assert "m.b" not in network.values

    for seed in range(3):
        run(main, seed=seed)


@pytest.mark.parametrize("hundredths", range(0, 100, 5))
def test_c19_a_node_whose_joining_is_cancelled_leaves_no_lease(hundredths: int) -> None:
    async def main() -> None:
        network = SimulatedNetwork(latency=0.2)

        async def join() -> None:
            async with node(network, "b"):
                await passes(10.0)

        async with node(network, "a"):
            joining = asyncio.ensure_future(join())
            await passes(hundredths / 100)
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            await passes(0.5)
            assert "m.b" not in network.values

    run(main)


def test_c19_many_clusters_of_one_system_leave_nothing_in_it() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with ActorSystem("shop") as system:
            shutdown, forgetters = system._shutdown, system._runtime.forgetters
            for _ in range(3):
                async with Cluster(system, node="a", engine=network.engine()):
                    assert len(shutdown.before) == 1
                assert not shutdown.before
                assert system._runtime.forgetters == forgetters

    run(main)


def test_c19_the_end_of_the_system_leaves_the_cluster_first() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            await a.system.shutdown()
            assert a.state is ClusterState.LEFT
            assert "m.a" not in network.values

    run(main)


def test_c01_refs_are_on_no_node_once_theirs_has_left() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with ActorSystem("shop") as system:
            till = await system.spawn(Till)
            assert till.node is None
            async with Cluster(system, node="a", engine=network.engine(), entities=[Account]) as a:
                account = a.entity(Account, "u")
                assert await account.ask(Add(1)) == 1
                assert (till.node, account.node) == ("a", "a")
            assert (till.node, account.node) == (None, None)

    run(main)


class Slow(Till):
    """Its start does not end in time."""

    async def on_start(self) -> None:
        await passes(60.0)


class Outer(Till):
    """Waits for a child whose start does not end in time."""

    async def on_start(self) -> None:
        await self.context.spawn(Slow, start_timeout=0.5)


@pytest.mark.parametrize("where", ["a", "b"])
def test_c01_a_spawn_that_takes_too_long_is_the_same_error_on_each_node(where: str) -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        exposed: dict[str, Any] = {"actors": [Slow, Outer]}
        async with node(network, "a", **exposed) as a, node(network, "b", **exposed):
            with pytest.raises(AskTimeoutError) as late:
                await a.spawn(Slow, node=where, timeout=1.0)
            assert late.value.started is None
            with pytest.raises(StartTimeoutError):
                await a.spawn(Outer, node=where, timeout=5.0)

    run(main)


class Stuck(Actor[Add]):
    """An entity whose turn for 0 never ends."""

    def __init__(self, key: str) -> None:
        self.key = key

    async def receive(self, message: Add) -> int:
        if not message.amount:
            await asyncio.Event().wait()
        return message.amount


def test_c16_a_move_gives_a_running_turn_as_long_as_a_leave_does() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        options: dict[str, Any] = {
            "entities": [Entity(Stuck, shards=1, idle=None)],
            "rebalance_interval": 1.0,
            "leave_timeout": 3.0,
        }
        names = ("b", "a", "c", "d")  # another than the first is preferred
        async with node(network, names[0], **options) as a:
            stuck = asyncio.ensure_future(a.entity(Stuck, "stuck").ask(Add(0)))
            assert await a.entity(Stuck, "other").ask(Add(7)) == 7
            async with (
                node(network, names[1], **options),
                node(network, names[2], **options),
                node(network, names[3], **options),
            ):
                await passes(3.0)
                assert not stuck.done()
                assert a.entity(Stuck, "other").node == names[0]
                assert await a.entity(Stuck, "other").ask(Add(8), timeout=8.0) == 8
                assert a.entity(Stuck, "other").node != names[0]
                with pytest.raises(ActorStoppedError):
                    await stuck

    run(main)


def test_c12_a_detached_node_that_leaves_while_the_engine_is_away_does_not_wait_for_it() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        loop = asyncio.get_running_loop()
        async with node(network, "a") as a:
            network.stop_engine()
            await passes(LEASE)
            assert a.state is ClusterState.DETACHED
            began = loop.time()
        assert loop.time() - began < 2 * HEARTBEAT + 3.0
        assert a.state is ClusterState.LEFT

    run(main)


def test_c13_all_nodes_leave_at_once_and_wait_for_no_host_that_is_not_there() -> None:
    """As a signal to `actorio cluster up` has it: each still asks an entity of another one."""

    async def main() -> None:
        network = SimulatedNetwork()
        loop = asyncio.get_running_loop()
        leave_timeout = 10.0
        asks: list[asyncio.Future[int]] = []
        async with (
            node(network, "a", leave_timeout=leave_timeout) as a,
            node(network, "b", leave_timeout=leave_timeout) as b,
            node(network, "c", leave_timeout=leave_timeout) as c,
        ):
            nodes = (a, b, c)
            for each in nodes:
                assert await each.entity(Account, "u").ask(Add(1)) > 0
            began = loop.time()
            leaving = [asyncio.ensure_future(each.leave()) for each in nodes]
            for _ in range(10):
                asks += [
                    asyncio.ensure_future(each.entity(Account, "u").ask(Add(1)))
                    for each in nodes
                    if each.state is not ClusterState.LEFT
                ]
                await passes(0.01)
            await asyncio.gather(*leaving)
            assert loop.time() - began < leave_timeout / 2
            outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert any(isinstance(one, int) for one in outcomes)
        assert all(isinstance(one, (int, NoHostError, ClusterError)) for one in outcomes), outcomes

    run(main)
