"""What nodes promise each other: C10 to C16, C19, C20, each test with its number."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import weakref
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorSystem,
    DetachedError,
    NameInUseError,
    NameNotFoundError,
    NotLocalError,
    Restart,
)
from actorio._cell.states import Intent
from actorio.cluster import (
    Cluster,
    ClusterState,
    ClusterTopic,
    Entity,
    MemberLeaving,
    MemberLeft,
)
from actorio.errors import ClusterError
from actorio.testing import SimulatedNetwork
from tests.cluster.shop import HEARTBEAT, LEASE, Account, Add, Take, Till, node, passes, run


def test_c10_an_entity_moves_with_its_messages_in_order_when_its_node_leaves() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            async with node(network, "b") as b:
                keys = [str(key) for key in range(12)]
                for key in keys:
                    assert await a.entity(Account, key).ask(Add(1)) == 1
                on_b = [key for key in keys if a.entity(Account, key).node == "b"]
                assert on_b
                leaving = asyncio.ensure_future(b.leave())
                for number in range(2, 40):
                    for key in on_b:
                        a.entity(Account, key).send(Add(number))
                    await passes(0.002)
                await leaving
            for key in on_b:
                amounts = await a.entity(Account, key).ask(Take())
                assert amounts == sorted(amounts)
                assert amounts[-1] == 39
                assert a.entity(Account, key).node == "a"

    run(main)


def test_c11_tokens_grow_over_moves_and_a_lost_store() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            tokens = []
            for forget in (None, False, True):
                if forget is not None:
                    network.stop_engine()
                    await passes(3.0 if not forget else 0.1)
                    network.start_engine(forget=forget)
                    await passes(8.0)
                await a.entity(Account, "u").ask(Add(1))
                owner = a if a.entity(Account, "u").node == "a" else b
                tokens.append(owner.token(owner.entity(Account, "u")))
            assert tokens == sorted(set(tokens))
            with pytest.raises(NotLocalError):
                a.token(a.entity(Account, "never asked"))

    run(main)


def test_c12_a_node_that_is_to_stop_ends_its_system() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012
            async with node(network, "a", on_detach="stop"):
                network.cut("a")
                await passes(60.0)
        assert caught.group_contains(DetachedError)

    run(main)


def test_c12_a_detached_node_keeps_its_local_actors_and_announces_itself_anew() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            local = await b.system.spawn(Till)
            await b.register("till", local)
            b.groups.join("tills", local)
            far = await a.find("till", Till)
            network.cut("b")
            await far.join()
            assert b.state is ClusterState.DETACHED
            assert await local.ask(Add(1)) == 1
            with pytest.raises(DetachedError):
                await b.register("other", local)
            network.heal("b")
            again = await a.find("till", Till, timeout=10.0)
            assert again is not far
            assert await again.ask(Add(1)) == 2
            await passes(1.0)
            assert [ref.path for ref in a.groups.members("tills")] == [local.path]

    run(main)


def test_c13_all_others_know_of_a_leave_from_its_beginning_on() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            async with a.events.subscribe(MemberLeaving, MemberLeft) as events:
                async with node(network, "b"):
                    pass
                told = [type(await anext(aiter(events))) for _ in range(2)]
            assert told == [MemberLeaving, MemberLeft]
            assert [member.node for member in a.members] == ["a"]

    run(main)


def test_c14_a_name_is_one_actors_until_it_ends() -> None:
    async def main() -> None:
        network = SimulatedNetwork(lost_answers=0.2)
        async with node(network, "a") as a, node(network, "b") as b:
            here, there = await a.system.spawn(Till), await b.system.spawn(Till)
            outcomes = await asyncio.gather(
                a.register("till", here), b.register("till", there), return_exceptions=True
            )
            assert sorted(type(each).__name__ for each in outcomes) == ["NameInUseError", "NoneType"]
            winner = here if outcomes[0] is None else there
            winner.stop()
            await winner.join()
            await passes(5.0)
            with pytest.raises(NameNotFoundError):
                a.lookup("till")
            loser, cluster = (there, b) if winner is here else (here, a)
            await cluster.register("till", loser)
            with pytest.raises(NameInUseError):
                await cluster.register("till", loser)
            await cluster.unregister("till")
            with pytest.raises(NameNotFoundError):
                await cluster.unregister("till")

    run(main)


def test_c15_groups_and_topics_reach_all_nodes() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            here, there = await a.system.spawn(Till), await b.system.spawn(Till)
            a.groups.join("tills", here)
            b.groups.join("tills", there)
            ClusterTopic[Add](b, "prices").subscribe(there)
            ClusterTopic[Add](a, "prices").subscribe(here)
            await passes(0.5)
            assert len(a.groups.members("tills")) == len(b.groups.members("tills")) == 2
            assert await a.groups.broadcast("tills", Add(1)) == 2
            await ClusterTopic[Add](a, "prices").publish(Add(2))
            await passes(0.5)
            assert await here.ask(Take()) == [1, 2]
            assert await there.ask(Take()) == [1, 2]
            with pytest.raises(NotLocalError):
                a.groups.join("tills", a.groups.members("tills")[-1])
            there.stop()
            await there.join()
            await passes(0.5)
            assert a.groups.members("tills") == (here,)

    run(main)


def test_c16_shards_move_to_a_node_that_has_joined_one_at_a_time() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        options = {"rebalance_interval": 2.0, "entities": [Entity(Account, shards=8)]}
        async with node(network, "a", **options) as a:
            for key in range(30):
                await a.entity(Account, str(key)).ask(Add(1))
            held = len(a.snapshot().claims)
            async with node(network, "b", **options):
                await passes(1.0)
                assert len(a.snapshot().claims) == held
                await passes(12.0)
                assert len(a.snapshot().claims) < held
                for key in range(30):
                    assert await a.entity(Account, str(key)).ask(Add(1)) in (1, 2)
                assert {a.entity(Account, str(key)).node for key in range(30)} == {"a", "b"}

    run(main)


def test_c10_a_singleton_runs_on_one_node_and_another_takes_over() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            ref = await a.singleton(Till, 5, name="clock")
            await b.singleton(Till, 5, name="clock")
            assert await ref.ask(Add(1)) == 6
            owner = ref.node
            assert owner is not None
            network.crash(owner)
            left = a if owner == "b" else b
            await passes(LEASE + 2 * HEARTBEAT + 2.0)
            assert any("clock" in each for each in left.snapshot().activations)

    run(main)


def test_nodes_that_do_not_agree_may_not_join() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a"):
            for options in ({"lease": 9.0, "heartbeat": None}, {"entities": [Entity(Account, shards=3)]}):
                with pytest.raises(ClusterError):
                    async with node(network, "b", **options):
                        pass

    run(main)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"version": 1}, TypeError),
        ({"version": "v" * 1001}, ValueError),
        ({"roles": ["\ud800"]}, ValueError),
        ({"entities": [Account], "messages": {"\ud800": Add}}, ValueError),
        ({"lease": 1.0, "heartbeat": 0.9}, ValueError),
        ({"window": 0}, ValueError),
        ({"on_detach": "panic"}, ValueError),
        ({"actors": Till}, TypeError),
        ({"entities": [int]}, TypeError),
        ({"errors": [int]}, TypeError),
    ],
)
def test_a_bad_argument_is_told_at_the_call(options: dict[str, Any], kind: type[Exception]) -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        with pytest.raises(kind):
            async with node(network, "a", **options):
                pass

    run(main)


def test_c20_a_program_without_a_cluster_imports_none_of_it() -> None:
    code = (
        "import sys, actorio, actorio.testing\n"
        "print([name for name in sys.modules if name.startswith(('actorio.cluster', 'msgspec', 'nats'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_c10_who_joins_after_the_store_was_lost_waits_for_an_owner_that_has_not_noticed() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        kinds = [Entity(Account, shards=1)]
        async with node(network, "a", entities=kinds) as a:
            assert await a.entity(Account, "u").ask(Add(1)) == 1
            async with node(network, "b", entities=kinds):
                network.stop_engine()
                network.cut("a")
                network.start_engine(forget=True)
                async with node(network, "c", entities=kinds) as c:
                    assert a.state is ClusterState.UP, "b has rejoined and told c in time"
                    assert await c.entity(Account, "u").ask(Add(1)) == 1
                    assert a.state is ClusterState.DETACHED
                network.heal()

    run(main)


def test_c13_a_message_for_a_node_whose_system_ends_goes_to_another() -> None:
    async def main() -> None:
        network = SimulatedNetwork(latency=0.05)
        kinds = [Entity(Account, shards=1)]

        async def ends_twice() -> None:
            async with node(network, "b", entities=kinds) as b:
                assert await b.entity(Account, "first").ask(Add(1)) == 1
                await passes(0.5)
                b.system._runtime.shutdown.begin(Intent.CLOSE)
                b.system._runtime.shutdown.fail_from_outside(OSError("no disk"))
                await passes(60.0)

        async with node(network, "a", entities=[], uses=kinds) as a:
            ends = asyncio.ensure_future(ends_twice())
            await passes(0.4)
            async with node(network, "c", entities=kinds):
                asks = []
                for key in range(300):
                    asks.append(asyncio.ensure_future(a.entity(Account, str(key)).ask(Add(1))))
                    await passes(0.002)
                assert await asyncio.gather(*asks) == [1] * 300
                with pytest.raises(BaseExceptionGroup):
                    await ends

    run(main)


def test_two_that_join_at_the_same_time_agree_or_one_does_not_join() -> None:
    async def main() -> set[float]:
        network = SimulatedNetwork(latency=0.05)
        joined: list[float] = []
        over = asyncio.Event()

        async def joins(name: str, lease: float) -> None:
            with contextlib.suppress(ClusterError):
                async with node(
                    network, name, lease=lease, entities=[Entity(Account, shards=int(lease))]
                ) as one:
                    joined.append(one._life.membership.lease)
                    await over.wait()

        async with asyncio.TaskGroup() as group:
            group.create_task(joins("a", 2.0))
            group.create_task(joins("b", 6.0))
            await passes(3.0)
            over.set()
        return set(joined)

    for seed in range(5):
        assert len(run(main, seed=seed)) == 1, seed


def test_who_rejoins_goes_by_the_lease_of_those_who_are_there() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", lease=None, heartbeat=None) as a:
            network.cut("a")
            async with node(network, "c", lease=None, heartbeat=None):
                await passes(6.0)  # it buries the lease of the other
            async with node(network, "b", lease=6.0) as b:
                network.heal()
                await passes(10.0)
                assert [one._life.membership.lease for one in (a, b)] == [6.0, 6.0]
                assert {member.node for member in b.members} == {"a", "b"}

    run(main)


def test_c14_a_name_that_has_passed_to_another_actor_outlives_the_end_of_the_first() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            engine: Any = a._life.engine
            delete, is_lost = engine.delete, []

            async def loses_first_answer(*args: Any) -> None:
                await delete(*args)
                if not is_lost:
                    is_lost.append(True)
                    await passes(0.3)
                    raise TimeoutError

            engine.delete = loses_first_answer
            first, second = await a.system.spawn(Till), await a.system.spawn(Till)
            await a.register("till", first)
            first.stop()
            await first.join()
            await a.register("till", second)
            await passes(2.0)
            assert is_lost
            assert a.lookup("till") is second
            await a.unregister("till")
            await passes(1.0)
            with pytest.raises(NameNotFoundError):
                a.lookup("till")

    run(main)


def test_an_engine_is_that_of_one_node() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        engine = network.engine()
        async with (
            ActorSystem("a") as first,
            ActorSystem("b") as second,
            Cluster(first, node="a", name="shop", engine=engine, entities=[Account]) as a,
        ):
            with pytest.raises(ClusterError, match="of another node"):
                await Cluster(second, node="b", name="shop", engine=engine).__aenter__()
            assert await a.entity(Account, "u").ask(Add(1), timeout=1.0) == 1

    run(main)


def test_c13_a_leave_that_is_cancelled_holds_up_no_other() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", entities=[Account]) as a:
            assert await a.entity(Account, "u").ask(Add(1)) == 1
            first = asyncio.ensure_future(a.leave())
            await passes(0)
            second = asyncio.ensure_future(a.leave())
            await passes(0.001)
            for _ in range(3):
                first.cancel()
                await passes(0)
            async with asyncio.timeout(10.0):
                await second
            assert first.cancelled()
            assert a.state is ClusterState.LEFT
            assert network.engines[0].is_closed

    run(main)


class Heavy(Actor[Add]):
    """Fails with much in its hands."""

    reply_errors = ()

    def __init__(self, held: list[weakref.ref[Any]]) -> None:
        self.held = held

    async def receive(self, message: Add) -> None:
        burden = Till()
        self.held.append(weakref.ref(burden))
        raise ValueError("too heavy")


def test_what_others_may_ask_of_an_actors_end_keeps_nothing_of_it_alive() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            held: list[weakref.ref[Any]] = []
            await b.register("heavy", await b.system.spawn(Heavy, held, restart=Restart.TEMPORARY))
            heavy: Any = await a.find("heavy")
            with pytest.raises(ValueError, match="too heavy"):
                await heavy.ask(Add(1))
            assert isinstance((await heavy.join()).error, ValueError)
            await passes(1.0)
            gc.collect()
            assert [one() for one in held] == [None]
            assert isinstance((await heavy.join()).error, ValueError)

    run(main)


def test_c16_no_interval_between_moves_still_leaves_time_for_all_else() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", rebalance_interval=0.0) as a:
            assert await a.entity(Account, "u").ask(Add(1)) == 1
            looks, owned = 0, a._life.region.shards

            class Looked(dict[str, Any]):
                def values(self) -> Any:
                    nonlocal looks
                    looks += 1
                    return super().values()

            a._life.region.shards = Looked(owned)
            await passes(1.0)
            assert 10 <= looks <= 25

    run(main)


def test_members_are_in_order_of_joining_whatever_the_order_of_the_store() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "b") as b, node(network, "a") as a:
            network.values = dict(reversed(network.values.items()))
            async with node(network, "c") as c:
                for each in (a, b, c):
                    assert [member.node for member in each.members] == ["b", "a", "c"]

    run(main)
