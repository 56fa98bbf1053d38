"""Xoscar: asyncio, one pool in this process, which no message leaves. One way calls are `.tell(...)`."""

import asyncio
from typing import Any

import xoscar

from benchmarks.peers.stage import Clock, perform

POOL = "test://127.0.0.1:0"  # the library's address for a pool that is used from its own process


async def new_pool() -> Any:
    return await xoscar.create_actor_pool(POOL, n_process=0)


class Ponger(xoscar.Actor):
    def __init__(self) -> None:
        super().__init__()
        self.pings = 0

    def ping(self) -> int:
        self.pings += 1
        return self.pings


async def ask(clock: Clock, rounds: int) -> int:
    async with await new_pool() as pool:
        ponger = await xoscar.create_actor(Ponger, address=pool.external_address, uid="ponger")
        right = 0
        with clock:
            for number in range(1, rounds + 1):
                right += await ponger.ping() == number
    return right


class Receiver(xoscar.Actor):
    def __init__(self) -> None:
        super().__init__()
        self.expected = 0

    def number(self, value: int) -> None:
        if value == self.expected:
            self.expected += 1

    def how_many(self) -> int:
        return self.expected


async def send(clock: Clock, numbers: int) -> int:
    async with await new_pool() as pool:
        receiver = await xoscar.create_actor(Receiver, address=pool.external_address, uid="receiver")
        with clock:
            for number in range(numbers):
                await receiver.number.tell(number)
            in_order = await receiver.how_many()
    return in_order


class Node(xoscar.Actor):
    def __init__(self, place: int, done: Any, tally: dict[str, int]) -> None:
        super().__init__()
        self.place = place
        self.done = done
        self.tally = tally

    def link(self, following: Any) -> None:
        self.following = following

    async def token(self, value: int) -> None:
        self.tally["tokens"] += 1
        if value:
            await self.following.token.tell(value - 1)
        else:
            self.tally["last"] = self.place
            self.done.set()


async def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    done, tally = asyncio.Event(), {"tokens": 0}
    async with await new_pool() as pool:
        nodes = [
            await xoscar.create_actor(
                Node, place, done, tally, address=pool.external_address, uid=f"node-{place}"
            )
            for place in range(actors)
        ]
        for node, following in zip(nodes, nodes[1:] + nodes[:1], strict=True):
            await node.link(following)
        with clock:
            await nodes[0].token.tell(hops)
            await done.wait()
    return tally


class Worker(xoscar.Actor):
    def __init__(self, ran: list[int]) -> None:
        super().__init__()
        self.ran = ran

    def work(self, number: int) -> None:
        self.ran.append(number)


async def spawn(clock: Clock, actors: int) -> int:
    ran: list[int] = []
    async with await new_pool() as pool:
        with clock:
            for number in range(actors):
                worker = await xoscar.create_actor(
                    Worker, ran, address=pool.external_address, uid=f"worker-{number}"
                )
                await worker.work(number)
                await xoscar.destroy_actor(worker)
    return len(ran)


class Branch(xoscar.Actor):
    def __init__(self, parent: Any, number: int, leaves: int) -> None:
        super().__init__()
        self.parent = parent
        self.number = number
        self.leaves = leaves
        self.missing = 10
        self.total = 0

    async def grow(self) -> None:
        if self.leaves == 1:
            await self.parent.add.tell(self.number)
            return
        share = self.leaves // 10
        for place in range(10):
            number = self.number + place * share
            child = await xoscar.create_actor(
                Branch, self.ref(), number, share, address=self.address, uid=f"{number}-{share}"
            )
            await child.grow.tell()

    async def add(self, number: int) -> None:
        self.total += number
        self.missing -= 1
        if self.missing == 0:
            await self.parent.add.tell(self.total)


class Root(xoscar.Actor):
    def __init__(self, done: Any) -> None:
        super().__init__()
        self.done = done

    def add(self, total: int) -> None:
        self.done.set_result(total)


async def skynet(clock: Clock, leaves: int) -> int:
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with await new_pool() as pool:
        root = await xoscar.create_actor(Root, done, address=pool.external_address, uid="root")
        with clock:
            tree = await xoscar.create_actor(
                Branch, root, 0, leaves, address=pool.external_address, uid=f"0-{leaves}"
            )
            await tree.grow.tell()
            total = await done
    return total


if __name__ == "__main__":
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn, "skynet": skynet})
