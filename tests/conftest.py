"""What every test gets unasked: each event loop, and a check that it leaves nothing behind."""

import asyncio
import gc
import importlib.metadata
import multiprocessing
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings

# Installed, the plugin comes by its entry point, and must not come twice.
_INSTALLED = any(point.name == "actorio" for point in importlib.metadata.entry_points(group="pytest11"))
pytest_plugins = ["tests.simulated", "tests.shapes", "tests.observed"]
pytest_plugins += [] if _INSTALLED else ["actorio.testing.plugin"]

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

# A run of the tests is the same run each time; `--hypothesis-profile=random` looks further.
settings.register_profile("random", settings.default)
settings.register_profile("same", settings.default, derandomize=True)
settings.load_profile("same")

THREAD_GRACE = 2.0  # seconds in which an idle worker thread that was told to end must have ended


# --- what is left to a command of its own ----------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the tests that take minutes, which CI leaves out"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long ones, unless they are asked for: each shows its claim in small as well."""
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


# --- every async test, on every loop --------------------------------------------------------------


def _eager_loop() -> asyncio.AbstractEventLoop:
    """Make an asyncio loop whose tasks begin to run inside `create_task`."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined, unused-ignore]
    return loop


def _loop_factories() -> dict[str, LoopFactory]:
    factories: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if sys.platform != "win32":
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    if sys.version_info >= (3, 12):
        factories["eager"] = _eager_loop
    return factories


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Run each async test once per loop; `@pytest.mark.asyncio(loop_factories=[...])` narrows it."""
    return _loop_factories()


# --- the leak check -------------------------------------------------------------------------------


def pytest_collection_finish(session: pytest.Session) -> None:
    """Set aside what start-up has built, so that the collection after each test costs 1 ms, not 30."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logfinish(nodeid: str, location: tuple[str, int | None, str]) -> None:
    """Set aside what the runner keeps of each test: or a collection would cost 300 ms after thousands of them."""
    gc.freeze()


_CLOCK = time.time


@pytest.fixture(autouse=True)
def leaves_the_clock() -> Iterator[None]:
    """Fail a test that leaves another `time.time`: a virtual one stands still for all tests after it."""
    yield
    left, time.time = time.time, _CLOCK
    assert left is _CLOCK, f"the test left {left} as time.time"


@pytest.fixture(autouse=True)
def leaves_no_thread_and_no_process() -> Iterator[None]:
    """Fail a test after which a thread or a child process is still there, its loop being closed."""
    before = {*threading.enumerate(), *multiprocessing.active_children()}
    yield
    started = [thread for thread in threading.enumerate() if thread not in before]
    for thread in started:
        thread.join(THREAD_GRACE)
    left = [thread.name for thread in started if thread.is_alive()]
    assert not left, f"the test left threads: {left}"
    children = [child.name for child in multiprocessing.active_children() if child not in before]
    assert not children, f"the test left processes: {children}"


@pytest.fixture(autouse=True)
def leaves_nothing_on_the_loop(request: pytest.FixtureRequest, leaves_no_thread_and_no_process: None) -> None:
    """Bring in `loop_leak_check` for async tests; a sync test has no loop to look at."""
    if pytest_asyncio.is_async_test(request.node):
        request.getfixturevalue("loop_leak_check")


@pytest_asyncio.fixture
async def loop_leak_check() -> AsyncIterator[None]:
    """Fail a test that leaves a task, a timer, or an exception that nobody has looked at."""
    loop = asyncio.get_running_loop()
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, report: reports.append(report))
    yield
    await asyncio.sleep(0)  # a task that was cancelled as the test ended may take its last step
    gc.collect()  # "exception was never retrieved" is reported when the future is collected
    assert not reports, f"reported to the loop's exception handler: {reports}"
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not tasks, f"the test left tasks: {sorted(map(repr, tasks))}"
    timers = [timer for timer in getattr(loop, "_scheduled", ()) if not timer.cancelled()]
    assert not timers, f"the test left timers: {timers}"
