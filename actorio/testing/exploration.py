"""Many runs of one program, each with another seed, until one fails: `explore`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from actorio.errors import describe
from actorio.testing._heap import steady_heap
from actorio.testing._policy import PolicyName
from actorio.testing.failures import SimulationError
from actorio.testing.settings import SimulationSettings
from actorio.testing.shrinking import shrink
from actorio.testing.simulation import SimulationResult, simulate

__all__ = ["Exploration", "SimulationFailed", "explore"]

_SHOWN_LINES = 24
_LONGEST_TAPE = 2_000  # characters


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was seen by an exploration in which no run failed.

    Attributes:
        runs: how many.
        distinct: how many different ones; far fewer than `runs` means that the program leaves little choice.
        steps: callbacks run in all.
    """

    runs: int
    distinct: int
    steps: int


class SimulationFailed(SimulationError):
    """A run has failed; the message tells how to have it again. The run's own error is the `__cause__`.

    Attributes:
        result: the failing run, as it was found.
        shrunk: the simplest run found that fails in the same way.
    """

    def __init__(
        self, result: SimulationResult[Any], shrunk: SimulationResult[Any], tried: int, spent: int
    ) -> None:
        self.result = result
        self.shrunk = shrunk
        super().__init__("\n".join(_report(result, shrunk, tried, spent)))


def explore(
    main: Callable[[], Coroutine[Any, Any, Any]],
    *,
    seeds: Iterable[int] = range(1000),
    policies: PolicyName | Sequence[PolicyName] = ("random", "pct"),
    settings: SimulationSettings | None = None,
    shrink_runs: int = 300,
) -> Exploration:
    """Run `main` once for each seed; raise the first failure, shrunk.

    Args:
        main: an async callable; called once per run. What it uses must be made inside of it: state that
            outlives a run would make the runs depend on each other.
        seeds: what to draw the runs from.
        policies: one for all, or several to take turns: seed s is run with `policies[s % len(policies)]`.
        settings: conditions of all runs; None: the defaults.
        shrink_runs: how many runs to spend on shrinking a failure; 0: do not shrink.

    Raises:
        SimulationFailed: a run failed.
    """
    turns: Sequence[PolicyName] = [policies] if isinstance(policies, str) else policies
    digests: set[str] = set()
    runs = steps = 0
    with steady_heap():
        for seed in seeds:
            policy = turns[seed % len(turns)]
            result = simulate(main, seed=seed, policy=policy, settings=settings)
            runs += 1
            steps += result.steps
            digests.add(result.digest)
            if result.error is not None:
                shrunk, spent = shrink(main, result, settings=settings, runs=shrink_runs)
                raise SimulationFailed(result, shrunk, runs, spent) from shrunk.error
    return Exploration(runs, len(digests), steps)


def _report(
    result: SimulationResult[Any], shrunk: SimulationResult[Any], tried: int, spent: int
) -> list[str]:
    assert shrunk.error is not None
    lines = [
        _headline(shrunk.error),
        f"seed {result.seed}, policy {result.policy}, found in run {tried}; shrunk from "
        f"{len(result.tape.deviations)} deviations to {len(shrunk.tape.deviations)} in {spent} runs",
        f"the run again:   simulate(main, seed={result.seed}, policy={result.policy!r})",
    ]
    if len(text := str(shrunk.tape)) <= _LONGEST_TAPE:
        lines.append(f"the shrunk run:  simulate(main, tape={text!r})")
    if shrunk.story:
        lines.append("what its actors did last:")
        return lines + list(shrunk.story[-_SHOWN_LINES:])
    lines.append(f"its last steps, of {shrunk.steps}:")
    return lines + list(shrunk.trace[-_SHOWN_LINES:])


def _headline(error: BaseException) -> str:
    line = f"{type(error).__name__}: {error}" if str(error) else describe(error)
    return (
        f"{line}; first {_headline(error.exceptions[0])}" if isinstance(error, BaseExceptionGroup) else line
    )
