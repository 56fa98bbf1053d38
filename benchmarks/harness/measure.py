"""Run programs and time them: alternating, in one process, each run on a loop of its own.

A figure on a shared machine drifts; the ratio of two programs that run in turn drifts far less. So every
repetition runs all programs of a workload once, in an order that turns with each repetition, and a ratio
is never made of figures from two invocations.
"""

import asyncio
import gc
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

from benchmarks.harness.machine import peak_resident, resident
from benchmarks.harness.process import in_fresh_process
from benchmarks.harness.workload import AnyWorkload, Outcome
from benchmarks.workloads import select

__all__ = ["LOOPS", "Measurement", "Series", "geometric_mean", "measure", "peak_of_run", "run_once"]

DEADLINE = 300.0  # seconds; a run that takes longer hangs

Progress = Callable[[str], None]


def _new_uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": _new_uvloop,
}


@dataclass(slots=True)
class Series:
    """The repetitions of one program: seconds of each, and what the runs found.

    `peak` is the growth of resident memory in bytes, from a run in a process of its own; None where the
    workload does not ask for it.
    """

    program: str
    seconds: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    messages: int = 0
    actors: int = 0
    peak: int | None = None

    @property
    def fastest(self) -> float:
        """Seconds of the fastest repetition: the figure to take on a shared machine."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Seconds of the middle repetition: the figure to take on a quiet machine."""
        return median(self.seconds)

    @property
    def slowest(self) -> float:
        """Seconds of the slowest repetition."""
        return max(self.seconds)

    @property
    def rate(self) -> float:
        """Messages a second in the fastest repetition."""
        return self.messages / self.fastest

    def percentile(self, percent: int) -> float | None:
        """Give a percentile of the latencies, in seconds; None for a workload that has none."""
        if not self.latencies:
            return None
        return quantiles(self.latencies, n=100, method="inclusive")[percent - 1]

    def add(self, seconds: float, outcome: Outcome[object], messages: int) -> None:
        """Take in one repetition."""
        self.seconds.append(seconds)
        self.latencies += outcome.latencies
        self.messages = messages
        self.actors = outcome.actors


@dataclass(slots=True)
class Measurement:
    """All programs of one workload, measured side by side."""

    workload: AnyWorkload
    size: object
    series: dict[str, Series]

    def ratio(self, program: str, baseline: str) -> float:
        """Tell how many times faster a program is than a baseline, fastest against fastest."""
        return self.series[baseline].fastest / self.series[program].fastest

    def ratio_of_medians(self, program: str, baseline: str) -> float:
        """Tell how many times faster a program is than a baseline, median against median."""
        return self.series[baseline].median / self.series[program].median


def measure(
    workload: AnyWorkload, *, quick: bool, repetitions: int, loop: str, progress: Progress
) -> Measurement:
    """Run all programs of a workload in turn; call `progress` before each run with what runs.

    Raises:
        WrongAnswerError: A program found something else than a correct run must find.
        TimeoutError: A run took longer than `DEADLINE`.
    """
    size = workload.size(quick=quick)
    series = {name: Series(name) for name in workload.programs}
    for name in _turns(list(workload.programs), repetitions):
        progress(f"{workload.name} {name}")
        seconds, outcome = run_once(workload, name, size, loop)
        series[name].add(seconds, outcome, workload.messages(size, outcome.answer))
    if workload.memory:
        for name in workload.programs:
            progress(f"{workload.name} {name} memory")
            series[name].peak = peak_of_run(workload.name, name, quick=quick, loop=loop)
    return Measurement(workload, size, series)


def run_once(workload: AnyWorkload, program: str, size: object, loop: str) -> tuple[float, Outcome[object]]:
    """Run one program once on a new loop; give the seconds it took and what it found, checked.

    The garbage collector is on, as in production, and starts from an empty young generation.
    """

    async def timed() -> tuple[float, Outcome[object]]:
        start = perf_counter()
        async with asyncio.timeout(DEADLINE):
            outcome = await workload.programs[program](size)
        return perf_counter() - start, outcome

    gc.collect()
    try:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            seconds, outcome = runner.run(timed())
        workload.check(size, outcome.answer)
    except Exception as error:
        error.add_note(f"in the program {program!r} of the workload {workload.name!r}")
        raise
    return seconds, outcome


def _turns(names: Sequence[str], repetitions: int) -> Iterator[str]:
    """Give each name once in every repetition, each time beginning with the next."""
    for repetition in range(repetitions):
        first = repetition % len(names)
        yield from (*names[first:], *names[:first])


def geometric_mean(ratios: Sequence[float]) -> float:
    """Give the mean of ratios that does not depend on which side is the baseline."""
    return math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))


def peak_of_run(workload: str, program: str, *, quick: bool, loop: str) -> int:
    """Give the bytes by which a run of a program makes a new process grow at its peak."""
    return in_fresh_process(_growth, workload, program, quick=quick, loop=loop)


def _growth(workload_name: str, program: str, *, quick: bool, loop: str) -> int:
    (workload,) = select([workload_name])
    before = resident()
    _, outcome = run_once(workload, program, workload.size(quick=quick), loop)
    return max(0, peak_resident() - before) if outcome.held is None else outcome.held
