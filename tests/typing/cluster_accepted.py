"""Programs of a cluster that both type checkers must accept, with the types that they have."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import assert_type

from actorio import Actor, ActorRef, ActorSystem, Ask, Mailbox, Overflow, Restart
from actorio.cluster import (
    LIVE,
    SNAPSHOT,
    Change,
    Cluster,
    ClusterSnapshot,
    ClusterState,
    ClusterTopic,
    Detached,
    Engine,
    EngineDown,
    EngineUp,
    Entity,
    LinkSnapshot,
    Member,
    MemberLeaving,
    MemberLeft,
    MemberLost,
    MemberStatus,
    MemberUp,
    Nats,
    NatsServer,
    Refusal,
    Rejoined,
    RevisionConflict,
)
from actorio.errors import DeliveryUnknownError, RefusedError
from actorio.testing import SimulatedNetwork


@dataclass(frozen=True)
class Add(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Reset:
    """Is not answered."""


class OutOfStockError(Exception):
    """Crosses as itself."""


class Account(Actor[Add | Reset]):
    def __init__(self, key: str) -> None:
        self.key, self.balance = key, 0

    async def receive(self, message: Add | Reset) -> int | None:
        assert_type(Cluster.of(self.context.system), Cluster)
        assert_type(Cluster.of(self.context.system).token(self.context.ref), int)
        return None

    async def total(self, factor: int = 1) -> float:
        return self.balance * factor


class Till(Actor[Add]):
    def __init__(self, start: int, currency: str) -> None:
        self.start = start

    async def receive(self, message: Add) -> int:
        return message.amount


async def nodes(engine: Engine) -> None:
    async with (
        ActorSystem("bank") as system,
        Cluster(
            system,
            engine=engine,
            node="a",
            name="bank",
            actors=[Till],
            entities=[Account, Entity(Till, shards=8, idle=None, mailbox=Mailbox(10), role="till")],
            uses=(Account, Entity(Account, name="old")),
            messages={"bank.Add": Add, "old.Add": Add},
            errors=[OutOfStockError],
            roles=["till"],
            version="7",
            lease=6.0,
            heartbeat=2,
            on_detach="stop",
        ) as cluster,
    ):
        assert_type(cluster, Cluster)
        assert_type(cluster.node, str)
        assert_type(cluster.incarnation, str)
        assert_type(cluster.state, ClusterState)
        assert_type(cluster.members, tuple[Member, ...])
        assert_type(cluster.members[0].status, MemberStatus)
        assert_type(cluster.snapshot(), ClusterSnapshot)
        assert_type(cluster.snapshot().links, tuple[LinkSnapshot, ...])
        await cluster.leave()


async def actors(cluster: Cluster, price: ActorRef[Till]) -> None:
    alice = cluster.entity(Account, "alice")
    assert_type(alice, ActorRef[Account])
    assert_type(await alice.ask(Add(5)), int)
    assert_type(await alice.call(Account.total, factor=2), float)
    assert_type(alice.node, str | None)
    assert_type(alice.is_local, bool)
    await alice.send(Reset())
    till = await cluster.spawn(
        Till, 1, "EUR", node="b", name="till", mailbox=Mailbox(5), restart=Restart.PERMANENT, timeout=2.0
    )
    assert_type(till, ActorRef[Till])
    assert_type(await cluster.singleton(Till, 1, "EUR", name="till"), ActorRef[Till])
    await cluster.register("till", till)
    assert_type(cluster.lookup("till", Till), ActorRef[Till])
    assert_type(await cluster.find("till", Till, timeout=1.0), ActorRef[Till])
    await cluster.unregister("till")
    cluster.groups.join("tills", till)
    topic = ClusterTopic[Add](cluster, "prices")
    topic.subscribe(price, overflow=Overflow.WAIT)
    await topic.publish(Add(1))
    assert_type(topic.unsubscribe(price), bool)
    try:
        await till.ask(Add(1))
    except DeliveryUnknownError as error:
        print(error.ref)
    except RefusedError as error:
        assert_type(error.reason, Refusal)


async def events(cluster: Cluster) -> None:
    async with cluster.events.subscribe(MemberUp, MemberLeft, MemberLeaving, MemberLost) as members:
        async for event in members:
            if isinstance(event, MemberUp | MemberLost):
                assert_type(event.member, Member)
    async with cluster.events.subscribe(Detached) as detached:
        async for each in detached:
            assert_type(each.reason, str)
    async with cluster.events.subscribe(Rejoined) as rejoined:
        async for again in rejoined:
            assert_type(again.incarnation, str)
    async with cluster.events.subscribe(EngineUp) as up:
        async for back in up:
            assert_type(back.after, float)
    cluster.events.subscribe(EngineDown)


async def engines(directory: Path) -> None:
    async with NatsServer(store=directory, port=4222, binary="/usr/bin/nats-server") as server:
        await nodes(server.engine())
        assert_type(server.url, str)
        await nodes(Nats(server.url, token=server.token))
    await nodes(
        Nats(["tls://a", "tls://b"], tls=ssl.create_default_context(), user="a", password="b", replicas=3)
    )
    network = SimulatedNetwork(latency=0.01, loss=0.1, lost_answers=0.1)
    await nodes(network.engine())
    network.cut("a")
    network.heal()
    network.stop_engine()
    network.start_engine(forget=True)
    network.drift("a", 1.05)
    network.crash("a")


async def store(engine: Engine) -> None:
    try:
        assert_type(await engine.create("a", b""), int)
    except RevisionConflict:
        assert_type(await engine.update("a", b"", 1), int)
    watch: AsyncIterator[object] = engine.watch()
    async for event in watch:
        if isinstance(event, Change):
            assert_type(event.value, bytes | None)
        elif event is SNAPSHOT or event is LIVE:
            continue
