"""The curves: which sizes are measured, and the running of all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.harness.measure import LOOPS
from benchmarks.harness.process import in_fresh_process
from benchmarks.scaling import points
from benchmarks.scaling.points import Point

__all__ = ["CURVES", "Curve", "Points", "measure_curve", "sizes"]


@dataclass(frozen=True, slots=True)
class Curve:
    """A kind of thing of which there may be many, up to `most`, and the function that measures one size."""

    name: str
    about: str
    smallest: int
    most: int
    point: Callable[[int], Awaitable[Point]]


CURVES = (
    Curve("actors", "actors alive", 10, 1_000_000, points.actors),
    Curve("depth", "messages in one mailbox", 1, 1_000_000, points.depth),
    Curve("children", "children of one actor", 1, 10_000, points.children),
    Curve("timers", "timers of one actor", 1, 1_000_000, points.timers),
)


@dataclass(slots=True)
class Points:
    """The points of one curve: for each size the cost of one."""

    curve: Curve
    at: dict[int, Point] = field(default_factory=dict)


def sizes(curve: Curve, limit: int) -> list[int]:
    """Give the powers of ten from the smallest to the largest size, none above `limit`."""
    return list(_powers(curve.smallest, min(curve.most, limit)))


def _powers(smallest: int, largest: int) -> Iterator[int]:
    size = smallest
    while size <= largest:
        yield size
        size *= 10


def measure_curve(
    curve: Curve, at: Sequence[int], *, loop: str, repetitions: int, progress: Callable[[str], None]
) -> Points:
    """Measure a curve, each size in a new process; of repetitions the least cost of each kind is kept.

    Raises:
        WrongAnswerError: What was timed was not done.
    """
    found = Points(curve)
    for size in at:
        progress(f"{curve.name} {size:,}")
        runs = [in_fresh_process(run_point, curve.name, size, loop) for _ in range(repetitions)]
        found.at[size] = {kind: min(run[kind] for run in runs) for kind in runs[0]}
    return found


def run_point(name: str, size: int, loop: str) -> Point:
    """Measure one point in this process."""
    (curve,) = (curve for curve in CURVES if curve.name == name)

    async def point() -> Point:
        await curve.point(curve.smallest)  # what only the first call costs is no cost of the many
        return await curve.point(size)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(point())
