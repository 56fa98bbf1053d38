"""Many runs of one program, each with another seed, until one fails: `explore`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from actorio._core.checks import check_callable, check_count, check_iterable, check_whole
from actorio.errors import describe
from actorio.testing._simulation.heap import steady_heap
from actorio.testing._simulation.policy import PolicyName
from actorio.testing._simulation.replay import difference_of_replay
from actorio.testing.failures import SimulationError
from actorio.testing.faults import Fault, FaultKind, Faults
from actorio.testing.settings import SimulationSettings, settings_or_default
from actorio.testing.shrinking import shrink
from actorio.testing.simulation import SimulationResult, simulate

__all__ = ["Exploration", "SimulationFailed", "explore", "explore_places"]

_SHOWN_LINES = 30
_LONGEST_TAPE = 2_000  # characters
_WHY_NOT = (
    "something that is not on the tape decides: a set of objects that hash by address, datetime.now, what outlives a "
    "run, ... (docs/explanation/what-simulation-cannot-see.md)"
)


@dataclass(frozen=True, slots=True)
class Exploration:
    """The summary of an exploration in which no run failed.

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
        shrunk: the simplest run found that fails in the same way; the run itself when it does not come again.
        difference: in what it differs when it is run again, as text; None when it comes again.
    """

    def __init__(
        self,
        result: SimulationResult[Any],
        shrunk: SimulationResult[Any],
        tried: int,
        spent: int,
        difference: str | None = None,
    ) -> None:
        self.result = result
        self.shrunk = shrunk
        self.difference = difference
        super().__init__("\n".join(_report(result, shrunk, tried, spent, difference)))


def explore(
    main: Callable[[], Coroutine[Any, Any, Any]],
    *,
    seeds: Iterable[int] = range(1000),
    policies: PolicyName | Sequence[PolicyName] = ("random", "pct"),
    settings: SimulationSettings | None = None,
    shrink_runs: int = 300,
) -> Exploration:
    """Run `main` once for each seed; raise the first failure, shrunk.

    A run that has failed is run once more first: one that is different then depends on something that is not on the
    tape, and is told as such, with the first event in which two runs differ.

    Args:
        main: an async callable; called once per run. What it uses must be made inside of it: state that
            outlives a run would make the runs depend on each other.
        seeds: what to draw the runs from.
        policies: one for all, or several to take turns: seed s is run with `policies[s % len(policies)]`.
        settings: conditions of all runs; None: the defaults.
        shrink_runs: how many runs to spend on shrinking a failure; 0: do not shrink.

    Raises:
        SimulationFailed: a run failed.
        TypeError, ValueError: an argument is not of its kind; faults are for a path that no actor of any run had.
    """
    check_callable("explore", main)
    turns: Sequence[PolicyName] = [policies] if isinstance(policies, str) else _turns(policies)
    check_iterable("seeds", seeds, "whole numbers")
    check_count("shrink_runs", shrink_runs, least=0)
    digests: set[str] = set()
    runs = steps = 0
    missed: tuple[str, ...] = ()
    with steady_heap():
        for seed in seeds:
            policy = turns[check_whole("seed", seed) % len(turns)]
            result = simulate(main, seed=seed, policy=policy, settings=settings)
            missed = tuple(path for path in result.missed if not runs or path in missed)
            runs += 1
            steps += result.steps
            digests.add(result.digest)
            if result.error is not None:
                difference = difference_of_replay(main, result, settings)
                if difference is not None:  # shrinking it would be noise
                    raise SimulationFailed(result, result, runs, 0, difference) from result.error
                shrunk, spent = shrink(main, result, settings=settings, runs=shrink_runs)
                raise SimulationFailed(result, shrunk, runs, spent) from shrunk.error
    if not runs:  # which would pass for a program that never fails
        raise ValueError("seeds must hold at least one seed")
    if missed:
        raise ValueError(f"faults are for {', '.join(missed)}, and no run had such an actor")
    return Exploration(runs, len(digests), steps)


def explore_places(
    main: Callable[[], Coroutine[Any, Any, Any]],
    path: str,
    *,
    kind: FaultKind = "crash",
    seconds: float = 1.0,
    seed: int = 0,
    policy: PolicyName = "fifo",
    settings: SimulationSettings | None = None,
) -> int:
    """Run `main` once for each place of an actor, with a fault at that place: every turn, then every await.

    The awaits are those of handlers, hooks and calls, in their `finally` too.

    Args:
        main: as for `explore`.
        path: of the actor.
        kind: what happens there.
        seconds: how long `slow` takes.
        seed: of all runs.
        policy: of all runs.
        settings: conditions of all runs; other faults in them happen too, but for one at the same place.

    Returns:
        How many places there were.

    Raises:
        SimulationFailed: a run failed; its `faults` say where.
        TypeError, ValueError: an argument is not of its kind; no actor that faults may hit has that path, or it
            has no turn.
    """
    check_callable("explore_places", main)
    settings = settings_or_default(settings)
    faults = settings.faults or Faults()
    places = 0
    missed: tuple[str, ...] = ()
    with steady_heap():
        for what in ("message", "wait"):
            for number in itertools.count(1):
                fault = Fault(kind=kind, path=path, seconds=seconds, **{what: number})
                others = [one for one in faults.by_hand if one.place != fault.place]
                placed = replace(settings, faults=replace(faults, by_hand=(*others, fault)))
                result = simulate(main, seed=seed, policy=policy, settings=placed)
                missed = result.missed
                if fault not in result.faults and result.error is None:
                    break
                places += 1
                if result.error is not None:
                    difference = difference_of_replay(main, result, placed)
                    raise SimulationFailed(result, result, places, 0, difference) from result.error
    if not places:  # which would pass for an actor that no fault hurts
        why = "no actor that faults may hit has that path" if path in missed else "it has no turn"
        raise ValueError(f"there is no place for a fault in {path!r}: {why}")
    return places


def _turns(policies: Sequence[PolicyName]) -> Sequence[PolicyName]:
    check_iterable("policies", policies, "names")
    if not policies:
        raise ValueError("policies must name at least one")
    return tuple(policies)


def _report(
    result: SimulationResult[Any],
    shrunk: SimulationResult[Any],
    tried: int,
    spent: int,
    difference: str | None,
) -> list[str]:
    assert shrunk.error is not None
    lines = [_headline(shrunk.error)]
    found = f"seed {result.seed}, policy {result.policy}, found in run {tried}"
    if difference is not None:
        lines += [f"{found}; IT DOES NOT COME AGAIN: {difference}", _WHY_NOT]
    else:
        deviations = f"{len(result.tape.deviations)} deviations to {len(shrunk.tape.deviations)}"
        lines += [
            f"{found}; shrunk from {deviations} in {spent} runs",
            f"the run again:   simulate(main, seed={result.seed}, policy={result.policy!r})",
        ]
    if shrunk.faults:
        lines.append(f"faults: {', '.join(map(_describe_fault, shrunk.faults))}")
    if difference is None and len(text := str(shrunk.tape)) <= _LONGEST_TAPE:
        lines.append(f"the shrunk run:  simulate(main, tape={text!r})")
    if shrunk.story:
        lines.append("what its actors did last:")
        return lines + list(shrunk.story[-_SHOWN_LINES:])
    lines.append(f"its last steps, of {shrunk.steps}:")
    return lines + list(shrunk.trace[-_SHOWN_LINES:])


def _describe_fault(fault: Fault) -> str:
    place = f"turn {fault.message}" if fault.wait is None else f"await {fault.wait}"
    return f"{fault.kind} in {fault.path} at {place}"


def _headline(error: BaseException) -> str:
    line = f"{type(error).__name__}: {error}" if str(error) else describe(error)
    return (
        f"{line}; first {_headline(error.exceptions[0])}" if isinstance(error, BaseExceptionGroup) else line
    )
