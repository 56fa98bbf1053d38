"""Trapezoidal rule: an integral in many pieces, shared among calls.

Source: Savina, `trapezoid`.
"""

import asyncio
import math
from dataclasses import dataclass

from benchmarks.harness.offload import Submit, offloaded_programs
from benchmarks.harness.workload import Group, Workload, WrongAnswerError, expect

__all__ = ["TRAPEZOID"]

LEFT, RIGHT = 1.0, 5.0
AREA = 0.271080752
"""The area that Savina's ten million pieces give."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many pieces, and how many calls they are shared among."""

    pieces: int
    calls: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The area, and the pieces computed."""

    area: float
    pieces: int


def height(x: float) -> float:
    """Give the function that is integrated."""
    return math.sin(x**3 - 1) / (x + 1) * math.sqrt(1 + math.exp(math.sqrt(2 * x)))


def area(first: int, count: int, width: float) -> tuple[float, int]:
    """Add up some pieces of equal width; give their number, too."""
    borders = [height(LEFT + (first + place) * width) for place in range(count + 1)]
    return width * (math.fsum(borders) - (borders[0] + borders[-1]) / 2), count


def tolerance(size: Size) -> float:
    """Give how far off the area may be: the rule errs with the square of the width of a piece."""
    return 1e-8 + 40.0 / size.pieces**2


def check(size: Size, answer: Answer) -> None:
    """The area is right, and no piece was lost."""
    expect("pieces", answer.pieces, size.pieces)
    if not math.isclose(answer.area, AREA, abs_tol=tolerance(size)):
        raise WrongAnswerError(f"area: expected {AREA}, found {answer.area}")


async def play(size: Size, submit: Submit) -> Answer:
    width = (RIGHT - LEFT) / size.pieces
    share = size.pieces // size.calls
    shares = await asyncio.gather(*(submit(area, call * share, share, width) for call in range(size.calls)))
    return Answer(math.fsum(part for part, _ in shares), sum(count for _, count in shares))


TRAPEZOID = Workload(
    name="trapezoid",
    group=Group.C,
    about="an integral in 100 calls",
    full=Size(200_000, 100),
    quick=Size(2_000, 4),
    messages=lambda size, answer: 2 * size.calls,
    check=check,
    programs=offloaded_programs(play),
)
