"""C1: what holds for a ref holds for one of another node; what crosses is a copy."""

from __future__ import annotations

from typing import Any

import pytest

from actorio import (
    ActorStoppedError,
    NotLocalError,
    NotSendableError,
    RemoteError,
    Terminated,
    WrongThreadError,
)
from actorio._tree.runtime import NO_THREAD
from actorio.cluster import ClusterState, ClusterTopic
from actorio.errors import MessageTooLargeError
from actorio.testing import SimulatedNetwork
from tests.cluster.shop import (
    Account,
    Add,
    Fail,
    Meet,
    OutOfStockError,
    Take,
    Till,
    Watcher,
    node,
    passes,
    run,
)


def test_a_ref_of_another_node_takes_sends_asks_calls_and_casts() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            await b.register("till", await b.system.spawn(Till, name="till"))
            till = await a.find("till", Till)
            assert (till.node, till.is_local, till.path, till.name) == ("b", False, "/till", "till")
            assert a.lookup("till") is till
            await till.send(Add(1))
            till.send_nowait(Add(2))
            await till.cast(Till.total)
            assert await till.ask(Add(3)) == 6
            assert await till.ask(Take()) == [1, 2, 3]
            assert await till.call(Till.total, factor=2) == 12
            assert await till.ask(Meet(till)) == "/till"
            local = await a.system.spawn(Till)
            assert (local.node, local.is_local) == ("a", True)
            assert await till.ask(Meet(local)) == local.path

    run(main)


def test_in_a_forked_child_a_cluster_refuses_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            await b.register("till", await b.system.spawn(Till, name="till"))
            till = await a.find("till", Till)
            own = await a.system.spawn(Till)
            await a.register("own", own)
            topic = ClusterTopic[Add](a, "prices")
            with monkeypatch.context() as child:  # what `os.fork` does is shown in `test_forks`
                child.setattr(a.system._runtime, "is_forked", True)
                child.setattr(a.system._runtime, "thread", NO_THREAD)
                for use in (
                    lambda: a.find("till"),
                    lambda: a.spawn(Till, node="b"),
                    lambda: a.singleton(Till, name="one"),
                    lambda: a.register("again", own),
                    lambda: a.unregister("own"),
                    lambda: topic.publish(Add(1)),
                    a.leave,
                    lambda: till.ask(Take()),
                    till.join,
                ):
                    with pytest.raises(WrongThreadError, match="forked from"):
                        await use()
                for use_at_once in (
                    lambda: a.lookup("till"),
                    lambda: a.groups.join("tills", own),
                    lambda: a.groups.leave("tills", own),
                    a.events.subscribe,
                    lambda: topic.subscribe(own),
                    lambda: topic.unsubscribe(own),
                    till.stop,
                ):
                    with pytest.raises(WrongThreadError, match="forked from"):
                        use_at_once()
                await a.__aexit__(None, None, None)
            assert await till.ask(Add(1)) == 1
            assert a.state is ClusterState.UP
            assert await (await b.find("own", Till)).ask(Add(1)) == 1

    run(main)


def test_an_exception_crosses_as_itself_or_as_what_can_be_told_of_it() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with (
            node(network, "a", errors=[OutOfStockError]) as a,
            node(network, "b", errors=[OutOfStockError]) as b,
            node(network, "c") as c,
        ):
            await b.register("till", await b.system.spawn(Till))
            till = await a.find("till", Till)
            with pytest.raises(ValueError, match="too much") as caught:
                await till.ask(Fail("too much"))
            assert "in receive" in str(caught.value.__cause__)
            with pytest.raises(OutOfStockError) as stock:
                await till.ask(Fail("stock"))
            assert stock.value.args == ("no apples", 3)
            from_c = await c.find("till", Till)
            with pytest.raises(RemoteError) as remote:
                await from_c.ask(Fail("stock"))
            assert remote.value.kind.endswith("OutOfStockError")

    run(main)


def test_what_cannot_cross_is_refused_at_the_call() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            await b.register("till", await b.system.spawn(Till))
            till: Any = await a.find("till")
            with pytest.raises(NotSendableError):
                till.send(object())
            with pytest.raises(MessageTooLargeError) as large:
                till.send(b"x" * 1_000_001)
            assert large.value.limit == 1_000_000
            with pytest.raises(NotLocalError):
                till.submit(print)
            with pytest.raises(NotSendableError):
                await till.call(Till._secret)
            entity = a.entity(Account, "alice")
            with pytest.raises(NotLocalError):
                await entity.join()

    run(main)


def test_an_end_is_told_to_watchers_and_joiners_of_another_node() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            local = await b.system.spawn(Till)
            await b.register("till", local)
            till = await a.find("till", Till)
            told: list[Terminated] = []
            watcher = await a.system.spawn(Watcher, told)
            await watcher.send(till)
            await watcher.send(till)
            assert await till.ask(Add(1)) == 1
            till.stop()
            terminated = await till.join()
            assert terminated.reason.value == "shutdown"
            assert [event.ref for event in told] == [till]
            assert not till.is_alive
            with pytest.raises(ActorStoppedError):
                await till.ask(Add(1))

    run(main)


def test_an_entity_is_activated_by_its_first_message_and_is_one_on_all_nodes() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            for key in "uvwxyz":
                assert a.entity(Account, key).node is None
                assert await a.entity(Account, key).ask(Add(1)) == 1
                assert await b.entity(Account, key).ask(Add(1)) == 2
                assert a.entity(Account, key) is a.entity(Account, key)
                assert a.entity(Account, key).node in ("a", "b")
                assert await b.entity(Account, key).call(Account.total) == 2
            assert {a.entity(Account, key).node for key in "uvwxyz"} == {"a", "b"}

    run(main)


def test_an_actor_is_spawned_on_another_node() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            till = await a.spawn(Till, 5, node="b", name="far")
            assert (till.node, till.path) == ("b", "/far")
            assert await till.ask(Add(1)) == 6
            assert b.system.lookup("far").is_local

    run(main)


def test_keys_that_look_alike_are_entities_of_their_own() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            for key in ("a/b", "a%2Fb", "a%252Fb", "a@b", "a\n", "a\x00", "\u00e4\u200b"):
                assert await a.entity(Account, key).ask(Add(1)) == 1
            assert all(actor.path.isprintable() for actor in a.system.snapshot().actors)

    run(main)


def test_a_broadcast_of_what_cannot_cross_is_refused_before_anybody_gets_it() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            here = await a.system.spawn(Till)
            a.groups.join("tills", here)
            b.groups.join("tills", await b.system.spawn(Till))
            await passes(1.0)
            with pytest.raises(NotSendableError):
                await a.groups.broadcast("tills", object())
            assert here.statistics().handled == 0
            assert await a.groups.broadcast("tills", Add(1)) == 2

    run(main)
