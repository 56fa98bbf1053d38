"""Chameneos: creatures meet in pairs through one mall and change colour; everybody's mail goes to one actor.

Two creatures of one colour keep it, two of different colours both take the third. Then the sum of all
colours, as numbers modulo 3, never changes: -(a + b) is the new colour of both, whether a and b are equal
or not. With the number of meetings that makes a check of every message.

Source: Savina 6, `chameneos`; C. Kaiser and J.-F. Pradat-Peyre, "Chameneos, a concurrency game", 2003.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from actorio import Actor, ActorRef, ActorSystem, Ask, Result
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["CHAMENEOS"]

COMPLEMENT = ((0, 2, 1), (2, 1, 0), (1, 0, 2))


@dataclass(frozen=True, slots=True)
class Size:
    """How many creatures, and how many meetings among them all."""

    creatures: int
    meetings: int


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one creature when the mall has closed."""

    meetings: int
    colour: int


def check(size: Size, reports: Sequence[Report]) -> None:
    """Each creature reported, each meeting had two sides, and the colours obey the rule."""
    expect("reports", len(reports), size.creatures)
    expect("sum of meetings", sum(report.meetings for report in reports), 2 * size.meetings)
    before = sum(place % 3 for place in range(size.creatures)) % 3
    expect("sum of colours modulo 3", sum(report.colour for report in reports) % 3, before)


def messages(size: Size, reports: Sequence[Report]) -> int:
    return 4 * size.meetings + 3 * size.creatures


class Sender(Protocol):
    """The address that a creature leaves with a message so that it can be answered."""

    def put(self, message: "ToCreature", /) -> None: ...


Meet = tuple[int, Sender]  # a creature's colour and where it is to be answered
ToMall = Meet | Report
ToCreature = Meet | int | None  # another creature to meet; the new colour; the mall has closed

# --- asyncio.Queue ---------------------------------------------------------------------------------


class Mailbox(asyncio.Queue[ToCreature]):
    """A queue under the name that both baselines use to answer."""

    put = asyncio.Queue.put_nowait  # type: ignore[assignment]


async def queue_creature(colour: int, mailbox: Mailbox, mall: asyncio.Queue[ToMall]) -> None:
    meetings = 0
    mall.put_nowait((colour, mailbox))
    while (message := await mailbox.get()) is not None:
        meetings += 1
        if isinstance(message, int):
            colour = message
        else:
            other, sender = message
            colour = COMPLEMENT[colour][other]
            sender.put(colour)
        mall.put_nowait((colour, mailbox))
    mall.put_nowait(Report(meetings, colour))


async def queue_mall(size: Size, mailbox: asyncio.Queue[ToMall]) -> list[Report]:
    reports: list[Report] = []
    waiting: Sender | None = None
    left = size.meetings
    while len(reports) < size.creatures:
        message = await mailbox.get()
        if isinstance(message, Report):
            reports.append(message)
        elif left == 0:
            message[1].put(None)
        elif waiting is None:
            waiting = message[1]
        else:
            waiting.put(message)
            waiting = None
            left -= 1
    return reports


async def queue(size: Size) -> Outcome[Sequence[Report]]:
    mailbox: asyncio.Queue[ToMall] = asyncio.Queue()
    mall = asyncio.create_task(queue_mall(size, mailbox))
    creatures = [
        asyncio.create_task(queue_creature(place % 3, Mailbox(), mailbox)) for place in range(size.creatures)
    ]
    await asyncio.gather(*creatures)
    return Outcome(await mall, actors=size.creatures + 1)


# --- deque and future ------------------------------------------------------------------------------


async def lean_creature(colour: int, mall: Inbox[ToMall]) -> None:
    inbox: Inbox[ToCreature] = Inbox()
    meetings = 0
    mall.put((colour, inbox))
    while True:
        while not inbox:
            await inbox.arrival()
        message = inbox.popleft()
        if message is None:
            mall.put(Report(meetings, colour))
            return
        meetings += 1
        if isinstance(message, int):
            colour = message
        else:
            other, sender = message
            colour = COMPLEMENT[colour][other]
            sender.put(colour)
        mall.put((colour, inbox))


async def lean_mall(size: Size, inbox: Inbox[ToMall]) -> list[Report]:
    reports: list[Report] = []
    waiting: Sender | None = None
    left = size.meetings
    while len(reports) < size.creatures:
        while not inbox:
            await inbox.arrival()
        message = inbox.popleft()
        if isinstance(message, Report):
            reports.append(message)
        elif left == 0:
            message[1].put(None)
        elif waiting is None:
            waiting = message[1]
        else:
            waiting.put(message)
            waiting = None
            left -= 1
    return reports


async def lean(size: Size) -> Outcome[Sequence[Report]]:
    inbox: Inbox[ToMall] = Inbox()
    mall = asyncio.create_task(lean_mall(size, inbox))
    creatures = [asyncio.create_task(lean_creature(place % 3, inbox)) for place in range(size.creatures)]
    await asyncio.gather(*creatures)
    return Outcome(await mall, actors=size.creatures + 1)


# --- actorio ---------------------------------------------------------------------------------------

Meeting = tuple[int, "ActorRef[Creature]"]


class Creature(Actor[Meeting | int | None]):
    def __init__(self, colour: int, mall: "ActorRef[Mall]") -> None:
        self.colour = colour
        self.mall = mall
        self.meetings = 0

    async def on_start(self) -> None:
        await self.mall.send((self.colour, self.context.ref))

    async def receive(self, message: Meeting | int | None) -> None:
        if message is None:
            await self.mall.send(Report(self.meetings, self.colour))
            self.context.stop()
            return
        self.meetings += 1
        if isinstance(message, int):
            self.colour = message
        else:
            other, sender = message
            self.colour = COMPLEMENT[self.colour][other]
            await sender.send(self.colour)
        await self.mall.send((self.colour, self.context.ref))


class Reports(Ask[Sequence[Report]]):
    """Answered with the reports of all creatures, once they are there."""


class Mall(Actor[Meeting | Report | Reports]):
    def __init__(self, size: Size) -> None:
        self.size = size
        self.left = size.meetings
        self.waiting: ActorRef[Creature] | None = None
        self.reports: list[Report] = []
        self.answer: Result[Sequence[Report]] | None = None

    async def receive(self, message: Meeting | Report | Reports) -> None:
        if isinstance(message, tuple):
            await self.meet(message)
        elif isinstance(message, Report):
            self.reports.append(message)
            self.answer_if_complete()
        else:
            self.answer = self.context.defer()
            self.answer_if_complete()

    def answer_if_complete(self) -> None:
        if len(self.reports) == self.size.creatures and self.answer is not None:
            self.answer.set_result(self.reports)

    async def meet(self, message: Meeting) -> None:
        if self.left == 0:
            await message[1].send(None)
        elif self.waiting is None:
            self.waiting = message[1]
        else:
            await self.waiting.send(message)
            self.waiting = None
            self.left -= 1


async def actorio(size: Size) -> Outcome[Sequence[Report]]:
    async with ActorSystem() as system:
        mall = await system.spawn(Mall, size)
        for place in range(size.creatures):
            await system.spawn(Creature, place % 3, mall)
        return Outcome(await mall.ask(Reports()), actors=size.creatures + 1)


CHAMENEOS = Workload(
    name="chameneos",
    group=Group.A,
    about="100 creatures meet through one mall",
    full=Size(100, 50_000),
    quick=Size(10, 200),
    messages=messages,
    check=check,
    programs={"queue": queue, "lean": lean, "actorio": actorio},
)
