"""A kill storm: a tree of actors in which random ones crash, are killed and stopped, and that must stay whole.

`python -m benchmarks.programs.kill_storm --actors 10000 --kills 100000 --seed 1`. The tree has five levels; strategies,
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
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from actorio import (
    ActorRef,
    ActorSnapshot,
    ActorStarted,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    MailboxFullError,
    NameNotFoundError,
    Restart,
)
from benchmarks.harness.machine import resident
from benchmarks.programs.storm_tree import (
    LEVELS,
    BrokenInvariantError,
    Crash,
    Ledger,
    Mail,
    Member,
    Plan,
    Witness,
    plan_tree,
)

__all__ = ["Outcome", "run_storm"]

CHECKS = 10
"""Pauses of a storm, in which everything is checked."""
BURST = 40
"""Kills between two turns of the loop, at most."""
PATIENCE = 60.0
"""Seconds in which the tree must be whole again, and the system must have ended."""
GROWTH_ALLOWED = 1.05
"""How many more objects of actorio there may be at the last check than at the second."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a storm."""

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
            elif isinstance(event, DeadLetter) and isinstance(event.message, Mail):
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
        """Wait until all are there, running and without mail, at two looks in a row with nothing done in between.

        One look is not enough: who was told to stop in the midst of a turn runs on until that turn ends.

        Raises:
            BrokenInvariantError: they are not, for long.
        """
        expected, deadline = len(self.members) + 1, time.monotonic() + PATIENCE
        before: list[ActorSnapshot] = []
        while True:
            begun = time.monotonic()
            actors = list(self.system.snapshot().walk())
            unsettled = [actor for actor in actors if actor.state != "running" or actor.depth]
            if len(actors) == expected and not unsettled and actors == before:
                return
            before = actors
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
    """Log no failures: they are what is asked for, and a log would keep them."""
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
    _check_end(storm, actors, report.abandoned)
    ledger, seconds = storm.ledger, time.perf_counter() - begun
    return Outcome(
        actors, storm.kills, ledger.started, ledger.sent, seconds, tuple(storm.objects), tuple(storm.resident)
    )


def _check_end(storm: Storm, actors: int, abandoned: tuple[str, ...]) -> None:
    """Nobody is left, nothing was abandoned, and memory was flat.

    One object more for each actor is no growth: its ref is made when first asked for.
    """
    ledger = storm.ledger
    if abandoned:
        ledger.breach(f"abandoned: {abandoned[:5]}")
    if ledger.started != ledger.stopped:
        ledger.breach(f"{ledger.started} actors have started and {ledger.stopped} ended")
    second, last = storm.objects[1], storm.objects[-1]
    if last > second * GROWTH_ALLOWED + actors:
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
