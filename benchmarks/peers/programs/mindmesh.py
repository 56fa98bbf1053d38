"""mindmesh: asyncio. Messages are dispatched to `on_...` by their class, as its documentation shows."""

import asyncio
from dataclasses import dataclass
from typing import Any

from mindmesh import ActorAddr, ActorHive, BaseActor, Request

from benchmarks.peers.stage import Clock, perform


@dataclass
class Ping(Request[int]):
    pass


@dataclass
class Number:
    value: int


@dataclass
class HowMany(Request[int]):
    pass


class Ponger(BaseActor):
    pings = 0

    def on_ping(self, message: Ping) -> int:
        self.pings += 1
        return self.pings


async def ask(clock: Clock, rounds: int) -> int:
    hive = ActorHive()
    ponger = hive.start_actor(Ponger)
    await ponger.wait_for_start()
    right = 0
    with clock:
        for number in range(1, rounds + 1):
            right += await ponger.ask(Ping()) == number
    await hive.shutdown()
    return right


class Receiver(BaseActor):
    expected = 0

    def on_number(self, message: Number) -> None:
        if message.value == self.expected:
            self.expected += 1

    def on_how_many(self, message: HowMany) -> int:
        return self.expected


async def send(clock: Clock, numbers: int) -> int:
    hive = ActorHive()
    receiver = hive.start_actor(Receiver)
    await receiver.wait_for_start()
    with clock:
        for number in range(numbers):
            receiver.tell(Number(number))
        in_order = await receiver.ask(HowMany())
    await hive.shutdown()
    return in_order


@dataclass
class Link:
    following: ActorAddr


class Node(BaseActor):
    def __init__(self, hive: ActorHive, actor_id: str, place: int, done: Any, tally: dict[str, int]) -> None:
        super().__init__(hive, actor_id)
        self.place = place
        self.done = done
        self.tally = tally

    def on_link(self, message: Link) -> None:
        self.following = message.following

    def on_number(self, message: Number) -> None:
        self.tally["tokens"] += 1
        if message.value:
            self.following.tell(Number(message.value - 1))
        else:
            self.tally["last"] = self.place
            self.done.set()


async def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    hive = ActorHive()
    done, tally = asyncio.Event(), {"tokens": 0}
    nodes = [hive.start_actor(Node, place, done, tally) for place in range(actors)]
    for node, following in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        await node.wait_for_start()
        node.tell(Link(following))
    with clock:
        nodes[0].tell(Number(hops))
        await done.wait()
    await hive.shutdown()
    return tally


class Worker(BaseActor):
    def __init__(self, hive: ActorHive, actor_id: str, ran: list[int], actors: int, done: Any) -> None:
        super().__init__(hive, actor_id)
        self.ran = ran
        self.actors = actors
        self.done = done

    def on_number(self, message: Number) -> None:
        self.ran.append(message.value)
        self.stop_self()

    async def on_stop(self) -> None:
        if len(self.ran) == self.actors:
            self.done.set()


async def spawn(clock: Clock, actors: int) -> int:
    hive = ActorHive()
    ran: list[int] = []
    done = asyncio.Event()
    with clock:
        for number in range(actors):
            worker = hive.start_actor(Worker, ran, actors, done)
            worker.tell(Number(number))
        await done.wait()
        await hive.shutdown()
    return len(ran)


class Branch(BaseActor):
    def __init__(self, hive: ActorHive, actor_id: str, parent: Any, number: int, leaves: int) -> None:
        super().__init__(hive, actor_id)
        self.parent = parent
        self.number = number
        self.leaves = leaves
        self.missing = 10
        self.total = 0

    async def on_start(self) -> None:
        if self.leaves == 1:
            self.parent.tell(Number(self.number))
            return
        share = self.leaves // 10
        for place in range(10):
            self.hive.start_actor(Branch, self.as_ref(), self.number + place * share, share)

    def on_number(self, message: Number) -> None:
        self.total += message.value
        self.missing -= 1
        if self.missing == 0:
            self.parent.tell(Number(self.total))


class Root(BaseActor):
    def __init__(self, hive: ActorHive, actor_id: str, done: "asyncio.Future[int]") -> None:
        super().__init__(hive, actor_id)
        self.done = done

    def on_number(self, message: Number) -> None:
        self.done.set_result(message.value)


async def skynet(clock: Clock, leaves: int) -> int:
    hive = ActorHive()
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    root = hive.start_actor(Root, done)
    with clock:
        hive.start_actor(Branch, root, 0, leaves)
        total = await done
        await hive.shutdown()
    return total


if __name__ == "__main__":
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn, "skynet": skynet})
