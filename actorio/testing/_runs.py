"""How one test of the plugin becomes many runs: its arguments per run, its plan, its report."""

from __future__ import annotations

import asyncio
import inspect
import os
import shlex
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import pytest

from actorio.testing._leaks import Before, check_leaks, system_without_leaks
from actorio.testing._simulation.policy import PolicyName
from actorio.testing.exploration import SimulationFailed, explore
from actorio.testing.faults import Faults
from actorio.testing.probe import Probe
from actorio.testing.settings import SimulationSettings, settings_or_default
from actorio.testing.simulation import simulate
from actorio.testing.virtual_time import VirtualTimeLoop, run_in_virtual_time

__all__ = ["PER_RUN", "Plan", "explore_item", "run_item_in_virtual_time"]


class _UsedTooEarlyError(AttributeError):
    """Raised where a fixture uses a thing that each run makes."""


class _PerRun:
    def __repr__(self) -> str:
        return "made anew for each run"

    def __getattr__(self, name: str) -> Any:
        raise _UsedTooEarlyError(
            f"{name!r} of a fixture that is made anew for each run: a test with the mark simulate or the fixture "
            "virtual_time has an event loop of its own, so no fixture can build on actor_system, probe or "
            "virtual_time there; do it inside of the test"
        )


PER_RUN: Any = _PerRun()
"""Stands for a fixture's value until a run makes its own."""

_SEEDS = 200
_POLICIES: tuple[PolicyName, ...] = ("random", "pct")

Test = Callable[..., Coroutine[Any, Any, Any]]
Main = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which runs a test is to have."""

    seeds: Iterable[int]
    policies: PolicyName | Sequence[PolicyName]
    settings: SimulationSettings
    tape: str | None
    overrules: bool

    @classmethod
    def of(cls, item: pytest.Item) -> Plan:
        """Read marker and options; what the command line says goes before what the marker says.

        Raises:
            pytest.UsageError: the marker has an argument that there is not.
            TypeError, ValueError: one is not of its kind.
        """
        mark = item.get_closest_marker("simulate")
        options = dict(mark.kwargs) if mark is not None else {}
        seed, count = item.config.getoption("--actorio-seed"), item.config.getoption("--actorio-seeds")
        seeds = options.pop("seeds", _SEEDS)
        if seed is not None:
            seeds = [seed]
        elif count is not None:
            seeds = count
        policies = options.pop("policy", _POLICIES)
        settings = settings_or_default(options.pop("settings", None))
        faults: Faults | None = options.pop("faults", None)
        if options or (mark is not None and mark.args):
            raise pytest.UsageError(
                f"{item.nodeid}: simulate takes seeds, policy, settings and faults by name"
            )
        if isinstance(seeds, bool) or not isinstance(seeds, (int, Iterable)):
            raise TypeError(
                f"seeds must be an iterable of whole numbers, or how many, not {type(seeds).__name__}"
            )
        return cls(
            range(seeds) if isinstance(seeds, int) else seeds,
            policies,
            settings if faults is None else replace(settings, faults=faults),
            item.config.getoption("--actorio-tape"),
            seed is not None or count is not None,
        )


# --- a run ----------------------------------------------------------------------------------------


def explore_item(item: pytest.Function, test: Test, arguments: dict[str, Any]) -> None:
    """Run a test once for each seed.

    Raises:
        Exception: what the first run that failed has failed with, shrunk; notes tell how to have it again.
    """
    __tracebackhide__ = True
    plan, main = Plan.of(item), _main(item, test, arguments)
    if plan.tape is not None:
        error = simulate(main, tape=plan.tape, settings=plan.settings).error
        if error is not None:
            raise _trimmed(error)
        return
    try:
        explore(main, seeds=plan.seeds, policies=plan.policies, settings=plan.settings)
    except SimulationFailed as failure:
        failed = failure
    else:
        return
    raise _told(item, failed)


def run_item_in_virtual_time(item: pytest.Function, test: Test, arguments: dict[str, Any]) -> None:
    """Run a test once, in order, without waiting for its timers."""
    __tracebackhide__ = True
    run_in_virtual_time(_main(item, test, arguments))


def _main(item: pytest.Function, test: Test, arguments: dict[str, Any]) -> Main:
    _refuse_async_fixtures(item)
    allowed = item.get_closest_marker("actorio_leaks_allowed") is not None

    async def main() -> None:
        async with AsyncExitStack() as stack:
            before, loop = Before(), asyncio.get_running_loop()
            own = dict(arguments)
            if "virtual_time" in own:
                own["virtual_time"] = loop
            if "actor_system" in own or "probe" in own:
                system = await stack.enter_async_context(system_without_leaks(allowed=True))
                made: dict[str, Any] = {"actor_system": system}
                if "probe" in own:
                    made["probe"] = await Probe.spawn(system, name="probe")
                own.update({name: made[name] for name in own.keys() & made.keys()})
            await test(**own)
        if not allowed:
            # the simulation itself sees failures that nobody has looked at
            await check_leaks(before, loop.unhandled if isinstance(loop, VirtualTimeLoop) else [])

    return main


def _refuse_async_fixtures(item: pytest.Function) -> None:
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        func = definitions[-1].func
        if name in item.funcargs and (inspect.iscoroutinefunction(func) or inspect.isasyncgenfunction(func)):
            raise pytest.UsageError(
                f"{item.nodeid}: the async fixture {name!r} lives on another loop than this test, which has "
                "one for each run; make what it gives inside of the test"
            )


# --- its report -----------------------------------------------------------------------------------


def _told(item: pytest.Item, failed: SimulationFailed) -> BaseException:
    """Return the error of the shrunk run, with notes; what else pytest itself would act on is wrapped."""
    result = failed.shrunk
    assert result.error is not None
    if isinstance(failed.result.error, (pytest.skip.Exception, pytest.xfail.Exception)):
        return _trimmed(failed.result.error)  # the test has said what is to become of it
    command = f"pytest {shlex.quote(_name_from_here(item))} --actorio-seed={failed.result.seed}"
    report = str(failed) if failed.difference else f"{failed}\nthe run again, by pytest:  {command}"
    if isinstance(result.error, Exception):
        error: BaseException = _trimmed(result.error)
        error.add_note(report)
        return error
    wrapped = SimulationFailed(failed.result, result, 0, 0, failed.difference)
    wrapped.args = (report,)
    wrapped.__cause__ = result.error
    return wrapped


def _name_from_here(item: pytest.Item) -> str:
    """Return the test's name for the directory that pytest was called in; its node id is for the root's."""
    root, here = item.config.rootpath, item.config.invocation_params.dir
    path, colons, test = item.nodeid.partition("::")
    return item.nodeid if here == root else f"{os.path.relpath(root / path, here)}{colons}{test}"


def _trimmed(error: BaseException) -> BaseException:
    """Cut the frames of event loop and simulation off the top of the traceback."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None and _is_machinery(traceback):
        traceback = traceback.tb_next
    return error.with_traceback(traceback)


def _is_machinery(traceback: TracebackType) -> bool:
    module = traceback.tb_frame.f_globals.get("__name__", "")
    return module.split(".")[0] in ("asyncio", "contextlib") or module.startswith("actorio.testing.")
