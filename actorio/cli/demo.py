"""The main job, on real input: actors survey a tree of Python source files.

    Scanner ──> ParserPool ──> Parser (one per core) ──> Index ──> Reporter
                                  │
                                  └─ a Worker each, whose functions run in a process

The scanner finds the files and feeds the pool, no faster than the pool takes them. A file that cannot be
parsed crashes its parser: the file goes to the index with the reason, the pool restarts the parser, and the
parser's mailbox goes on where it was. The index knows how many files there are and answers when it has heard
about each of them.
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
    Result,
    Supervision,
    Worker,
)
from actorio.cli.report import Report
from actorio.cli.survey import FileFacts, Survey, Unparsed, find_sources, reason_of, survey_file

__all__ = ["OnProgress", "survey_with_actors"]

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
    """Has one file at a time parsed in a process of its own, and crashes on one that cannot be parsed."""

    def __init__(self, worker: ActorRef[Worker], index: ActorRef[Index]) -> None:
        self.worker = worker
        self.index = index

    async def receive(self, message: str) -> None:
        """Report the file, then succeed or fail with it."""
        try:
            facts = await self.worker.submit(survey_file, message)
        except Exception as error:
            # A restart does not run the failing message again: what is not said now is never said.
            await self.index.send(Unparsed(message, reason_of(error)))
            raise
        await self.index.send(facts)

    async def idle(self) -> None:
        """Do nothing, behind all other messages: the answer says that the parser has done them, and lives."""


class ParserPool(Actor[str]):
    """Supervises the parsers and gives each file to the one with the shortest queue."""

    # Any file may be bad, so a run of bad files is no sign that the parsers are.
    supervision = Supervision(max_restarts=1_000_000, within=1.0)

    def __init__(self, size: int, index: ActorRef[Index]) -> None:
        self.size = size
        self.index = index
        self.parsers: list[ActorRef[Parser]] = []

    async def on_start(self) -> None:
        """Start the parsers. Their workers stand beside them: a parser's crash costs no new process."""
        for number in range(1, self.size + 1):
            worker = await self.context.spawn(partial(Worker, runner="process"), name=f"worker-{number}")
            parser = await self.context.spawn(
                Parser, worker, self.index, name=f"parser-{number}", mailbox=Mailbox(8)
            )
            self.parsers.append(parser)

    async def receive(self, message: str) -> None:
        """Pass the file on; wait when all parsers have enough to do."""
        shortest = min(self.parsers, key=lambda parser: parser.statistics().depth)
        await shortest.send(message)

    async def settle(self) -> None:
        """Return when each parser has dealt with its last file, restart included."""
        for parser in self.parsers:
            await parser.call(Parser.idle)


class Scanner(Actor[None]):
    """Finds the files."""

    def __init__(self, pool: ActorRef[ParserPool], index: ActorRef[Index]) -> None:
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
    started = time.perf_counter()
    async with ActorSystem("demo", handle_signals=handle_signals) as system:
        newest = Mailbox(1, overflow=Overflow.DROP_OLD)
        reporter = await system.spawn(Reporter, show, name="reporter", mailbox=newest)
        index = await system.spawn(Index, reporter, name="index")
        pool = await system.spawn(ParserPool, _cores(), index, name="pool", shutdown=1.0)
        # One turn of the scanner is as long as the survey, and has nothing to clean up: a stop is a kill.
        scanner = await system.spawn(Scanner, pool, index, name="scanner", shutdown=0)
        await scanner.call(Scanner.scan, root)
        survey = await index.ask(Whole())
        await pool.call(ParserPool.settle)
        seconds = time.perf_counter() - started
        actors = list(system.snapshot().walk())
    return Report(
        root=str(root),
        survey=survey,
        loop=type(asyncio.get_running_loop()).__module__.partition(".")[0],
        restarts=sum(actor.incarnation for actor in actors),
        messages=sum(actor.handled for actor in actors),
        seconds=seconds,
    )


def _cores() -> int:
    """Return how many cores this process may use, which in a container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
