"""Each line that is marked must be refused by both type checkers, and no other line."""

from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask
from actorio.cluster import Cluster, ClusterTopic, Engine, Entity, Nats, NatsServer


@dataclass(frozen=True)
class Add(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Foreign(Ask[int]):
    """A question that no account takes."""


class Account(Actor[Add]):
    def __init__(self, key: str) -> None:
        self.key = key

    async def receive(self, message: Add) -> int:
        return message.amount

    async def total(self, factor: int = 1) -> float:
        return factor


class Till(Actor[Add]):
    def __init__(self, start: int) -> None:
        self.start = start

    async def receive(self, message: Add) -> int:
        return message.amount


async def nodes(system: ActorSystem, engine: Engine) -> None:
    Cluster(system)  # refused
    Cluster(system, engine=NatsServer())  # refused
    Cluster(system, engine=engine, entities=[Add])  # refused
    Cluster(system, engine=engine, actors=Account)  # refused
    Cluster(system, engine=engine, lease="3")  # refused
    Cluster(system, engine=engine, nodes="a")  # refused
    Cluster(system, engine=engine, errors=[Account])  # refused
    Entity(Account, 8)  # refused
    Entity(Add)  # refused
    Nats(4222)  # refused
    Nats("nats://127.0.0.1", tls=True)  # refused


async def actors(cluster: Cluster, local: ActorRef[Till]) -> None:
    alice = cluster.entity(Account, "alice")
    await alice.ask(Foreign())  # refused
    text: str = await alice.ask(Add(1))  # refused
    await alice.send("text")  # refused
    await alice.call(Account.total, factor="2")  # refused
    await alice.call(Till.receive, Add(1))  # refused
    cluster.entity(Account, 7)  # refused
    cluster.entity(Add, "alice")  # refused
    await cluster.spawn(Till, 1)  # refused
    await cluster.spawn(Till, "1", node="b")  # refused
    await cluster.spawn(Till, node="b")  # refused
    await cluster.singleton(Till, 1)  # refused
    till: ActorRef[Account] = await cluster.find("till", Till)  # refused
    cluster.lookup("till", Add)  # refused
    await ClusterTopic[Add](cluster, "prices").publish(Foreign())  # refused
    cluster.events.subscribe(Add)  # refused
    cluster.state = None  # refused
    print(text, till)
