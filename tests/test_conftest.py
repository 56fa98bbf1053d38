"""The leak check sees each kind of leak: a suite in which every test plants one must fail in every test."""

import re
import sys
from pathlib import Path

import pytest

LEAKS = """
import asyncio, multiprocessing, threading, time, warnings, pytest

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

async def test_task():
    asyncio.planted = asyncio.get_running_loop().create_task(asyncio.sleep(100))

async def test_timer():
    asyncio.get_running_loop().call_later(100, print)

async def test_future():
    asyncio.get_running_loop().create_future().set_exception(ValueError())

async def test_thread():
    threading.Thread(target=threading.Event().wait, args=(5,), daemon=True).start()

async def test_process():
    multiprocessing.get_context("spawn").Process(target=time.sleep, args=(2,), daemon=True).start()

async def test_warning():
    warnings.warn("careless", RuntimeWarning)

async def test_coroutine():
    asyncio.sleep(0)
"""

CLEAN = """
import asyncio

async def test_clean():
    await asyncio.sleep(0)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite elsewhere that has this one's configuration and fixtures."""
    here = Path(__file__).parent
    pytester.makeconftest((here / "conftest.py").read_text())
    (pytester.path / "pyproject.toml").write_text((here.parent / "pyproject.toml").read_text())
    return pytester


SIMULATED = """
import asyncio, pytest

runs = []

async def test_simulated():
    runs.append(1)

@pytest.mark.simulate(seeds=7)
async def test_has_seeds_of_its_own():
    assert len(runs) == {expected}

async def test_fails_in_another_order():
    told = []
    tasks = [asyncio.get_running_loop().create_task(asyncio.sleep(0)) for _ in range(3)]
    for number, task in enumerate(tasks):
        task.add_done_callback(lambda _, number=number: told.append(number))
    await asyncio.wait(tasks)
    await asyncio.sleep(0.01)
    assert told == [0, 1, 2]

@pytest.mark.real_loop("threads")
async def test_threads():
    await asyncio.to_thread(print)

@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_one_loop():
    await asyncio.sleep(0)

def test_plain():
    pass
"""


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "no:cacheprovider", *options, suite.path)


def test_each_kind_of_leak_fails_its_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(LEAKS)
    blamed = re.findall(r"^(?:FAILED|ERROR) \S+::(test_\w+)", run(suite).stdout.str(), re.MULTILINE)
    assert sorted(blamed) == sorted(re.findall(r"test_\w+", LEAKS))


def test_a_clean_test_passes_on_every_loop(suite: pytest.Pytester) -> None:
    suite.makepyfile(CLEAN)
    outcomes = run(suite).parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] >= 2


@pytest.mark.parametrize(("options", "runs"), [([], 67), (["--actorio-seeds=3"], 3)])
def test_simulated_it_runs_each_async_test_in_many_orders_and_says_which_it_does_not(
    suite: pytest.Pytester, options: list[str], runs: int
) -> None:
    suite.makepyfile(SIMULATED.replace("{expected}", str(runs)))
    result = run(suite, "--simulated", *options)
    result.assert_outcomes(passed=2, failed=1, deselected=3)
    text = result.stdout.str()
    assert "1 plain functions, and 2 tests on real loops only:" in text
    assert "::test_threads (threads)" in text
    assert "::test_one_loop (the loops that it names)" in text
    assert "::test_fails_in_another_order" in text


SHAPES = """
import contextvars, pytest

VAR = contextvars.ContextVar("var", default=None)
VAR.set("set by the module, so known to every test")
both_loops = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

@both_loops
async def test_guarantee(request):
    assert VAR.get() is None or (not {always} and "[asyncio]" in request.node.name)
    assert VAR.get() is not None or {always} or "[uvloop]" in request.node.name

@both_loops
async def test_other():
    assert (VAR.get() is None) is {always}

def test_plain_function():
    assert (VAR.get() is None) is {always}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
@pytest.mark.parametrize("options", [[], ["--plain-senders"]])
def test_guarantees_are_tested_with_both_kinds_of_sender(suite: pytest.Pytester, options: list[str]) -> None:
    suite.makepyfile(SHAPES.replace("{always}", str(bool(options))))
    run(suite, *options).assert_outcomes(passed=5)
