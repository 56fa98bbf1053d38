"""Logistic map: series workers compute term after term, each by an ask to the actor that knows their rate.

All requests lie in a worker's mailbox at once; while it waits for a term it must not take the next
request. That is an ask inside a handler, which Savina writes in four styles for Akka, and which here is
an `await`.

Source: Savina 14, `logmap`.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask, Mailbox
from benchmarks.harness.workload import Group, Outcome, Workload, WrongAnswerError, expect

__all__ = ["LOGMAP"]

START_RATE = 3.46
INCREMENT = 0.0025


@dataclass(frozen=True, slots=True)
class Size:
    """How many series, and how many terms of each."""

    series: int
    terms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The last term of each series, and the terms computed by all."""

    last_terms: Sequence[float]
    computed: int


def next_term(term: float, rate: float) -> float:
    """Give the next term of a series."""
    return rate * term * (1 - term)


def check(size: Size, answer: Answer) -> None:
    """Each series ended where it must, and no term was left out."""
    expect("terms computed", answer.computed, size.series * size.terms)
    expect("series", len(answer.last_terms), size.series)
    for number, found in enumerate(answer.last_terms):
        term, rate = start(number)
        for _ in range(size.terms):
            term = next_term(term, rate)
        if not math.isclose(term, found, rel_tol=1e-12):
            raise WrongAnswerError(f"last term of series {number}: expected {term}, found {found}")


def start(number: int) -> tuple[float, float]:
    """Give the first term and the rate of a series."""
    return number * INCREMENT, START_RATE + number * INCREMENT


def messages(size: Size, answer: Answer) -> int:
    return 3 * size.series * size.terms + 2 * size.series


# --- asyncio.Queue ---------------------------------------------------------------------------------

Reply = asyncio.Future[float]


async def queue_computer(mailbox: asyncio.Queue[tuple[float, Reply]], rate: float) -> None:
    while True:
        term, reply = await mailbox.get()
        reply.set_result(next_term(term, rate))


async def queue_worker(
    mailbox: asyncio.Queue[Reply | None], term: float, computer: asyncio.Queue[tuple[float, Reply]]
) -> int:
    loop = asyncio.get_running_loop()
    computed = 0
    while (last := await mailbox.get()) is None:
        reply = loop.create_future()
        computer.put_nowait((term, reply))
        term = await reply
        computed += 1
    last.set_result(term)
    return computed


async def queue(size: Size) -> Outcome[Answer]:
    loop = asyncio.get_running_loop()
    mailboxes: list[asyncio.Queue[Reply | None]] = []
    computers, workers = [], []
    for number in range(size.series):
        term, rate = start(number)
        asks: asyncio.Queue[tuple[float, Reply]] = asyncio.Queue()
        computers.append(asyncio.create_task(queue_computer(asks, rate)))
        mailboxes.append(asyncio.Queue())
        workers.append(asyncio.create_task(queue_worker(mailboxes[-1], term, asks)))
    for _ in range(size.terms):
        for mailbox in mailboxes:
            mailbox.put_nowait(None)
    replies: list[Reply] = [loop.create_future() for _ in mailboxes]
    for mailbox, reply in zip(mailboxes, replies, strict=True):
        mailbox.put_nowait(reply)
    last_terms = await asyncio.gather(*replies)
    computed = sum(await asyncio.gather(*workers))
    for computer in computers:
        computer.cancel()
    await asyncio.wait(computers)
    return Outcome(Answer(last_terms, computed), actors=2 * size.series)


# --- actorio ---------------------------------------------------------------------------------------


class Compute(Ask[float]):
    """Answered with the term after this one."""

    __slots__ = ("term",)

    def __init__(self, term: float) -> None:
        self.term = term


class Computer(Actor[Compute]):
    def __init__(self, rate: float) -> None:
        self.rate = rate

    async def receive(self, message: Compute) -> float:
        return next_term(message.term, self.rate)


class NextTerm:
    """Compute one term more."""


class LastTerm(Ask[float]):
    """Answered with the last term computed."""


class Worker(Actor[NextTerm | LastTerm]):
    def __init__(self, term: float, computer: ActorRef[Computer], computed: list[int], number: int) -> None:
        self.term = term
        self.computer = computer
        self.computed = computed
        self.number = number

    async def receive(self, message: NextTerm | LastTerm) -> float | None:
        if isinstance(message, LastTerm):
            return self.term
        self.term = await self.computer.ask(Compute(self.term))
        self.computed[self.number] += 1
        return None


async def actorio(size: Size) -> Outcome[Answer]:
    computed = [0] * size.series
    async with ActorSystem() as system:
        workers = []
        for number in range(size.series):
            term, rate = start(number)
            computer = await system.spawn(Computer, rate)
            worker = await system.spawn(Worker, term, computer, computed, number, mailbox=Mailbox(None))
            workers.append(worker)
        request = NextTerm()
        for _ in range(size.terms):
            for worker in workers:
                await worker.send(request)
        last_terms = [await worker.ask(LastTerm()) for worker in workers]
    return Outcome(Answer(last_terms, sum(computed)), actors=2 * size.series)


LOGMAP = Workload(
    name="logmap",
    group=Group.B,
    about="10 workers, an ask inside each handler",
    full=Size(10, 5_000),
    quick=Size(3, 50),
    messages=messages,
    check=check,
    programs={"queue": queue, "actorio": actorio},
)
