"""The rules that simulation taught, R1 to R14: each cost a broken run, and keeps a test that carries its number."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from actorio import Actor, ActorStoppedError, ActorSystem, DeliveryUnknownError, MailboxFullError
from actorio.cluster import Cluster, ClusterState, Entity
from actorio.cluster.claims import acquire
from actorio.cluster.membership import FENCE_AT
from actorio.cluster.placing import shard_of
from actorio.cluster.store import LeaseRecord
from actorio.testing import SimulatedNetwork
from tests.cluster.shop import HEARTBEAT, LEASE, Account, Add, Take, Till, node, passes, run

KIND = "tests.cluster.shop.Account"
ONE = [Entity(Account, shards=1)]


def now() -> float:
    return asyncio.get_running_loop().time()


def engine_of(cluster: Cluster) -> Any:
    return cluster._life.engine


async def until(condition: Callable[[], Any], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await passes(0.01)


class Writes:
    """Every write that has reached the store: when, its key, its value or None."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self.seen: list[tuple[float, str, bytes | None]] = []
        self.told: Callable[[str, bytes | None], None] = lambda key, value: None
        write = network.write

        def noted(key: str, value: bytes | None, revision: int) -> int | None:
            written = write(key, value, revision)
            if written is not None:
                self.seen.append((now(), key, value))
                self.told(key, value)
            return written

        network.write = noted  # type: ignore[method-assign]

    def of(self, prefix: str) -> list[bytes | None]:
        return [value for _, key, value in self.seen if key.startswith(prefix)]


def loses_answers(engine: Any, operation: str, *, times: int) -> list[float]:
    """Let an operation of an engine be done, and its answer be lost; returns when."""
    do, lost = getattr(engine, operation), []

    async def done(*args: Any) -> Any:
        answer = await do(*args)
        if len(lost) < times:
            lost.append(now())
            raise TimeoutError
        return answer

    setattr(engine, operation, done)
    return lost


def hears_nothing(cluster: Cluster) -> Callable[[], None]:
    """Let the watch of a node fall silent: it never tells of a change again, not even anew."""
    engine = engine_of(cluster)
    tell, engine.tell_watches = engine.tell_watches, lambda change: None

    def heal() -> None:
        engine.tell_watches = tell

    return heal


def test_r01_the_fence_comes_in_time_though_the_store_hangs_and_ignores_its_cancellation() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            assert await a.entity(Account, "u").ask(Add(1)) == 1
            await passes(1.2)

            async def hang(*args: Any) -> int:
                ends = now() + 6.0
                while now() < ends:
                    try:
                        await passes(ends - now())
                    except asyncio.CancelledError:
                        continue
                raise TimeoutError

            keeps = engine_of(a).update
            engine_of(a).update = hang
            began = a._life.membership._counts_from
            await until(lambda: a.state is ClusterState.DETACHED)
            assert now() - began == pytest.approx(FENCE_AT * LEASE, abs=0.05)
            engine_of(a).update = keeps
            await until(lambda: a.state is ClusterState.UP)
            await passes(7.0)  # until what hung has gone

    run(main)


def test_r02_a_lease_counts_from_before_its_renewal_was_sent() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            sent: list[float] = []
            update = engine_of(a).update

            async def slowly(*args: Any) -> int:
                sent.append(now())
                await passes(0.2)
                written: int = await update(*args)
                await passes(0.2)
                return written

            engine_of(a).update = slowly
            await until(lambda: len(sent) == 4)
            assert a._life.membership._counts_from == pytest.approx(sent[2])

    run(main)


def test_r02_a_renewal_whose_answer_was_lost_does_not_count() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        writes = Writes(network)
        async with node(network, "a") as a:
            await passes(1.0)
            loses_answers(engine_of(a), "update", times=100)
            began, written = a._life.membership._counts_from, len(writes.of("m.a"))
            await until(lambda: a.state is ClusterState.DETACHED)
            assert now() - began == pytest.approx(FENCE_AT * LEASE, abs=0.05)
            assert len(writes.of("m.a")) > written, "the store had the renewals, and nobody said so"

    run(main)


def test_r03_a_conflict_with_an_own_write_whose_answer_was_lost_is_none() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            incarnation = a.incarnation
            lost = loses_answers(engine_of(a), "create", times=2)
            await a.register("till", await a.system.spawn(Till))
            assert await a.entity(Account, "u").ask(Add(1)) == 1
            assert len(lost) == 2
            renewals = loses_answers(engine_of(a), "update", times=1)
            await until(lambda: renewals)
            assert a.lookup("till").is_alive
            await passes(3 * LEASE)
            assert (a.state, a.incarnation) == (ClusterState.UP, incarnation)

    run(main)


def test_r04_an_incarnation_takes_a_lease_once() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        writes = Writes(network)
        async with ActorSystemOf("a", network) as (cluster, engine):
            loses_answers(engine, "create", times=3)
            async with cluster:
                records = [
                    msgspec.msgpack.decode(value, type=LeaseRecord) for value in writes.of("m.a") if value
                ]
                doubted = records[0].incarnation
                assert doubted != cluster.incarnation
                assert len({record.incarnation for record in records}) == 3, (
                    "the first answer that was lost was of meta"
                )

    run(main)


class ActorSystemOf:
    """A system and a cluster that is not entered yet, with its engine."""

    def __init__(self, name: str, network: SimulatedNetwork) -> None:
        self.engine = network.engine()
        self.system = ActorSystem(name)
        self.cluster = Cluster(
            self.system, node=name, name="shop", engine=self.engine, lease=LEASE, heartbeat=HEARTBEAT
        )

    async def __aenter__(self) -> tuple[Cluster, Any]:
        await self.system.__aenter__()
        return self.cluster, self.engine

    async def __aexit__(self, *error: Any) -> None:
        await self.system.__aexit__(*error)


def test_r05_who_joins_waits_out_the_lease_of_a_dead_node_of_its_name() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "keeper") as keeper:
            async with node(network, "a") as a:
                first = a.incarnation
                network.crash("a")
            began = now()
            async with node(network, "a") as again:
                assert again.incarnation != first
                assert LEASE - HEARTBEAT < now() - began < LEASE + 2 * HEARTBEAT + 1.0
                await until(lambda: {m.incarnation for m in keeper.members} >= {again.incarnation})
        async with node(network, "b"):  # nobody else is there to bury it
            network.crash("b")
        began = now()
        async with node(network, "b") as again:
            assert again.state is ClusterState.UP
            assert now() - began > LEASE - HEARTBEAT

    run(main)


def test_r06_a_node_that_does_not_see_its_own_renewals_buries_nobody() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        writes = Writes(network)
        async with node(network, "a") as a, node(network, "b") as b:
            incarnation = a.incarnation
            heal = hears_nothing(b)
            engine_of(b).watch = silent
            tried: list[str] = []
            delete = engine_of(b).delete
            engine_of(b).delete = lambda key, revision: tried.append(key) or delete(key, revision)
            await passes(5 * LEASE)
            assert tried == []
            assert None not in writes.of("m.a")
            assert (a.state, a.incarnation) == (ClusterState.UP, incarnation)
            heal()
            del engine_of(b).watch
            b._life.follower.begin()
            await until(lambda: b.state is ClusterState.UP and len(b.members) == 2)

    run(main)


async def silent() -> Any:
    await asyncio.Event().wait()
    yield None


def test_r06_a_lease_whose_revision_moves_is_buried_by_nobody() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        writes = Writes(network)
        async with node(network, "a") as a, node(network, "b"):
            incarnation = a.incarnation
            for _ in range(6):
                network.cut("a")
                await passes(FENCE_AT * LEASE - 2 * HEARTBEAT - 0.05)
                network.heal("a")
                await passes(2 * HEARTBEAT)
            assert None not in writes.of("m.a")
            assert a.incarnation == incarnation

    run(main)


def test_r07_a_silent_watch_begins_anew_and_what_its_snapshot_lacks_is_gone() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            async with node(network, "c") as c:
                await c.register("till", await c.system.spawn(Till))
                await b.find("till")
                heal = hears_nothing(b)
            assert "c" in {member.node for member in b.members}
            incarnation = b.incarnation
            await passes(3 * HEARTBEAT + 3 * HEARTBEAT)
            assert {member.node for member in b.members} == {"a", "b"}
            with pytest.raises(LookupError):
                b.lookup("till")
            heal()
            await passes(LEASE)
            assert b.incarnation == incarnation
            assert a.state is ClusterState.UP

    run(main)


def test_r08_a_claim_is_judged_when_the_watch_has_come_as_far() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", entities=ONE) as a, node(network, "b", entities=ONE) as b:
            shard = shard_of(KIND, "u", 1)
            engine, late = engine_of(b), 0.6
            tell, loop = engine.tell_watches, asyncio.get_running_loop()
            engine.tell_watches = lambda change: loop.call_later(late, tell, change)
            mine = await acquire(a._life, shard, a.incarnation)
            assert mine is not None
            began = now()
            assert await acquire(b._life, shard, b.incarnation) is None
            assert now() - began > late / 2, "it has waited for the watch"
            assert b._life.view.claims[shard].record.owner == a.incarnation
            assert a._life.view.claims[shard].revision == mine.revision

    run(main)


def test_r09_a_shard_is_claimed_once_however_many_messages_come_for_it() -> None:
    async def main() -> None:
        network = SimulatedNetwork(latency=0.05)
        writes = Writes(network)
        async with node(network, "a", entities=ONE) as a:
            answers = [a.entity(Account, str(key)).ask(Add(1)) for key in range(20)]
            hears_nothing(a)  # own claims are known by memory, not by the watch
            assert await asyncio.gather(*answers) == [1] * 20
            assert len(writes.of("c.")) == 1
            assert a.token(a.entity(Account, "7")) > 0

    run(main)


class SlowStart(Actor[Add | Take]):
    """Takes long to start."""

    def __init__(self, key: str) -> None:
        self.amounts: list[int] = []

    async def on_start(self) -> None:
        await passes(0.5)

    async def receive(self, message: Add | Take) -> Any:
        if isinstance(message, Take):
            return self.amounts
        self.amounts.append(message.amount)
        return message.amount


def test_r10_what_waits_for_a_start_is_routed_anew_in_order_when_its_shard_moves() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        kinds = [Entity(SlowStart, shards=1)]
        async with (
            node(network, "a", entities=[], uses=kinds) as a,
            node(network, "b", entities=kinds) as b,
        ):
            ref = a.entity(SlowStart, "u")
            ref.send(Add(1))
            await until(lambda: b._life.region.by_cell)
            async with node(network, "c", entities=kinds) as c:
                for number in range(2, 6):
                    ref.send(Add(number))
                await passes(0.1)
                (shard,) = b._life.region.shards.values()
                b._life.region.is_leaving = True  # so that it is not claimed here again
                moved = asyncio.ensure_future(b._life.region.give_up(shard))
                for number in range(6, 10):
                    ref.send(Add(number))
                await moved
                taken = await ref.ask(Take())
                assert taken == sorted(taken)
                assert taken[-1] == 9
                assert c._life.region.shards

    run(main)


def test_r11_leaving_is_written_first_and_the_lease_is_deleted_last() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        writes = Writes(network)
        async with node(network, "a"), node(network, "b") as b:
            for key in range(20):
                await b.entity(Account, str(key)).ask(Add(1))
            region, before = b._life.region, len(writes.seen)
            assert region.by_cell
            left: list[tuple[str, int]] = []
            writes.told = lambda key, value: left.append((key, len(region.by_cell)))
            await b.leave()
            done = [(key, value) for _, key, value in writes.seen[before:] if key != "m.a"]
            (first, record), (last, gone) = done[0], [each for each in done if each[0] in ("m.b",)][-1]
            assert first == "m.b"
            assert record is not None
            assert msgspec.msgpack.decode(record, type=LeaseRecord).leaving
            assert (last, gone) == ("m.b", None)
            frees = [index for index, (key, _) in enumerate(done) if key.startswith("c.")]
            assert frees
            assert max(frees) < done.index(("m.b", None))
            assert [count for key, count in left if key == "m.b"][-1] == 0

    run(main)


def test_r12_what_a_node_hosts_is_in_place_before_its_lease() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        writes = Writes(network)
        async with node(network, "a", entities=[], uses=[Account]) as a:
            waits = asyncio.ensure_future(a.entity(Account, "u").ask(Add(1)))
            await passes(1.0)
            async with node(network, "b"):
                assert await waits == 1
                first = next(value for value in writes.of("m.b") if value)
                assert list(msgspec.msgpack.decode(first, type=LeaseRecord).kinds) == [KIND]

    run(main)


def test_r13_what_ends_a_ref_ends_what_it_holds_unsent() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", window=2) as a, node(network, "b") as b:
            await b.register("till", await b.system.spawn(Till))
            till = await a.find("till", Till)
            network.cut("b")
            asks = [asyncio.ensure_future(outcome(till.ask(Add(number)))) for number in range(6)]
            await passes(0.1)
            with pytest.raises(MailboxFullError):
                till.send_nowait(Add(99))
            outcomes = await asyncio.gather(*asks)
            assert [type(each) for each in outcomes] == [DeliveryUnknownError] * 2 + [ActorStoppedError] * 4
            assert [each.undelivered for each in outcomes[2:]] == [Add(number) for number in range(2, 6)]
            network.heal("b")
            again = await a.find("till", Till, timeout=20.0)
            assert await again.ask(Take()) == []

    run(main)


async def outcome(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except Exception as error:
        return error


def test_r14_frames_of_a_buried_incarnation_are_dropped() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        frames: list[bytes] = []
        async with node(network, "a") as a:
            async with node(network, "b") as b:
                receive = engine_of(a)._receive
                engine_of(a)._receive = lambda sender, frame: frames.append(frame) or receive(sender, frame)
                await a.register("till", await a.system.spawn(Till))
                till = await b.find("till", Till)
                assert await till.ask(Add(1)) == 1
                network.crash("b")
            await until(lambda: len(a.members) == 1)
            here: Any = a._life.node
            dropped, peers = here.dropped, dict(here.peers)
            for frame in frames:
                receive("b", frame)
            assert here.dropped == dropped + len(frames) > dropped
            assert dict(here.peers) == peers
            assert await a.lookup("till").ask(Take()) == [1]

    run(main)


def test_a_node_does_not_look_at_the_wall_clock_but_for_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            incarnations = (a.incarnation, b.incarnation)
            assert await a.entity(Account, "u").ask(Add(1)) == 1
            first = _token(a, b)
            for hours in (1, -1):
                wall = time.time_ns
                monkeypatch.setattr(
                    time, "time_ns", lambda wall=wall, hours=hours: wall() + hours * 3_600 * 10**9
                )
                await passes(3 * LEASE)
                owner = a if a.entity(Account, "u").node == "a" else b
                await owner._life.region.give_up(next(iter(owner._life.region.shards.values())))
                assert await a.entity(Account, "u").ask(Add(1)) == 1
                assert _token(a, b) > first
                first = _token(a, b)
            assert (a.incarnation, b.incarnation) == incarnations

    run(main)


def _token(a: Cluster, b: Cluster) -> int:
    owner = a if a.entity(Account, "u").node == "a" else b
    return owner.token(owner.entity(Account, "u"))
