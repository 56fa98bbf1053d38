"""everything-is-an-actor: asyncio. An actor's class takes no arguments, so the first message sets it up."""

import asyncio
from typing import Any

from actor_for_agents import Actor, ActorSystem

from benchmarks.peers.stage import Clock, perform


class Ponger(Actor):
    pings = 0

    async def on_receive(self, message: Any) -> int:
        self.pings += 1
        return self.pings


async def ask(clock: Clock, rounds: int) -> int:
    system = ActorSystem()
    ponger = await system.spawn(Ponger, "ponger")
    right = 0
    with clock:
        for number in range(1, rounds + 1):
            right += await ponger.ask("ping") == number
    await system.shutdown()
    return right


class Receiver(Actor):
    expected = 0

    async def on_receive(self, message: Any) -> int:
        if message == self.expected:
            self.expected += 1
        return self.expected


async def send(clock: Clock, numbers: int) -> int:
    system = ActorSystem()
    receiver = await system.spawn(Receiver, "receiver")
    with clock:
        for number in range(numbers):
            await receiver.tell(number)
        in_order = await receiver.ask("how many?")
    await system.shutdown()
    return in_order


class Node(Actor):
    async def on_receive(self, message: Any) -> None:
        if isinstance(message, tuple):
            self.place, self.following, self.done, self.tally = message
            return
        self.tally["tokens"] += 1
        if message:
            await self.following.tell(message - 1)
        else:
            self.tally["last"] = self.place
            self.done.set()


async def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    system = ActorSystem()
    done, tally = asyncio.Event(), {"tokens": 0}
    nodes = [await system.spawn(Node, f"node-{place}") for place in range(actors)]
    for place, following in enumerate(nodes[1:] + nodes[:1]):
        await nodes[place].tell((place, following, done, tally))
    with clock:
        await nodes[0].tell(hops)
        await done.wait()
    await system.shutdown()
    return tally


class Worker(Actor):
    async def on_receive(self, message: Any) -> None:
        number, ran = message
        ran.append(number)
        self.context.self_ref.stop()


async def spawn(clock: Clock, actors: int) -> int:
    system = ActorSystem()
    ran: list[int] = []
    with clock:
        workers = []
        for number in range(actors):
            worker = await system.spawn(Worker, f"worker-{number}")
            workers.append(worker)
            await worker.tell((number, ran))
        for worker in workers:
            await worker.join()
    await system.shutdown()
    return len(ran)


class Branch(Actor):
    missing = 10
    total = 0

    async def on_receive(self, message: Any) -> None:
        if isinstance(message, tuple):
            await self.grow(*message)
            return
        self.total += message
        self.missing -= 1
        if self.missing == 0:
            await self.parent.tell(self.total)

    async def grow(self, parent: Any, number: int, leaves: int) -> None:
        self.parent = parent
        if leaves == 1:
            await parent.tell(number)
            return
        share = leaves // 10
        for place in range(10):
            child = await self.context.spawn(Branch, f"{place}")
            await child.tell((self.context.self_ref, number + place * share, share))


class Root(Actor):
    async def on_receive(self, message: Any) -> None:
        if isinstance(message, tuple):
            leaves, self.done = message
            child = await self.context.spawn(Branch, "tree")
            await child.tell((self.context.self_ref, 0, leaves))
        else:
            self.done.set_result(message)


async def skynet(clock: Clock, leaves: int) -> int:
    system = ActorSystem()
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    root = await system.spawn(Root, "root")
    with clock:
        await root.tell((leaves, done))
        total = await done
        await system.shutdown()
    return total


if __name__ == "__main__":
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn, "skynet": skynet})
