"""Dining philosophers: an arbitrator hands out forks; who is denied asks again, or is parked.

The first way is Savina's, a busy retry; the second is how one would write it.

Source: Savina 11, `philosopher`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["PHILOSOPHER", "PHILOSOPHER_PARKED"]

START, EAT, DENIED, EXIT = "start", "eat", "denied", "exit"


@dataclass(frozen=True, slots=True)
class Size:
    """How many philosophers, and how many meals of each."""

    philosophers: int
    meals: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Meals of each, meals with a fork held by a neighbour, denials sent, denials received."""

    meals: Sequence[int]
    stolen: int
    denials: int
    retries: int


def check(size: Size, answer: Answer) -> None:
    """Each had his meals, and nobody ate with a fork that a neighbour held."""
    expect("meals of each", list(answer.meals), [size.meals] * size.philosophers)
    expect("meals with a fork held by a neighbour", answer.stolen, 0)
    expect("retries", answer.retries, answer.denials)


def messages(size: Size, answer: Answer) -> int:
    return 4 * size.philosophers * size.meals + size.philosophers + 2 * answer.denials


class Table:
    """Who eats now, seen from outside."""

    def __init__(self, size: Size) -> None:
        self.eating = [False] * size.philosophers
        self.meals = [0] * size.philosophers
        self.stolen = 0
        self.denials = 0
        self.retries = 0

    def eat(self, place: int) -> None:
        """Note that a meal begins."""
        eating = self.eating
        self.stolen += eating[place - 1] or eating[(place + 1) % len(eating)]
        eating[place] = True
        self.meals[place] += 1


class Philosopher(Role):
    def __init__(self, place: int, size: Size, arbitrator: Address, table: Table) -> None:
        self.place = place
        self.left = size.meals
        self.arbitrator = arbitrator
        self.table = table

    def receive(self, message: Any) -> None:
        if message is not EAT:
            self.table.retries += message is DENIED
            self.arbitrator((self.place, self.me))
            return
        self.table.eat(self.place)
        self.arbitrator(self.place)
        self.left -= 1
        if self.left:
            self.me(START)
        else:
            self.arbitrator(EXIT)
            self.stop()


class Arbitrator(Role):
    """Gets (place, philosopher) from the hungry, a place from who is done, EXIT from who goes."""

    def __init__(self, size: Size, table: Table, report: Address) -> None:
        self.forks_held = [False] * size.philosophers
        self.seated = size.philosophers
        self.table = table
        self.report = report

    def receive(self, message: Any) -> None:
        if isinstance(message, tuple):
            self.serve(*message)
        elif message is EXIT:
            self.seated -= 1
            if self.seated == 0:
                table = self.table
                self.report(Answer(table.meals, table.stolen, table.denials, table.retries))
                self.stop()
        else:
            self.put_down(message)

    def serve(self, place: int, philosopher: Address) -> None:
        if self.take(place):
            philosopher(EAT)
        else:
            self.table.denials += 1
            philosopher(DENIED)

    def take(self, place: int) -> bool:
        """Take both forks of a place if both are there."""
        held = self.forks_held
        right = (place + 1) % len(held)
        if held[place] or held[right]:
            return False
        held[place] = held[right] = True
        return True

    def put_down(self, place: int) -> None:
        held = self.forks_held
        held[place] = held[(place + 1) % len(held)] = False
        self.table.eating[place] = False


class ParkingArbitrator(Arbitrator):
    """Keeps the hungry, and serves the neighbours when forks are put down."""

    def __init__(self, size: Size, table: Table, report: Address) -> None:
        super().__init__(size, table, report)
        self.parked: list[Address | None] = [None] * size.philosophers

    def serve(self, place: int, philosopher: Address) -> None:
        if self.take(place):
            philosopher(EAT)
        else:
            self.parked[place] = philosopher

    def put_down(self, place: int) -> None:
        super().put_down(place)
        for neighbour in (place - 1, (place + 1) % len(self.parked)):
            philosopher = self.parked[neighbour]
            if philosopher is not None:
                self.parked[neighbour] = None
                self.serve(neighbour % len(self.parked), philosopher)


async def play(size: Size, runtime: Runtime, *, arbitrator_role: type[Arbitrator]) -> None:
    table = Table(size)
    arbitrator = await runtime.spawn(arbitrator_role, size, table, runtime.report)
    philosophers = [
        await runtime.spawn(Philosopher, place, size, arbitrator, table) for place in range(size.philosophers)
    ]
    for philosopher in philosophers:
        philosopher(START)


PHILOSOPHER = Workload(
    name="philosopher",
    group=Group.B,
    about="20 philosophers who ask again when denied",
    full=Size(20, 1_500),
    quick=Size(5, 20),
    messages=messages,
    check=check,
    programs=programs(partial(play, arbitrator_role=Arbitrator)),
)

PHILOSOPHER_PARKED = Workload(
    name="philosopher_parked",
    group=Group.B,
    about="20 philosophers whom the arbitrator keeps waiting",
    full=Size(20, 1_500),
    quick=Size(5, 20),
    messages=messages,
    check=check,
    programs=programs(partial(play, arbitrator_role=ParkingArbitrator)),
)
