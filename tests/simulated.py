"""`pytest --simulated`: each async test in simulation, in many orders, instead of once on each loop.

Most tests of the guarantees are programs like any other, and what they assert must hold in every order that a
loop may choose. Those that need the world are marked `real_loop`, with what they need, and are left out, as plain
functions are; the summary counts both and lists the former.

Each test has so many seeds that a file has 200 runs at least; `--actorio-seeds=N` says how many a test has,
`--actorio-seed=N` which one.
"""

import asyncio
import gc
import inspect
import math
from collections import Counter
from collections.abc import Iterable

import pytest

from actorio.testing import SimLoop, SimulationSettings, VirtualTimeLoop

__all__ = ["EXACT", "quiet", "simulating"]

LOOSE = SimulationSettings(max_steps=50_000)
EXACT = SimulationSettings(max_steps=50_000, quantum=0.0, step_cost=0.0, thread_delay=0.0)
"""For tests that compare times with `==`: any order, and steps that take no time."""

_RUNS_OF_A_FILE, _FEWEST_SEEDS = 200, 5
_ROUNDS, _PAUSE = 20, 0.001  # an actor with endless mail is never quiet
_REAL_LOOP = "real_loop(what): in simulation it is left out, as it needs threads, sockets, processes, ..."
_LEFT_OUT = pytest.StashKey[list[pytest.Item]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--simulated", action="store_true", help="run async tests in simulation, not on the loops"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _REAL_LOOP)
    global _simulating  # noqa: PLW0603 (decorators of test modules have no other way to know)
    _simulating = config.getoption("--simulated")


_simulating = False


def simulating() -> bool:
    """Whether this run of pytest simulates; known before the first test module is imported."""
    return _simulating


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Mark an async test for the simulation, before actorio's plugin looks at it."""
    if not (_simulating and inspect.iscoroutinefunction(obj) and collector.istestfunction(obj, name)):
        return
    marks: Iterable[pytest.Mark] = [*getattr(obj, "pytestmark", ()), *collector.iter_markers()]
    if not {mark.name for mark in marks} & {"simulate", "asyncio"}:
        pytest.mark.simulate(settings=LOOSE)(obj)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not simulated."""
    if _simulating:
        left_out = [item for item in items if not _is_simulated(item)]
        items[:] = [item for item in items if _is_simulated(item)]
        _share_runs(items)
        config.hook.pytest_deselected(items=left_out)
        config.stash[_LEFT_OUT] = left_out


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave collecting to the simulations: to find out, for each, that others have frozen the heap takes 30 ms."""
    if _simulating:
        gc.disable()


def _share_runs(items: list[pytest.Item]) -> None:
    tests = Counter(item.path for item in items)
    for item in items:
        mark = item.get_closest_marker("simulate")
        assert mark is not None
        seeds = max(_FEWEST_SEEDS, math.ceil(_RUNS_OF_A_FILE / tests[item.path]))
        item.add_marker(pytest.mark.simulate(**{"seeds": seeds, **mark.kwargs}), append=False)


def _is_simulated(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("simulate")) and not item.get_closest_marker("real_loop")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Count and list what was not simulated."""
    if not _simulating:
        return
    needs = {}
    left_out = config.stash.get(_LEFT_OUT, [])
    for item in left_out:
        if (mark := item.get_closest_marker("real_loop")) is not None:
            needs[item.nodeid.partition("[")[0]] = mark.args[0]
        elif item.get_closest_marker("asyncio") is not None:
            needs[item.nodeid.partition("[")[0]] = "the loops that it names"
    plain = sum(item.nodeid.partition("[")[0] not in needs for item in left_out)
    terminalreporter.section("not simulated")
    terminalreporter.line(f"{plain} plain functions, and {len(needs)} tests on real loops only:")
    for test, what in needs.items():
        terminalreporter.line(f"  {test} ({what})")


# --- for tests that wait a few rounds of the loop -------------------------------------------------


async def quiet() -> None:
    """Let all run that can: in simulation, where others may run first, a round of the loop is no measure."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, SimLoop) and not isinstance(loop, VirtualTimeLoop):
        for _ in range(_ROUNDS):
            if not loop._ready:
                break
            await asyncio.sleep(_PAUSE)
