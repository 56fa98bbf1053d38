"""The tree of the kill storm: what it is to be, the actors that keep it whole, and what they tell."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    Restart,
    Strategy,
    Supervision,
    Terminated,
)

__all__ = [
    "LEVELS",
    "BrokenInvariantError",
    "Crash",
    "Ledger",
    "Mail",
    "Member",
    "Plan",
    "Witness",
    "plan_tree",
]

LEVELS = 5
WITHIN = 1.0
"""Seconds in which restarts count."""
NO_LIMIT = 10**9
BUDGETS = (3, 100, NO_LIMIT)
"""Restarts that supervisors allow in that time."""


class BrokenInvariantError(AssertionError):
    """Something that must hold did not."""


class Crash(Exception):
    """The exception that the storm plants."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message with its place in the order of all."""

    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One actor of the tree and all below it."""

    name: str
    path: str
    level: int
    strategy: Strategy
    restart: Restart
    budget: int
    children: "tuple[Plan, ...]"

    def walk(self) -> "Iterator[Plan]":
        """Give it and all below."""
        yield self
        for child in self.children:
            yield from child.walk()


def plan_tree(actors: int, source: random.Random) -> Plan:
    """Divide so many actors over the levels, each with as many children as the others of its level, or one more."""
    fanout = next(f for f in range(1, actors + 1) if sum(f**level for level in range(LEVELS)) >= actors)

    def plan(path: str, level: int, share: int) -> Plan:
        below = share - 1
        count = 0 if level == LEVELS else min(fanout, below)
        shares = [below // count + (index < below % count) for index in range(count)]
        children = (plan(f"{path}/{index}", level + 1, part) for index, part in enumerate(shares))
        return Plan(
            path.rpartition("/")[2],
            path,
            level,
            source.choice(list(Strategy)),
            source.choice(list(Restart)) if level > 1 else Restart.PERMANENT,
            source.choice(BUDGETS) if level > 1 else NO_LIMIT,
            tuple(children),
        )

    return plan("/top", 1, actors)


@dataclass
class Ledger:
    """Records what has happened, as the actors and the system tell it."""

    sent: int = 0
    handled: int = 0
    lost: int = 0
    started: int = 0
    stopped: int = 0
    broken: list[str] = field(default_factory=list)
    over: bool = False

    def breach(self, what: str) -> None:
        """Note down that something does not hold."""
        self.broken.append(what)

    def raise_breaches(self) -> None:
        """Raise what was noted down, if anything was."""
        if self.broken:
            raise BrokenInvariantError("\n".join(self.broken[:20]))


class Member(Actor[Any]):
    """One actor of the tree: keeps its children there, and handles its mail in order."""

    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self.plan = plan
        self.ledger = ledger
        self.supervision = Supervision(plan.strategy, max_restarts=plan.budget, within=WITHIN)  # type: ignore[misc]
        self.mine: dict[ActorRef[Any], Plan] = {}
        self.last = -1

    async def on_start(self) -> None:
        """Join the group of its level, and grow the tree below."""
        if self.context.incarnation == 0:
            self.context.system.groups.join(self.plan.level, self.context.ref)
        for child in self.plan.children:
            await self.start(child)

    async def start(self, child: Plan) -> None:
        """Start a child, and another one when that is killed while it starts."""
        while not self.ledger.over:
            try:
                ref = await self.context.spawn(
                    Member, child, self.ledger, name=child.name, restart=child.restart, mailbox=None
                )
            except ActorStoppedError as error:
                if error.ref is None or error.ref == self.context.ref:
                    return
            else:
                self.context.watch(ref)
                self.mine[ref] = child
                return

    async def receive(self, message: Mail | Crash) -> None:
        """Crash, or handle a message, now and then with an await within."""
        if isinstance(message, Crash):
            raise message
        if message.number % 3 == 0:
            await asyncio.sleep(0)
        if message.number <= self.last:
            self.ledger.breach(f"{self.context.path}: {message.number} was handled after {self.last}")
        self.last = message.number
        self.ledger.handled += 1

    async def on_terminated(self, event: Terminated) -> None:
        """Start another one in place of a child that has ended."""
        child = self.mine.pop(event.ref, None)
        if child is None:
            self.ledger.breach(
                f"{self.context.path} is told of {event.ref}, which it does not watch any more"
            )
        elif not self.ledger.over:
            await self.start(child)


class Witness(Actor[Any]):
    """Watches random actors, and counts how often it is told of each."""

    def __init__(self) -> None:
        self.told: Counter[ActorRef[Any]] = Counter()

    async def receive(self, message: ActorRef[Any]) -> None:
        """Watch an actor that it did not watch before."""
        if message not in self.told:
            self.told[message] = 0
            self.context.watch(message)

    async def on_terminated(self, event: Terminated) -> None:
        """Count."""
        self.told[event.ref] += 1

    async def settle(self) -> list[str]:
        """Say of whom it was not told as often as it should, and forget those that have ended."""
        wrong = [
            f"{ref} is {'alive' if ref.is_alive else 'ended'}, and its watcher was told {times} times"
            for ref, times in self.told.items()
            if times != (not ref.is_alive)
        ]
        for ref in [ref for ref in self.told if not ref.is_alive]:
            del self.told[ref]
        return wrong
