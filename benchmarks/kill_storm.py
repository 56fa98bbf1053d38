"""A kill storm: a tree of actors in which random ones crash, are killed and stopped, and that must stay whole.

`python -m benchmarks.kill_storm --actors 10000 --kills 100000 --seed 1`. The tree has five levels; strategies,
restart types and budgets are mixed. It heals itself: who is killed is gone for good, so its parent, which
watches it, starts another one of the same name. Every few thousand kills the storm pauses until the tree is
whole, and checks all that must hold whatever has happened.
"""

import asyncio
import contextlib
import gc
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from actorio import (
    Actor,
    ActorRef,
    ActorStarted,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    MailboxFullError,
    NameNotFoundError,
    Restart,
    Strategy,
    Supervision,
    Terminated,
)
from benchmarks.memory import resident

__all__ = ["BrokenInvariantError", "Outcome", "Plan", "run_storm"]

LEVELS = 5
CHECKS = 10
"""Pauses of a storm, in which everything is checked."""
BURST = 40
"""Kills between two turns of the loop, at most."""
PATIENCE = 60.0
"""Seconds in which the tree must be whole again, and the system must have ended."""
NO_LIMIT = 10**9
BUDGETS = [Supervision(max_restarts=limit, within=1.0).max_restarts for limit in (3, 100, NO_LIMIT)]
GROWTH_ALLOWED = 1.05
"""How many more objects of actorio there may be at the last check than at the second."""


class BrokenInvariantError(AssertionError):
    """Something that must hold did not."""


class Crash(Exception):
    """What the storm plants."""


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
    """What has happened, as the actors and the system tell it."""

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
        self.supervision = Supervision(plan.strategy, max_restarts=plan.budget, within=1.0)  # type: ignore[misc]
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a storm has done, in the end."""

    actors: int
    kills: int
    spawned: int
    mail: int
    seconds: float
    objects: tuple[int, ...]
    resident: tuple[int, ...]


class Storm:
    """One run: the system, the tree in it, and the hand that kills."""

    def __init__(self, system: ActorSystem, plan: Plan, source: random.Random) -> None:
        self.system = system
        self.plan = plan
        self.source = source
        self.ledger = Ledger()
        self.members = list(plan.walk())
        self.victims = self.members[1:]  # the top is left alone: its failures are the system's
        self.kills = 0
        self.objects: list[int] = []
        self.resident: list[int] = []

    async def listen(self) -> None:
        """Count what the system tells, until it ends."""
        ledger, limit = self.ledger, 10**9
        async for event in self.system.events.subscribe(ActorStarted, ActorStopped, DeadLetter, limit=limit):
            if isinstance(event, ActorStarted):
                ledger.started += 1
            elif isinstance(event, ActorStopped):
                ledger.stopped += 1
            elif isinstance(event.message, Mail):
                ledger.lost += 1

    async def rage(self, kills: int, witness: ActorRef[Witness]) -> None:
        """Kill so many, in bursts, in the midst of mail."""
        until, deadline = self.kills + kills, time.monotonic() + PATIENCE
        while self.kills < until and time.monotonic() < deadline:
            for _ in range(self.source.randint(1, BURST)):
                self.strike(witness)
            await asyncio.sleep(0)

    def strike(self, witness: ActorRef[Witness]) -> None:
        """Do to a random actor what is drawn."""
        try:
            victim = self.system.lookup(self.source.choice(self.victims).path)
        except NameNotFoundError:  # at this moment
            return
        blow = self.source.random()
        if blow < 0.25:
            self.send(victim)
        elif blow < 0.3:
            witness.send_nowait(victim)
        else:
            self.kills += 1
            self.kill(victim, blow)

    def send(self, victim: ActorRef[Any]) -> None:
        """Send some mail."""
        for _ in range(self.source.randint(1, 3)):
            try:
                victim.send_nowait(Mail(self.ledger.sent))
            except (ActorStoppedError, MailboxFullError):
                return
            self.ledger.sent += 1

    def kill(self, victim: ActorRef[Any], blow: float) -> None:
        """Kill, stop or crash it."""
        if blow < 0.6:
            victim.kill()
        elif blow < 0.7:
            victim.stop()
        else:
            try:
                victim.send_nowait(Crash())
            except ActorStoppedError:
                self.kills -= 1

    # -- what must hold ----------------------------------------------------------------------------

    async def check(self, witness: ActorRef[Witness]) -> None:
        """Wait until the tree is whole, and check all that must hold then."""
        await self.whole()
        self.ledger.broken += await witness.call(Witness.settle)
        self.check_names()
        self.check_groups()
        await self.check_counts()
        self.ledger.raise_breaches()
        gc.collect()
        self.objects.append(sum(type(one).__module__.startswith("actorio") for one in gc.get_objects()))
        self.resident.append(resident())

    async def whole(self) -> None:
        """Wait until all are there, running and without mail.

        Raises:
            BrokenInvariantError: they are not, for long.
        """
        expected, deadline = len(self.members) + 1, time.monotonic() + PATIENCE
        while True:
            begun = time.monotonic()
            actors = list(self.system.snapshot().walk())
            unsettled = [actor for actor in actors if actor.state != "running" or actor.depth]
            if len(actors) == expected and not unsettled:
                return
            if time.monotonic() > deadline:
                paths = [actor.path for actor in unsettled[:5]]
                raise BrokenInvariantError(f"{len(actors)} of {expected} actors; unsettled: {paths}")
            await asyncio.sleep(10 * (time.monotonic() - begun))  # looking takes its time from them

    def check_names(self) -> None:
        """Each path of the plan leads to an actor of that path, whose children are those of the plan."""
        for plan in self.members:
            ref = self.system.lookup(plan.path)
            if not ref.is_alive or ref.path != plan.path:
                self.ledger.breach(f"{plan.path} leads to {ref}")

    def check_groups(self) -> None:
        """The group of a level has the actors of that level, each once."""
        by_level = Counter(plan.level for plan in self.members)
        for level, count in by_level.items():
            members = self.system.groups.members(level)
            there = {self.system.lookup(plan.path) for plan in self.members if plan.level == level}
            if len(members) != count or set(members) != there:
                self.ledger.breach(f"the group of level {level} has {len(members)} members, not {count}")

    async def check_counts(self) -> None:
        """Every message has one fate, every actor one end; there are no more tasks than actors."""
        ledger = self.ledger
        for _ in range(3):  # what was published lies in the stream of `listen`
            await asyncio.sleep(0)
        if ledger.sent != ledger.handled + ledger.lost:
            ledger.breach(f"of {ledger.sent} messages {ledger.handled} were handled and {ledger.lost} lost")
        if ledger.started - ledger.stopped != len(self.members) + 1:
            ledger.breach(f"{ledger.started} actors have started and {ledger.stopped} ended")
        tasks = len(asyncio.all_tasks())
        if tasks > len(self.members) + 3:
            ledger.breach(f"{tasks} tasks for {len(self.members)} actors")
        if pending := len(self.system._runtime.timers):
            ledger.breach(f"{pending} timers are pending")


async def run_storm(actors: int, kills: int, seed: int) -> Outcome:
    """Run a storm.

    Raises:
        BrokenInvariantError: something does not hold.
    """
    with _quiet():
        return await _run_storm(actors, kills, seed)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Have failures not logged: they are what is asked for, and a log would keep them."""
    logger = logging.getLogger("actorio")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


async def _run_storm(actors: int, kills: int, seed: int) -> Outcome:
    source, begun = random.Random(seed), time.perf_counter()
    async with ActorSystem("storm", shutdown_timeout=PATIENCE) as system:
        system.random = random.Random(seed)
        storm = Storm(system, plan_tree(actors, source), source)
        listener = asyncio.ensure_future(storm.listen())
        await asyncio.sleep(0)
        witness = await system.spawn(Witness, mailbox=None)
        await system.spawn(Member, storm.plan, storm.ledger, name="top", restart=Restart.PERMANENT)
        for _ in range(CHECKS):
            await storm.rage(kills // CHECKS, witness)
            await storm.check(witness)
        storm.ledger.over = True
        report = await system.shutdown()
        await listener
    _check_end(storm, report.abandoned)
    ledger, seconds = storm.ledger, time.perf_counter() - begun
    return Outcome(
        actors, storm.kills, ledger.started, ledger.sent, seconds, tuple(storm.objects), tuple(storm.resident)
    )


def _check_end(storm: Storm, abandoned: tuple[str, ...]) -> None:
    """Nobody is left, nothing was abandoned, and memory was flat."""
    ledger = storm.ledger
    if abandoned:
        ledger.breach(f"abandoned: {abandoned[:5]}")
    if ledger.started != ledger.stopped:
        ledger.breach(f"{ledger.started} actors have started and {ledger.stopped} ended")
    second, last = storm.objects[1], storm.objects[-1]
    if last > second * GROWTH_ALLOWED:
        ledger.breach(f"{second} objects at the second check, {last} at the last one")
    ledger.raise_breaches()


def main(
    actors: Annotated[int, typer.Option(min=LEVELS, help="How many actors the tree has.")] = 10_000,
    kills: Annotated[
        int, typer.Option(min=CHECKS, help="How many are killed, stopped or crashed.")
    ] = 100_000,
    seed: Annotated[int, typer.Option(help="Draws the tree and every blow.")] = 1,
) -> None:
    """Kill random actors of a tree, and check that it stays whole."""
    console = Console()
    try:
        outcome = asyncio.run(run_storm(actors, kills, seed))
    except BrokenInvariantError as error:
        console.print(f"[red]broken:[/red]\n{error}", highlight=False)
        raise typer.Exit(1) from error
    table = Table("", "", show_header=False)
    table.add_row("actors, levels", f"{outcome.actors:,}, {LEVELS}")
    table.add_row("kills, stops and crashes", f"{outcome.kills:,}")
    table.add_row("actors spawned, incarnations not counted", f"{outcome.spawned:,}")
    table.add_row("messages, each with one fate", f"{outcome.mail:,}")
    table.add_row("seconds", f"{outcome.seconds:.1f}")
    table.add_row(
        "actorio's objects at the second and the last check",
        f"{outcome.objects[1]:,}, {outcome.objects[-1]:,}",
    )
    megabytes = [size / 2**20 for size in (outcome.resident[1], outcome.resident[-1])]
    table.add_row("resident then, MB", f"{megabytes[0]:.0f}, {megabytes[1]:.0f}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
