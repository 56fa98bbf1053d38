"""Make a failing run simpler: as few deviations from first-in-first-out as the same failure needs.

First whole lanes of the tape are zeroed, then ever smaller groups of deviations, at last the values that
remain are made 1. A simpler run is kept if it fails with the same kind of error raised at the same line.

Source: Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002 (ddmin).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

from actorio._core.checks import check_instance
from actorio.testing._simulation.tape import Tape
from actorio.testing.failures import GuaranteeBroken
from actorio.testing.settings import SimulationSettings
from actorio.testing.simulation import SimulationResult, simulate

__all__ = ["shrink", "signature_of"]

Main = Callable[[], Coroutine[Any, Any, Any]]
Result = SimulationResult[Any]

_MOST_RUNS = 300
_ORDER_LAST = ("order",)


def shrink(
    main: Main, failed: Result, *, settings: SimulationSettings | None = None, runs: int = _MOST_RUNS
) -> tuple[Result, int]:
    """Return the simplest run found that fails in the same way, with its whole trace, and the runs it took.

    Args:
        main: what was run.
        failed: the result of a failing run; returned as it is when nothing simpler is found.
        settings: the ones of the failing run.
        runs: how many to spend at most.

    Raises:
        ValueError: `failed` has not failed.
        TypeError: it is no result.
    """
    if check_instance("failed", failed, SimulationResult).error is None:
        raise ValueError("there is nothing to shrink: this run has passed")
    search = _Search(main, failed, settings, runs)
    search.zero_lanes()
    search.zero_groups()
    search.lower_values()
    return search.best, search.runs


class _Search:
    """A greedy descent from a failing tape."""

    def __init__(
        self, main: Main, failed: Result, settings: SimulationSettings | None, most_runs: int
    ) -> None:
        self.best = failed
        self.runs = 0
        self._main = main
        self._settings = settings
        self._most_runs = most_runs
        self._failure = signature_of(failed.error)

    def zero_lanes(self) -> None:
        """Try to do without step costs, random values, ... at all; the order of tasks is the last to go."""
        for lane in sorted(self.best.tape.lanes, key=lambda name: (name in _ORDER_LAST, name)):
            places = [place for place in self.best.tape.deviations if place[0] == lane]
            self._keep_if_failing(self.best.tape.replaced(places))

    def zero_groups(self) -> None:
        """Zero half of the deviations, then each quarter, and so on down to single ones."""
        size = max(1, len(self.best.tape.deviations) // 2)
        while size:
            start = 0
            while start < len(places := self.best.tape.deviations) and self.runs < self._most_runs:
                if not self._keep_if_failing(self.best.tape.replaced(places[start : start + size])):
                    start += size
            size //= 2

    def lower_values(self) -> None:
        """Try the smallest deviation at each of the places that remain."""
        for name, place in self.best.tape.deviations:
            lane = self.best.tape.lanes.get(name, ())
            if place < len(lane) and lane[place] > 1:
                self._keep_if_failing(self.best.tape.replaced([(name, place)], 1))

    def _keep_if_failing(self, tape: Tape) -> bool:
        """Run the tape; what is kept is the tape of that run, free of what it has not used."""
        if self.runs >= self._most_runs or tape == self.best.tape:
            return False
        self.runs += 1
        best = self.best
        result = simulate(
            self._main, tape=tape, seed=best.seed, policy=best.policy, settings=self._settings, trace=True
        )
        if signature_of(result.error) != self._failure:
            return False
        self.best = result
        return True


def signature_of(error: BaseException | None) -> tuple[object, ...]:
    """Tell failures apart by kind and line; of a group, by its first leaf.

    The line is one of the program: each failed `until`, `expect` or `timeout` is raised at the same line of a library.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None:
        return ()
    if isinstance(error, GuaranteeBroken):
        return type(error), error.number
    lines = list(traceback.walk_tb(error.__traceback__))
    own = [(frame, line) for frame, line in lines if not _is_of_a_library(frame)] or lines
    return (type(error), *((frame.f_code.co_filename, line) for frame, line in own[-1:]))


def _is_of_a_library(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] in (
        "actorio",
        "asyncio",
        "anyio",
        "contextlib",
    )
