"""Runs a failing run a second time, before anybody is told how to have it again.

A run that is different the second time depends on something that is not on the tape. That is told, with the first
event in which two runs differ, in place of advice that would not help.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from actorio.testing.shrinking import signature_of
from actorio.testing.simulation import SimulationResult, simulate

if TYPE_CHECKING:
    from actorio.testing.settings import SimulationSettings

__all__ = ["difference_of_replay"]

Main = Callable[[], Coroutine[Any, Any, Any]]
Result = SimulationResult[Any]


def difference_of_replay(main: Main, failed: Result, settings: SimulationSettings | None) -> str | None:
    """Run a failing run again, and say in what it differs; None when it is the same run."""
    again = _run_again(main, failed, settings)
    if _is_same(failed, again):
        return None
    third = _run_again(main, failed, settings)
    came = sum(signature_of(run.error) == signature_of(failed.error) for run in (again, third))
    how_often = f"of 2 more runs of this seed {came or 'none'} failed so" + (
        ", on another way" if came else ""
    )
    place = _first_difference(again.trace, third.trace) or _first_difference_of_tail(
        failed.trace, again.trace
    )
    return f"{how_often}; {place or 'their events are the same'}"


def _run_again(main: Main, failed: Result, settings: SimulationSettings | None) -> Result:
    return simulate(main, seed=failed.seed, policy=failed.policy, settings=settings, trace=True)


def _is_same(one: Result, other: Result) -> bool:
    return one.digest == other.digest and signature_of(one.error) == signature_of(other.error)


def _first_difference(one: tuple[str, ...], other: tuple[str, ...]) -> str | None:
    for line, another in zip_longest(one, other):
        if line != another:
            return f"the first event in which two of them differ:\n  {line or 'the end'}\n  {another or 'the end'}"
    return None


def _first_difference_of_tail(tail: tuple[str, ...], whole: tuple[str, ...]) -> str | None:
    """Compare the last lines of a run with the lines of the same steps of another, whose trace is whole."""
    if not tail:
        return None
    first = int(tail[0].split()[0])
    return _first_difference(tail, tuple(line for line in whole if int(line.split()[0]) >= first))
