"""The simulated engine: what a cluster sees of a network that is cut, stopped, crashed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio.cluster import ClusterState, MemberLost, RevisionConflict
from actorio.testing import SimulatedNetwork, simulate
from tests.cluster.shop import Account, Add, node, run


def test_a_cut_node_detaches_and_rejoins_when_it_is_healed() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            first = b.incarnation
            events = a.events.subscribe(MemberLost)
            network.cut("b")
            assert (await anext(aiter(events))).member.node == "b"
            assert b.state is ClusterState.DETACHED
            network.heal("b")
            await asyncio.sleep(5.0)
            assert b.state is ClusterState.UP
            assert b.incarnation != first
            assert await b.entity(Account, "u").ask(Add(1)) == 1

    run(main)


def test_a_crashed_node_is_lost_and_its_system_is_killed() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            events = a.events.subscribe(MemberLost)
            network.crash("b")
            assert (await anext(aiter(events))).member.node == "b"
            assert b.state is ClusterState.LEFT
            assert [member.node for member in a.members] == ["a"]

    run(main)


def test_a_store_that_was_lost_has_all_detach_and_rejoin() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            before = (a.incarnation, b.incarnation)
            network.stop_engine()
            await asyncio.sleep(0.5)
            network.start_engine(forget=True)
            await asyncio.sleep(5.0)
            assert a.state is b.state is ClusterState.UP
            assert before[0] != a.incarnation
            assert before[1] != b.incarnation
            assert {member.node for member in a.members} == {"a", "b"}

    run(main)


def test_a_write_needs_the_revision_that_the_key_has() -> None:
    async def main() -> None:
        engine = SimulatedNetwork().engine()
        await engine.connect("shop", "a", lambda sender, frame: None, lambda up: None)
        revision = await engine.create("m.a", b"1")
        with pytest.raises(RevisionConflict):
            await engine.create("m.a", b"2")
        later = await engine.update("m.a", b"2", revision)
        assert later > revision
        with pytest.raises(RevisionConflict):
            await engine.update("m.a", b"3", revision)
        await engine.delete("m.a", later)
        assert await engine.create("m.a", b"4") > later

    run(main)


def test_a_run_is_replayed_from_its_seed() -> None:
    async def main() -> Any:
        network = SimulatedNetwork(loss=0.1, lost_answers=0.05)
        async with node(network, "a") as a, node(network, "b"):
            return [await a.entity(Account, key).ask(Add(1)) for key in "uvwxyz"]

    first, again = simulate(main, seed=3), simulate(main, seed=3)
    assert first.error is None
    assert first.digest == again.digest


@pytest.mark.parametrize("bad", [-0.1, 1.1, "1", True])
def test_a_probability_is_checked(bad: Any) -> None:
    async def main() -> None:
        with pytest.raises((TypeError, ValueError)):
            SimulatedNetwork(loss=bad)

    run(main)
