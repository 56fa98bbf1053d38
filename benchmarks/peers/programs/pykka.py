"""Pykka: threads. `tell` and `ask` with plain messages, which its documentation calls faster than proxies."""

from threading import Event
from typing import Any

import pykka

from benchmarks.peers.stage import Clock, perform


class Ponger(pykka.ThreadingActor):
    def __init__(self) -> None:
        super().__init__()
        self.pings = 0

    def on_receive(self, message: Any) -> int:
        self.pings += 1
        return self.pings


def ask(clock: Clock, rounds: int) -> int:
    ponger = Ponger.start()
    with clock:
        right = sum(ponger.ask("ping") == number for number in range(1, rounds + 1))
    ponger.stop()
    return right


class Receiver(pykka.ThreadingActor):
    def __init__(self) -> None:
        super().__init__()
        self.expected = 0

    def on_receive(self, message: Any) -> int:
        if message == self.expected:
            self.expected += 1
        return self.expected


def send(clock: Clock, numbers: int) -> int:
    receiver = Receiver.start()
    with clock:
        for number in range(numbers):
            receiver.tell(number)
        in_order = receiver.ask("how many?")
    receiver.stop()
    return in_order


class Node(pykka.ThreadingActor):
    def __init__(self, place: int, done: Event, tally: dict[str, int]) -> None:
        super().__init__()
        self.place = place
        self.done = done
        self.tally = tally

    def on_receive(self, message: Any) -> None:
        if isinstance(message, pykka.ActorRef):
            self.following = message
            return
        self.tally["tokens"] += 1
        if message:
            self.following.tell(message - 1)
        else:
            self.tally["last"] = self.place
            self.done.set()


def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    done, tally = Event(), {"tokens": 0}
    nodes = [Node.start(place, done, tally) for place in range(actors)]
    for node, following in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        node.tell(following)
    with clock:
        nodes[0].tell(hops)
        done.wait()
    pykka.ActorRegistry.stop_all()
    return tally


class Worker(pykka.ThreadingActor):
    def __init__(self, ran: list[int]) -> None:
        super().__init__()
        self.ran = ran

    def on_receive(self, message: Any) -> None:
        self.ran.append(message)
        self.stop()


def spawn(clock: Clock, actors: int) -> int:
    ran: list[int] = []
    with clock:
        workers = []
        for number in range(actors):
            worker = Worker.start(ran)
            workers.append(worker)
            worker.tell(number)
        for worker in workers:
            worker.actor_stopped.wait()
    return len(ran)


class Branch(pykka.ThreadingActor):
    def __init__(self, parent: Any, number: int, leaves: int) -> None:
        super().__init__()
        self.parent = parent
        self.number = number
        self.leaves = leaves
        self.missing = 10
        self.total = 0

    def on_start(self) -> None:
        if self.leaves == 1:
            self.parent.tell(self.number)
            self.stop()
            return
        share = self.leaves // 10
        for place in range(10):
            Branch.start(self.actor_ref, self.number + place * share, share)

    def on_receive(self, message: Any) -> None:
        self.total += message
        self.missing -= 1
        if self.missing == 0:
            self.parent.tell(self.total)
            self.stop()


class Root(pykka.ThreadingActor):
    def __init__(self, done: Event) -> None:
        super().__init__()
        self.done = done
        self.total = 0

    def on_receive(self, message: Any) -> int:
        if message != "total":
            self.total = message
            self.done.set()
        return self.total


def skynet(clock: Clock, leaves: int) -> int:
    done = Event()
    root = Root.start(done)
    with clock:
        Branch.start(root, 0, leaves)
        done.wait()
    total = root.ask("total")
    pykka.ActorRegistry.stop_all()
    return total


if __name__ == "__main__":
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn, "skynet": skynet})
