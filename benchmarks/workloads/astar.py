"""Guided search: a master hands out nodes of a grid to workers, who search on until one finds the target.

The grid is shared, and written to by whoever comes first: on one thread that is safe. The search ends
early, with work still under way.

Source: Savina, `astar`, without its busy waits.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from benchmarks.harness.generator import JavaRandom
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, WrongAnswerError, expect

__all__ = ["ASTAR"]

SEED = 123456
ORIGIN = 0
NOBODY = -1

FOUND, RECEIVED, STOP = "found", "received", "stop"


@dataclass(frozen=True, slots=True)
class Size:
    """The side of the cube, the workers, and the nodes that a worker looks at before it hands on the rest."""

    side: int
    workers: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The parent of each node that was reached, the work handed out, and the work done."""

    parents: Sequence[int]
    handed_out: int
    done: int


@cache
def grid(side: int) -> Sequence[Sequence[int]]:
    """Draw the neighbours of each node: some of those one step further in one or two directions."""
    random = JavaRandom(SEED)
    neighbours: list[list[int]] = []
    steps = [step for step in product((0, 1), repeat=3) if 0 < sum(step) < 3]
    for place in product(range(side), repeat=3):
        node = number(place, side)
        found: list[int] = []
        for step in steps:
            if (step == steps[-1] and not found) or random.next_boolean():
                further = [min(side - 1, at + by) for at, by in zip(place, step, strict=True)]
                neighbour = number(further, side)
                if neighbour != node and neighbour not in found:
                    found.append(neighbour)
        neighbours.append(found)
    return neighbours


def number(place: Sequence[int], side: int) -> int:
    """Give the number of a node."""
    return (place[0] * side + place[1]) * side + place[2]


def target(side: int) -> int:
    """Give the node that is looked for."""
    at = int(0.80 * side)
    return number((at, at, at), side)


def check(size: Size, answer: Answer) -> None:
    """The target was reached, over neighbours, from the origin."""
    neighbours = grid(size.side)
    expect("nodes", len(answer.parents), len(neighbours))
    expect("parent of the origin", answer.parents[ORIGIN], ORIGIN)
    expect("work done", answer.done, answer.handed_out)
    node = target(size.side)
    while node != ORIGIN:
        parent = answer.parents[node]
        if parent == NOBODY or node not in neighbours[parent]:
            raise WrongAnswerError(f"no path from node {parent} to node {node}")
        node = parent


def messages(size: Size, answer: Answer) -> int:
    """Count the work handed out, back and forth, and the end of each worker."""
    return 3 * answer.handed_out - 1 + 2 * size.workers


class Worker(Role):
    def __init__(self, size: Size, parents: list[int], master: Address) -> None:
        self.neighbours = grid(size.side)
        self.target = target(size.side)
        self.threshold = size.threshold
        self.parents = parents
        self.master = master
        self.done = 0

    def receive(self, message: Any) -> None:
        if message is STOP:
            self.master((self.done,))
            self.stop()
            return
        self.search(message)
        self.done += 1
        self.master(RECEIVED)

    def search(self, start: int) -> None:
        queue = deque([start])
        looked_at = 0
        while queue and looked_at < self.threshold:
            looked_at += 1
            if self.look_around(queue.popleft(), queue):
                self.master(FOUND)
                return
        for node in queue:
            self.master(node)

    def look_around(self, node: int, queue: deque[int]) -> bool:
        """Take the neighbours that nobody has been at; tell whether one is the target."""
        for neighbour in self.neighbours[node]:
            if self.parents[neighbour] == NOBODY:
                self.parents[neighbour] = node
                if neighbour == self.target:
                    return True
                queue.append(neighbour)
        return False


class Master(Role):
    def __init__(self, size: Size, report: Address) -> None:
        self.size = size
        self.report = report
        self.parents = [NOBODY] * size.side**3
        self.parents[ORIGIN] = ORIGIN
        self.workers: Sequence[Address] = ()
        self.handed_out = self.received = self.done = self.stopped = 0
        self.stopping = False

    async def receive(self, message: Any) -> None:
        if message is FOUND:
            self.stop_workers()
        elif message is RECEIVED:
            self.received += 1
            if self.received == self.handed_out:
                self.stop_workers()
        elif isinstance(message, tuple):
            self.done += message[0]
            self.stopped += 1
            if self.stopped == self.size.workers:
                self.report(Answer(self.parents, self.handed_out, self.done))
                self.stop()
        elif not self.stopping:
            await self.hand_out(message)

    async def hand_out(self, node: int) -> None:
        if not self.workers:
            self.workers = [
                await self.spawn(Worker, self.size, self.parents, self.me) for _ in range(self.size.workers)
            ]
        self.workers[self.handed_out % self.size.workers](node)
        self.handed_out += 1

    def stop_workers(self) -> None:
        if not self.stopping:
            self.stopping = True
            for worker in self.workers:
                worker(STOP)


async def play(size: Size, runtime: Runtime) -> None:
    master = await runtime.spawn(Master, size, runtime.report)
    master(ORIGIN)


ASTAR = Workload(
    name="astar",
    group=Group.B,
    about="20 workers search a grid of 27,000 nodes",
    full=Size(30, 20, 64),
    quick=Size(6, 3, 8),
    messages=messages,
    check=check,
    programs=programs(play),
)
