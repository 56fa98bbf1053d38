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


def test_what_goes_on_in_a_wider_scope_is_no_leak_of_a_test(pytester: pytest.Pytester) -> None:
    test = """
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")

class Beating(Account):
    async def on_start(self):
        self.context.send_every(0.0005, Set(5))

async def go_on():
    while True:
        async with asyncio.timeout(60):
            await asyncio.sleep(0.0001)

@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop():
    asyncio.get_running_loop().call_later(60, print)
    task = asyncio.create_task(go_on())
    async with ActorSystem("shop") as system:
        yield await system.spawn(Account), await system.spawn(Beating)
    task.cancel()

async def test_asks_the_one_that_had_no_mail(shop, actor_system):
    account, beating = shop
    await account.send(Set(5))
    assert await account.ask(Balance(), timeout=60) == 5
    assert await beating.ask(Balance(), timeout=60) in (0, 5)
    await asyncio.sleep(0.002)

async def test_leaves_a_timer_of_its_own(shop, actor_system):
    asyncio.get_running_loop().call_later(30, repr)

async def test_leaves_a_task_of_its_own(shop, actor_system):
    asyncio.create_task(go_on(), name="stray")
"""
    result = run(pytester, test)
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(["*has left: timer * repr()>*", "*has left: task 'stray'*"])


def test_a_failure_that_nobody_has_looked_at_fails_a_test_in_virtual_time(pytester: pytest.Pytester) -> None:
    test = """
async def fail():
    raise ValueError("unseen")

{mark}
async def test_fails_unseen(virtual_time):
    asyncio.create_task(fail())
    await asyncio.sleep(60)

{mark}
async def test_fails_unseen_beside_a_system(virtual_time, actor_system):
    asyncio.create_task(fail())
    await asyncio.sleep(60)
"""
    result = run(pytester, test.format(mark=""))
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*has left: * was never retrieved: ValueError('unseen')*"] * 2)
    run(pytester, test.format(mark="@pytest.mark.actorio_leaks_allowed")).assert_outcomes(passed=2)


@pytest.mark.parametrize("fixture", ["actor_system", "virtual_time"])
def test_a_failure_that_is_allowed_is_logged_as_ever(pytester: pytest.Pytester, fixture: str) -> None:
    test = f"""
import gc

@pytest.mark.actorio_leaks_allowed
async def test_fails_unseen({fixture}, caplog):
    async def fail():
        raise ValueError("unseen")

    asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()
    assert "was never retrieved" in caplog.text
    assert "ValueError: unseen" in caplog.text
"""
    run(pytester, test).assert_outcomes(passed=1)
