"""Ray: its actors on this machine. Each is a process, so rings are small and there is no skynet."""

from typing import Any

import ray

from benchmarks.peers.stage import Clock, perform


@ray.remote(num_cpus=0)
class Ponger:
    def __init__(self) -> None:
        self.pings = 0

    def ping(self) -> int:
        self.pings += 1
        return self.pings


def ask(clock: Clock, rounds: int) -> int:
    ponger = Ponger.remote()
    ray.get(ponger.ping.remote())
    with clock:
        right = sum(ray.get(ponger.ping.remote()) == number for number in range(2, rounds + 2))
    ray.kill(ponger)
    return right


@ray.remote(num_cpus=0)
class Receiver:
    def __init__(self) -> None:
        self.expected = 0

    def number(self, value: int) -> None:
        if value == self.expected:
            self.expected += 1

    def how_many(self) -> int:
        return self.expected


def send(clock: Clock, numbers: int) -> int:
    receiver = Receiver.remote()
    ray.get(receiver.how_many.remote())
    with clock:
        for number in range(numbers):
            receiver.number.remote(number)
        in_order = ray.get(receiver.how_many.remote())
    ray.kill(receiver)
    return in_order


@ray.remote(num_cpus=0)
class Worker:
    def __init__(self) -> None:
        self.ran = 0

    def work(self) -> int:
        self.ran += 1
        return self.ran


def spawn(clock: Clock, actors: int) -> int:
    with clock:
        workers = [Worker.remote() for _ in range(actors)]
        ran = sum(ray.get([worker.work.remote() for worker in workers]))
        for worker in workers:
            ray.kill(worker)
    return ran


@ray.remote(num_cpus=0)
class Node:
    def __init__(self, place: int) -> None:
        self.place = place
        self.tokens = 0

    def link(self, following: Any) -> None:
        self.following = following

    def token(self, value: int, done: Any) -> None:
        self.tokens += 1
        if value:
            self.following.token.remote(value - 1, done)
        else:
            done.end.remote(self.place)

    def count(self) -> int:
        return self.tokens


@ray.remote(num_cpus=0)
class Done:
    def __init__(self) -> None:
        import asyncio

        self.last: asyncio.Future[int] = asyncio.get_event_loop().create_future()

    async def end(self, place: int) -> None:
        self.last.set_result(place)

    async def wait(self) -> int:
        return await self.last


def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    nodes = [Node.remote(place) for place in range(actors)]
    done = Done.remote()
    ray.get(
        [node.link.remote(following) for node, following in zip(nodes, nodes[1:] + nodes[:1], strict=True)]
    )
    with clock:
        nodes[0].token.remote(hops, done)
        last = ray.get(done.wait.remote())
    tokens = sum(ray.get([node.count.remote() for node in nodes]))
    for actor in (*nodes, done):
        ray.kill(actor)
    return {"last": last, "tokens": tokens}


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn})
    ray.shutdown()
