"""Thespian, on the system base that the environment names in `THESPIAN_BASE`.

`simpleSystemBase`, its default, calls one actor from the other and has no concurrency;
`multiprocQueueBase` has, with a process for each actor.
"""

import os
from typing import Any

from thespian.actors import Actor, ActorExitRequest, ActorSystem

from benchmarks.peers.stage import Clock, perform

BASE = os.environ["THESPIAN_BASE"]
TIMEOUT = 600  # seconds; far longer than a run


class Ponger(Actor):
    pings = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - the library's name
        if message == "ping":
            self.pings += 1
            self.send(sender, self.pings)


def ask(clock: Clock, rounds: int) -> int:
    system = ActorSystem(BASE)
    ponger = system.createActor(Ponger)
    with clock:
        right = sum(system.ask(ponger, "ping", TIMEOUT) == number for number in range(1, rounds + 1))
    system.shutdown()
    return right


class Receiver(Actor):
    expected = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802
        if message == "how many?":
            self.send(sender, self.expected)
        elif message == self.expected:
            self.expected += 1


def send(clock: Clock, numbers: int) -> int:
    system = ActorSystem(BASE)
    receiver = system.createActor(Receiver)
    with clock:
        for number in range(numbers):
            system.tell(receiver, number)
        in_order = system.ask(receiver, "how many?", TIMEOUT)
    system.shutdown()
    return in_order


class Node(Actor):
    tokens = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802
        if not isinstance(message, tuple):
            return
        kind, value, client = message
        if kind == "link":
            self.place, self.following = value
            self.send(sender, "linked")
        elif kind == "count":
            self.send(sender, self.tokens)
        else:
            self.tokens += 1
            client = client or sender
            if value:
                self.send(self.following, ("token", value - 1, client))
            else:
                self.send(client, self.place)


def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    system = ActorSystem(BASE)
    nodes = [system.createActor(Node) for _ in range(actors)]
    for place, following in enumerate(nodes[1:] + nodes[:1]):
        system.ask(nodes[place], ("link", (place, following), None), TIMEOUT)
    with clock:
        last = system.ask(nodes[0], ("token", hops, None), TIMEOUT)
    tokens = sum(system.ask(node, ("count", 0, None), TIMEOUT) for node in nodes)
    system.shutdown()
    return {"last": last, "tokens": tokens}


class Worker(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802
        if isinstance(message, int):
            self.send(sender, 1)
            self.send(self.myAddress, ActorExitRequest())


def spawn(clock: Clock, actors: int) -> int:
    system = ActorSystem(BASE)
    with clock:
        ran = sum(system.ask(system.createActor(Worker), number, TIMEOUT) for number in range(actors))
    system.shutdown()
    return ran


class Branch(Actor):
    missing = 10
    total = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802
        if isinstance(message, tuple):
            self.grow(*message, sender)
        elif isinstance(message, int):
            self.total += message
            self.missing -= 1
            if self.missing == 0:
                self.report(self.total)

    def grow(self, number: int, leaves: int, parent: Any) -> None:
        self.parent = parent
        if leaves == 1:
            self.report(number)
            return
        share = leaves // 10
        for place in range(10):
            self.send(self.createActor(Branch), (number + place * share, share))

    def report(self, total: int) -> None:
        self.send(self.parent, total)


def skynet(clock: Clock, leaves: int) -> int:
    system = ActorSystem(BASE)
    with clock:
        total = system.ask(system.createActor(Branch), (0, leaves), TIMEOUT)
    system.shutdown()
    return total


if __name__ == "__main__":
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn, "skynet": skynet})
