"""The pytest plugin `actorio`: fixtures, the marker `simulate`, and the options that replay a failure.

Tests marked `simulate`, and async tests that use the fixture `virtual_time`, are run by this plugin, each run
on a loop of its own; all other async tests are left to the async plugin, pytest-asyncio.
"""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from actorio.testing._leaks import system_without_leaks
from actorio.testing._runs import (
    PER_RUN,
    Plan,
    explore_item,
    run_item_in_virtual_time,
)
from actorio.testing.exploration import Exploration, explore
from actorio.testing.probe import Probe
from actorio.testing.simulation import simulate

try:
    import pytest_asyncio
except ImportError:  # then there are no other async tests than ours and those of anyio
    async_fixture: Any = None
else:
    async_fixture = pytest_asyncio.fixture

__all__: list[str] = []

_SIMULATE = "simulate(seeds=200, policy=('random', 'pct'), settings=None, faults=None): run it in simulation"
_LEAKS = "actorio_leaks_allowed: do not fail this test for tasks, timers and failures that it leaves"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose the runs of simulated tests."""
    group = parser.getgroup("actorio", "simulation of actors")
    group.addoption("--actorio-seed", type=int, metavar="N", help="run simulated tests with this seed only")
    group.addoption("--actorio-seeds", type=int, metavar="N", help="run simulated tests with so many seeds")
    group.addoption("--actorio-tape", metavar="TAPE", help="replay this tape in simulated tests")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", _SIMULATE)
    config.addinivalue_line("markers", _LEAKS)


# --- tests that this plugin runs ------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> list[pytest.Function] | None:
    """Collect our tests as plain functions, which an async plugin leaves alone."""
    test = obj.__func__ if isinstance(obj, (staticmethod, classmethod)) else obj
    if not (inspect.iscoroutinefunction(test) and collector.istestfunction(obj, name)):
        return None
    marks: Iterable[pytest.Mark] = [*getattr(test, "pytestmark", ()), *collector.iter_markers()]
    simulated = any(mark.name == "simulate" for mark in marks)
    if not simulated and "virtual_time" not in inspect.signature(test).parameters:
        return None
    items = list(collector._genfunctions(name, _as_plain_function(test)))
    for item in items:
        item.obj = _runner(item, obj, simulated=simulated)
    return items


def _as_plain_function(test: Any) -> Any:
    """Return a function with the signature and the marks of the test, for collecting it."""

    def plain(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("its item has a runner in its place")

    plain.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    plain.__dict__.update(vars(test))
    plain.__name__, plain.__doc__, plain.__module__ = test.__name__, test.__doc__, test.__module__
    return plain


def _runner(item: pytest.Function, test: Any, *, simulated: bool) -> Any:
    def run(**arguments: Any) -> None:
        __tracebackhide__ = True
        bound = test if item.instance is None else test.__get__(item.instance, type(item.instance))
        if simulated:
            explore_item(item, bound, arguments)
        else:
            run_item_in_virtual_time(item, bound, arguments)

    run.__signature__ = inspect.signature(getattr(test, "__func__", test))  # type: ignore[attr-defined]
    return run


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hide pytest-asyncio's mark from its plugin, which warns of one on a plain function; tests are chosen by now.

    Raises:
        pytest.UsageError: a test that cannot be simulated is to be.
    """
    if _is_ours(item):
        found = item.iter_markers_with_node

        def others(name: str | None = None) -> Iterator[tuple[Any, pytest.Mark]]:
            return ((node, mark) for node, mark in found(name) if mark.name != "asyncio")

        item.iter_markers_with_node = others  # type: ignore[method-assign]
    elif _is_simulated_in_vain(item):
        raise pytest.UsageError(
            f"{item.nodeid} is not simulated: the mark simulate is for async tests, on the test, its class or its "
            "module, not on a parameter, and not with Hypothesis; a plain test takes the fixture simulation, or "
            "actorio.testing.hypothesis.tapes()"
        )


def _is_simulated_in_vain(item: pytest.Item) -> bool:
    """Tell whether a test that this plugin does not run has the mark, by itself, or is an async one."""
    if item.get_closest_marker("simulate") is None or "simulation" in getattr(item, "fixturenames", ()):
        return False
    test = getattr(item, "function", None)
    test = getattr(getattr(test, "hypothesis", None), "inner_test", test)
    own = any(mark.name == "simulate" for mark in item.own_markers)
    return own or inspect.iscoroutinefunction(test)


def _is_ours(item: pytest.Item) -> bool:
    return getattr(getattr(item, "obj", None), "__module__", None) == __name__


# --- fixtures -------------------------------------------------------------------------------------


@pytest.fixture
def actor_system(request: pytest.FixtureRequest) -> Any:
    """A running `ActorSystem`, closed after the test; its guarantees are checked, and it must leave nothing.

    In a simulated test each run has its own.
    """
    if _is_ours(request.node):
        return PER_RUN
    return request.getfixturevalue(f"_actorio_system_on_{_loop_of(request)}")


@pytest.fixture
def probe(request: pytest.FixtureRequest) -> Any:
    """A `Probe` in the `actor_system`."""
    if _is_ours(request.node):
        return PER_RUN
    return request.getfixturevalue(f"_actorio_probe_on_{_loop_of(request)}")


@pytest.fixture
def virtual_time(request: pytest.FixtureRequest) -> Any:
    """The `VirtualTimeLoop` that the test runs on: it jumps to the next timer when nothing else can run."""
    if _is_ours(request.node):
        return PER_RUN
    raise pytest.UsageError(f"{request.node.nodeid}: virtual_time is for async tests: it is their event loop")


async def _running_system(request: pytest.FixtureRequest) -> Any:
    allowed = request.node.get_closest_marker("actorio_leaks_allowed") is not None
    async with system_without_leaks(allowed=allowed) as system:
        yield system


async def _spawned_probe(actor_system: Any) -> Probe:
    return await Probe.spawn(actor_system, name="probe")


# A system belongs to the loop of its test, and an async fixture to that of whoever runs it: one for each of them.
_actorio_system_on_anyio = pytest.fixture(_running_system)
_actorio_probe_on_anyio = pytest.fixture(_spawned_probe)


def _on_loop_of(scope: str, function: Any) -> Any:
    """Return an async fixture on the loop of a scope; its function is a copy, since that carries the scope."""
    own = types.FunctionType(function.__code__, function.__globals__, function.__name__)
    return pytest.fixture(own) if async_fixture is None else async_fixture(loop_scope=scope)(own)


for _scope in ("function", "class", "module", "package", "session"):
    globals()[f"_actorio_system_on_{_scope}"] = _on_loop_of(_scope, _running_system)
    globals()[f"_actorio_probe_on_{_scope}"] = _on_loop_of(_scope, _spawned_probe)


def _loop_of(request: pytest.FixtureRequest) -> str:
    """Return whose loop the test runs on: anyio's, or that of a scope of pytest-asyncio."""
    if request.node.get_closest_marker("anyio") is not None and "anyio_backend" in request.fixturenames:
        if request.getfixturevalue("anyio_backend_name") != "asyncio":
            raise pytest.UsageError(
                f"{request.node.nodeid}: actorio runs on asyncio: have the fixture anyio_backend return 'asyncio'"
            )
        return "anyio"
    mark = request.node.get_closest_marker("asyncio")
    options = {} if mark is None else mark.kwargs
    return str(
        options.get("loop_scope")
        or options.get("scope")
        or _ini(request, "asyncio_default_test_loop_scope")
        or "function"
    )


def _ini(request: pytest.FixtureRequest, name: str) -> Any:
    try:
        return request.config.getini(name)
    except ValueError:  # the plugin that has it is not there
        return None


class Simulation:
    """Given by the fixture `simulation`: `explore`, with the seeds of the command line."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def explore(self, main: Any, **options: Any) -> Exploration:
        """Like `actorio.testing.explore`; the options of the command line overrule its seeds."""
        if self._plan.tape is not None:
            result = simulate(main, tape=self._plan.tape, settings=options.get("settings"))
            result.unwrap()
            return Exploration(1, 1, result.steps)
        if self._plan.overrules:
            options["seeds"] = self._plan.seeds
        return explore(main, **options)


@pytest.fixture
def simulation(request: pytest.FixtureRequest) -> Simulation:
    """For plain tests that explore a program of their own."""
    if asyncio._get_running_loop() is not None:
        raise pytest.UsageError(
            f"{request.node.nodeid}: a simulation runs in a plain test, not in an async one"
        )
    return Simulation(Plan.of(request.node))
