"""What a test leaves fails it: tasks, timers, and failures that nobody has looked at."""

import pytest

from tests.testing.test_plugin import run


def test_what_a_simulated_test_leaves_fails_it_unless_that_is_allowed(pytester: pytest.Pytester) -> None:
    test = """
{mark}
@pytest.mark.simulate(seeds=3)
async def test_leaves():
    asyncio.create_task(asyncio.Event().wait(), name="stray")
    asyncio.get_running_loop().call_later(10, print)
"""
    result = run(pytester, test.format(mark=""))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the test has left: task 'stray'; timer *"])
    run(pytester, test.format(mark="@pytest.mark.actorio_leaks_allowed")).assert_outcomes(passed=1)


def test_what_an_ordinary_test_leaves_fails_it_unless_that_is_allowed(pytester: pytest.Pytester) -> None:
    test = """
kept = []

{mark}
async def test_leaves(actor_system):
    kept.append(asyncio.create_task(asyncio.sleep(0.05), name="stray"))

async def fail():
    raise ValueError("unseen")

{mark}
async def test_fails_unseen(actor_system):
    asyncio.create_task(fail())
    await asyncio.sleep(0)
"""
    result = run(pytester, test.format(mark=""))
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*has left: task 'stray'*", "*was never retrieved: ValueError('unseen')*"])
    run(pytester, test.format(mark="@pytest.mark.actorio_leaks_allowed")).assert_outcomes(passed=2)


def test_a_guarantee_that_breaks_in_an_ordinary_test_fails_it(pytester: pytest.Pytester) -> None:
    test = """
from actorio._cell.cell import Cell

async def test_it(actor_system, monkeypatch):
    account = await actor_system.spawn(Account)
    await account.send(Set(5))
    monkeypatch.setattr(Cell, "_undeliver", lambda self, item: None)
    account.kill()
    await account.join()
"""
    result = run(pytester, test)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*guarantee 1 (one fate) is broken: Set(amount=5) has vanished with /Account-1*"]
    )
