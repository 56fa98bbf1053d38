"""The main job, on real input: actors survey a tree of Python source files.

    Scanner ──> pool of Parsers ──> Index ──> Reporter
                      │
                      └─ pool of Workers, one process per core

The scanner finds the files and feeds the parsers, no faster than they take them. A file that cannot be parsed
crashes its parser: the file goes to the index with the reason, the pool restarts the parser, and the queue
goes on. The index knows how many files there are and answers when it has heard about each of them.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio.to_thread

from actorio import (
    Actor,
    ActorRef,
    ActorSystem,
    Ask,
    Mailbox,
    Overflow,
    PoolRef,
    Result,
    Supervision,
    Worker,
)
from actorio.cli.report import Report
from actorio.cli.survey import FileFacts, Survey, Unparsed, find_sources, reason_of, survey_file

__all__ = ["OnProgress", "survey_with_actors"]

# Any file may be bad, so a run of bad files is no sign that the parsers are.
_BAD_FILES = Supervision(max_restarts=1_000_000, within=1.0)

OnProgress = Callable[[int, int | None], object]  # files done, files in all (None: not known yet)


@dataclass(frozen=True, slots=True)
class Expected:
    """How many outcomes the index is going to hear of."""

    files: int


@dataclass(frozen=True, slots=True)
class Whole(Ask[Survey]):
    """Asks the index for the survey; answered when it is complete."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the index has come."""

    done: int
    expected: int | None


class Reporter(Actor[Progress]):
    """Shows how far the survey has come. Its mailbox keeps the newest message: an older one is old news."""

    def __init__(self, show: OnProgress) -> None:
        self.show = show

    async def receive(self, message: Progress) -> None:
        """Pass it on to whoever draws."""
        self.show(message.done, message.expected)


class Index(Actor[Expected | FileFacts | Unparsed | Whole]):
    """Adds up what the parsers found."""

    def __init__(self, reporter: ActorRef[Reporter]) -> None:
        self.reporter = reporter
        self.survey = Survey()
        self.expected: int | None = None
        self.askers: list[Result[Survey]] = []

    async def receive(self, message: Expected | FileFacts | Unparsed | Whole) -> None:
        """Take in one outcome, and answer whoever waits once the last has come."""
        match message:
            case Expected(files):
                self.expected = files
            case Whole():
                self.askers.append(self.context.defer())
            case _:
                self.survey.add(message)
        await self.reporter.send(Progress(self.survey.files, self.expected))
        if self.survey.files == self.expected:
            while self.askers:
                self.askers.pop().set_result(self.survey)


class Parser(Actor[str]):
    """Has one file at a time parsed in a process, and crashes on one that cannot be parsed."""

    def __init__(self, workers: PoolRef[Worker], index: ActorRef[Index]) -> None:
        self.workers = workers
        self.index = index

    async def receive(self, message: str) -> None:
        """Report the file, then succeed or fail with it."""
        try:
            facts = await self.workers.submit(survey_file, message)
        except Exception as error:
            # A restart does not run the failing message again: what is not said now is never said.
            await self.index.send(Unparsed(message, reason_of(error)))
            raise
        await self.index.send(facts)

    async def idle(self) -> None:
        """Do nothing, after the file in hand: the answer says that the parser has done it, and lives."""


class Scanner(Actor[None]):
    """Finds the files."""

    def __init__(self, pool: PoolRef[Parser], index: ActorRef[Index]) -> None:
        self.pool = pool
        self.index = index

    async def scan(self, root: Path) -> None:
        """Tell the index what to expect and feed the pool; return when the pool has taken the last file."""
        sources, unreadable = await anyio.to_thread.run_sync(find_sources, root, abandon_on_cancel=True)
        await self.index.send(Expected(len(sources) + len(unreadable)))
        for outcome in unreadable:
            await self.index.send(outcome)
        for path in sources:
            await self.pool.send(path)


async def survey_with_actors(root: Path, show: OnProgress, *, handle_signals: bool = False) -> Report:
    """Survey the tree with as many parsers as there are cores.

    Cancellation:
        Ends the actors and their processes in order; what was surveyed so far is lost.
    """
    started, cores = time.perf_counter(), _cores()
    async with ActorSystem("demo", handle_signals=handle_signals) as system:
        newest = Mailbox(1, overflow=Overflow.DROP_OLD)
        reporter = await system.spawn(Reporter, show, name="reporter", mailbox=newest)
        index = await system.spawn(Index, reporter, name="index")
        workers = await system.spawn_pool(partial(Worker, runner="process"), size=cores, name="workers")
        pool = await system.spawn_pool(
            Parser,
            workers,
            index,
            name="parsers",
            size=cores,
            mailbox=Mailbox(8 * cores),
            supervision=_BAD_FILES,
        )
        # One turn of the scanner is as long as the survey, and has nothing to clean up: a stop is a kill.
        scanner = await system.spawn(Scanner, pool, index, name="scanner", shutdown=0)
        await scanner.call(Scanner.scan, root)
        survey = await index.ask(Whole())
        for parser in pool.routees:  # each has dealt with its last file, restart included
            await parser.call(Parser.idle)
        seconds = time.perf_counter() - started
        tree = system.snapshot()
    actors = list(tree.walk())
    return Report(
        root=str(root),
        survey=survey,
        loop=type(asyncio.get_running_loop()).__module__.partition(".")[0],
        restarts=sum(actor.incarnation for actor in actors),
        messages=sum(actor.handled for actor in actors),
        seconds=seconds,
        tree=tree,
    )


def _cores() -> int:
    """Return how many cores this process may use, which in a container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
