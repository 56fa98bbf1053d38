"""Unbalanced cobwebbed tree: the root grants each node ten children or none; then all are visited.

Source: Savina, `uct`, without its busy loops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.generator import JavaRandom
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["UCT"]

CHILDREN = 10
SEED = 2

TRY, GROW, TRAVERSE, TERMINATE = "try", "grow", "traverse", "terminate"


@dataclass(frozen=True, slots=True)
class Size:
    """How many nodes the tree may have."""

    nodes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The size of the tree, the nodes below the root that were visited and that ended, the grants."""

    nodes: int
    visited: int
    ended: int
    grants: int


def check(size: Size, answer: Answer) -> None:
    """The tree grew as far as it may; each node was visited once and has ended."""
    grants = (size.nodes - 1) // CHILDREN
    expect("nodes", answer.nodes, 1 + CHILDREN * grants)
    expect("grants", answer.grants, grants)
    expect("nodes visited", answer.visited, answer.nodes - 1)
    expect("nodes ended", answer.ended, answer.nodes - 1)


def messages(size: Size, answer: Answer) -> int:
    """Count for each node its try, its request, its visit and its end; for each grant the news of it."""
    return 4 * (answer.nodes - 1) + answer.grants


class Census:
    """Counts what happens to all nodes, and reports when the last has ended."""

    def __init__(self, report: Address) -> None:
        self.nodes = 1
        self.visited = self.ended = self.grants = 0
        self.report = report

    def end(self) -> None:
        """Count a node that has ended."""
        self.ended += 1
        if self.ended == self.nodes - 1:
            self.report(Answer(self.nodes, self.visited, self.ended, self.grants))


class Node(Role):
    def __init__(self, root: Address, census: Census) -> None:
        self.root = root
        self.census = census
        self.children: Sequence[Address] = ()

    async def receive(self, message: Any) -> None:
        if message is TRY:
            self.root(self.me)
        elif message is GROW:
            self.children = [await self.spawn(Node, self.root, self.census) for _ in range(CHILDREN)]
            for child in self.children:
                child(TRY)
        else:
            for child in self.children:
                child(message)
            self.obey(message)

    def obey(self, order: str) -> None:
        if order is TRAVERSE:
            self.census.visited += 1
        else:
            self.census.end()
            self.stop()


class Root(Role):
    def __init__(self, size: Size, report: Address) -> None:
        self.most = size.nodes
        self.random = JavaRandom(SEED)
        self.census = Census(report)
        self.children: Sequence[Address] = ()
        self.full = False

    async def receive(self, message: Any) -> None:
        if message is None:
            self.count_grant()
            self.children = [await self.spawn(Node, self.me, self.census) for _ in range(CHILDREN)]
            for child in self.children:
                child(TRY)
        elif not self.full:
            self.consider(message)

    def consider(self, child: Address) -> None:
        """Let a node have children or not; when the tree is full, have it visited and ended."""
        if self.census.nodes + CHILDREN <= self.most:
            if self.random.next_boolean():
                self.count_grant()
                child(GROW)
            return
        self.full = True
        for own in self.children:
            own(TRAVERSE)
            own(TERMINATE)

    def count_grant(self) -> None:
        self.census.grants += 1
        self.census.nodes += CHILDREN


async def play(size: Size, runtime: Runtime) -> None:
    root = await runtime.spawn(Root, size, runtime.report)
    root(None)


UCT = Workload(
    name="uct",
    group=Group.B,
    about="a tree of 5,000 nodes, ten children or none",
    full=Size(5_000),
    quick=Size(200),
    messages=messages,
    check=check,
    programs=programs(play),
)
