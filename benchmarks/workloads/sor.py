"""Successive over-relaxation: an actor for each cell of a grid, red and black in turn, all in lock step.

Source: Savina, `sor`, whose grid is one grid here and not two halves with a border of each other's cells:
the messages are the same. With the generator used since 2017 the total is not the one that Savina's
program compares with.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.generator import Random16
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, WrongAnswerError, expect

__all__ = ["SOR"]

OMEGA = 1.25
SEED = 10101010


@dataclass(frozen=True, slots=True)
class Size:
    """The side of the square grid, and the iterations."""

    side: int
    iterations: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The sum of all cells at the end, and the values that were sent."""

    total: float
    values: int


def matrix(side: int) -> list[list[float]]:
    """Draw the cells at the beginning."""
    random = Random16(SEED)
    return [[random.next_double() * 1e-6 for _ in range(side)] for _ in range(side)]


def neighbours(side: int, row: int, column: int) -> list[tuple[int, int]]:
    """Give the cells beside a cell."""
    beside = ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column))
    return [(r, c) for r, c in beside if 0 <= r < side and 0 <= c < side]


def relaxed(value: float, total: float) -> float:
    """Give the next value of a cell from the sum of its neighbours."""
    return 0.25 * OMEGA * total + (1.0 - OMEGA) * value


def red(row: int, column: int) -> bool:
    """Tell whether a cell sends before it receives."""
    return (row + column) % 2 == 0


def check(size: Size, answer: Answer) -> None:
    """The grid relaxed as it does in one thread, and every value was sent."""
    cells = matrix(size.side)
    for sweep in range(2 * size.iterations - 1):
        for row in range(size.side):
            for column in range(size.side):
                if red(row, column) == (sweep % 2 == 1):
                    total = sum(cells[r][c] for r, c in neighbours(size.side, row, column))
                    cells[row][column] = relaxed(cells[row][column], total)
    total = math.fsum(map(math.fsum, cells))
    if not math.isclose(answer.total, total, rel_tol=1e-9):
        raise WrongAnswerError(f"total: expected {total}, found {answer.total}")
    expect("values sent", answer.values, messages(size, answer))


def messages(size: Size, answer: Answer) -> int:
    return 4 * size.side * (size.side - 1) * size.iterations


class Cell(Role):
    """Gets its neighbours first, then their values."""

    def __init__(self, place: tuple[int, int], value: float, size: Size, report: Address) -> None:
        self.red = red(*place)
        self.value = value
        self.left = size.iterations
        self.report = report
        self.neighbours: Sequence[Address] | None = None
        self.early: list[float] = []
        self.missing = 0
        self.sum = 0.0
        self.sent = 0

    def receive(self, message: Any) -> None:
        if not isinstance(message, float):
            self.start(message)
        elif self.neighbours is None:
            self.early.append(message)
        else:
            self.take(message)

    def start(self, beside: Sequence[Address]) -> None:
        self.neighbours = beside
        self.missing = len(beside)
        if self.red:
            self.send()
        for value in self.early:
            self.take(value)

    def take(self, value: float) -> None:
        self.sum += value
        self.missing -= 1
        if self.missing or self.left == 0:
            return
        assert self.neighbours is not None
        self.missing = len(self.neighbours)
        self.value = relaxed(self.value, self.sum)
        self.sum = 0.0
        self.send()

    def send(self) -> None:
        assert self.neighbours is not None
        for neighbour in self.neighbours:
            neighbour(self.value)
        self.sent += len(self.neighbours)
        self.left -= 1
        if self.left == 0:
            self.report((self.value, self.sent))


class Runner(Role):
    def __init__(self, size: Size, runtime: Runtime) -> None:
        self.size = size
        self.report = runtime.report
        self.found: list[tuple[float, int]] = []

    async def receive(self, message: Any) -> None:
        if message is not None:
            self.found.append(message)
            if len(self.found) == self.size.side**2:
                total = math.fsum(value for value, _ in self.found)
                self.report(Answer(total, sum(sent for _, sent in self.found)))
            return
        cells = matrix(self.size.side)
        addresses = {
            (row, column): await self.spawn(Cell, (row, column), value, self.size, self.me)
            for row, values in enumerate(cells)
            for column, value in enumerate(values)
        }
        for (row, column), address in addresses.items():
            address([addresses[place] for place in neighbours(self.size.side, row, column)])


async def play(size: Size, runtime: Runtime) -> None:
    runner = await runtime.spawn(Runner, size, runtime)
    runner(None)


SOR = Workload(
    name="sor",
    group=Group.B,
    about="400 actors in lock step",
    full=Size(20, 100),
    quick=Size(4, 5),
    messages=messages,
    check=check,
    programs=programs(play),
)
