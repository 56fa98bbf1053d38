"""Queens on a board: a master hands out positions to workers, who extend them or, deep enough, solve them.

Source: Savina, `nqueenk`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["NQUEENS"]

SOLUTIONS = (1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2_680, 14_200)
"""How many solutions there are on boards of one to twelve (OEIS A000170)."""

RESULT, DONE, STOP = "result", "done", "stop"

Board = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How many queens, workers, and queens from which on a worker solves by itself."""

    queens: int
    workers: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Solutions found, and boards handed out."""

    solutions: int
    boards: int


def check(size: Size, answer: Answer) -> None:
    """All solutions were found, and every board above the threshold was handed out once."""
    expect("solutions", answer.solutions, SOLUTIONS[size.queens - 1])
    boards: list[Board] = [()]
    expected = 0
    for _ in range(min(size.threshold, size.queens) + 1):
        expected += len(boards)
        boards = [longer for board in boards for longer in extensions(board, size.queens)]
    expect("boards", answer.boards, expected)


def messages(size: Size, answer: Answer) -> int:
    return 3 * answer.boards - 1 + answer.solutions


def extensions(board: Board, queens: int) -> list[Board]:
    """Give the boards with one queen more that no other attacks."""
    row = len(board)
    return [
        (*board, column)
        for column in range(queens)
        if all(column != other and abs(column - other) != row - place for place, other in enumerate(board))
    ]


class Worker(Role):
    def __init__(self, size: Size, master: Address) -> None:
        self.size = size
        self.master = master

    def receive(self, message: Any) -> None:
        if message is STOP:
            self.master(STOP)
            self.stop()
            return
        if len(message) < self.size.threshold:
            for board in extensions(message, self.size.queens):
                self.master(board)
        else:
            self.solve(message)
        self.master(DONE)

    def solve(self, board: Board) -> None:
        if len(board) == self.size.queens:
            self.master(RESULT)
            return
        for longer in extensions(board, self.size.queens):
            self.solve(longer)


class Master(Role):
    def __init__(self, size: Size, runtime: Runtime) -> None:
        self.size = size
        self.report = runtime.report
        self.workers: Sequence[Address] = ()
        self.solutions = self.sent = self.done = self.stopped = 0

    async def receive(self, message: Any) -> None:
        if message is RESULT:
            self.solutions += 1
        elif message is DONE:
            self.done += 1
            if self.done == self.sent:
                for worker in self.workers:
                    worker(STOP)
        elif message is STOP:
            self.stopped += 1
            if self.stopped == self.size.workers:
                self.report(Answer(self.solutions, self.sent))
                self.stop()
        else:
            if not self.workers:
                self.workers = [
                    await self.spawn(Worker, self.size, self.me) for _ in range(self.size.workers)
                ]
            self.workers[self.sent % self.size.workers](message)
            self.sent += 1


async def play(size: Size, runtime: Runtime) -> None:
    master = await runtime.spawn(Master, size, runtime)
    master(())


NQUEENS = Workload(
    name="nqueens",
    group=Group.B,
    about="a master, 20 workers, 8 queens",
    full=Size(8, 20, 4),
    quick=Size(5, 3, 2),
    messages=messages,
    check=check,
    programs=programs(play),
)
