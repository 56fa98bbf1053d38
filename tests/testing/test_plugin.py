"""The pytest plugin, by runs of pytest inside of pytest."""

import importlib.metadata
import re

import pytest

BANK = """
import asyncio
import pytest
from actorio import Actor, ActorSystem
from actorio.testing import Faults, Probe
from tests.testing.bank import Account, Balance, Set, main, two_deposits
"""

# hypothesis would be imported anew, assertions rewritten, by each of them: three seconds
PLUGINS = ["-p", "no:anyio", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
if not any(point.name == "actorio" for point in importlib.metadata.entry_points(group="pytest11")):
    PLUGINS += ["-p", "actorio.testing.plugin"]


def run(pytester: pytest.Pytester, test: str, *options: str, mode: str = "auto") -> pytest.RunResult:
    pytester.makepyfile(BANK + test)
    scope = "asyncio_default_fixture_loop_scope=function"
    return pytester.runpytest_inprocess(*PLUGINS, f"--asyncio-mode={mode}", "-o", scope, *options)


# --- simulate -------------------------------------------------------------------------------------


RACE = """
@pytest.mark.simulate(seeds=100)
async def test_race(actor_system):
    assert await two_deposits(actor_system) == 2
"""


def test_a_race_is_found_shrunk_and_told_how_to_replay(pytester: pytest.Pytester) -> None:
    result = run(pytester, RACE)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "assert 1 == 2" in text
    assert re.search(r"seed \d+, policy \w+, found in run \d+; shrunk from \d+ deviations to [1-5] ", text)
    assert "/account begins" in text
    assert "asyncio/base_events.py" not in text
    assert re.search(r"pytest test_\S+::test_race --actorio-seed=\d+", text)


def test_the_seed_option_replays_that_run_alone(pytester: pytest.Pytester) -> None:
    text = run(pytester, RACE).stdout.str()
    (seed,) = set(
        re.findall(r"--actorio-seed=(\d+)", text)
    )  # twice in a CI, where pytest's summary is in full
    again = run(pytester, RACE, f"--actorio-seed={seed}")
    again.assert_outcomes(failed=1)
    assert f"seed {seed}, policy pct, found in run 1;" in again.stdout.str()
    run(pytester, RACE, f"--actorio-seed={int(seed) - 1}").assert_outcomes(passed=1)


def test_the_tape_option_replays_the_shrunk_run(pytester: pytest.Pytester) -> None:
    (tape,) = set(re.findall(r"simulate\(main, tape='([^']*)'\)", run(pytester, RACE).stdout.str()))
    run(pytester, RACE, f"--actorio-tape={tape}").assert_outcomes(failed=1)
    run(pytester, RACE, "--actorio-tape=order=0:0").assert_outcomes(passed=1)


def test_the_seeds_option_says_how_many(pytester: pytest.Pytester) -> None:
    test = """
seen = []

@pytest.mark.simulate
async def test_counts():
    seen.append(1)

def test_seen():
    assert len(seen) == int({count})
"""
    run(pytester, test.format(count=200)).assert_outcomes(passed=2)
    run(pytester, test.format(count=7), "--actorio-seeds=7").assert_outcomes(passed=2)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_each_run_has_its_own_system_and_probe(pytester: pytest.Pytester, mode: str) -> None:
    test = """
@pytest.fixture
def amount():
    return 5

class TestAccount:
    @pytest.mark.simulate(seeds=20, policy="pct")
    @pytest.mark.parametrize("times", [1, 2])
    async def test_account(self, actor_system, probe, amount, times):
        account = await actor_system.spawn(Account, name="account")
        for _ in range(times):
            await account.send(Set(amount))
        await probe.ref.send(await account.ask(Balance()))
        await probe.expect(5)
"""
    run(pytester, test, mode=mode).assert_outcomes(passed=2)


def test_faults_are_given_by_the_marker(pytester: pytest.Pytester) -> None:
    test = """
@pytest.mark.simulate(seeds=20, faults=Faults(kill=0.5))
async def test_killed(actor_system):
    account = await actor_system.spawn(Account, name="account")
    await account.send(Set(1))
    assert await account.ask(Balance()) == 1
"""
    result = run(pytester, test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*faults: kill in /account at *"])


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


def test_an_unknown_argument_of_the_marker_is_refused(pytester: pytest.Pytester) -> None:
    result = run(pytester, "@pytest.mark.simulate(runs=3)\nasync def test_it(): pass")
    result.stdout.fnmatch_lines(["*simulate takes seeds, policy, settings*"])


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("seeds=0", "at least one seed"),
        ("seeds=[]", "at least one seed"),
        ("seeds=True", "seeds must be an iterable of whole numbers, or how many, not bool"),
        ("seeds=1.5", "seeds must be an iterable of whole numbers, or how many, not float"),
        ("policy=()", "policies must name at least one"),
        ("settings=0", "settings must be a SimulationSettings, not int"),
        ("faults=3", "faults must be a Faults, not int"),
    ],
)
def test_a_wrong_argument_of_the_marker_fails_the_test(
    pytester: pytest.Pytester, argument: str, says: str
) -> None:
    result = run(pytester, f"@pytest.mark.simulate({argument})\nasync def test_it(): pass")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{says}*"])


def test_an_async_fixture_of_another_loop_is_refused(pytester: pytest.Pytester) -> None:
    test = """
@pytest.fixture
async def database():
    yield 1

@pytest.mark.simulate
async def test_it(database): pass
"""
    run(pytester, test).stdout.fnmatch_lines(["*async fixture 'database' lives on another loop*"])


def test_the_fixture_simulation_explores_a_program_of_the_test(pytester: pytest.Pytester) -> None:
    test = """
def test_explores(simulation):
    assert simulation.explore(two, seeds=range(9)).runs == {runs}

async def two():
    async with ActorSystem() as system:
        await system.spawn(Account)
"""
    run(pytester, test.format(runs=9)).assert_outcomes(passed=1)
    run(pytester, test.format(runs=4), "--actorio-seeds=4").assert_outcomes(passed=1)


# --- virtual time and ordinary tests --------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_virtual_time_passes_at_once(pytester: pytest.Pytester, mode: str) -> None:
    test = """
async def test_a_day(virtual_time, actor_system, probe):
    await asyncio.sleep(86_400)
    assert virtual_time.time() == 86_400
    await probe.expect_none(within=3_600)
"""
    run(pytester, test, mode=mode).assert_outcomes(passed=1)


@pytest.mark.parametrize("where", ["module", "class", "test"])
def test_the_mark_of_the_async_plugin_does_no_harm(pytester: pytest.Pytester, where: str) -> None:
    mark, no_mark = "@pytest.mark.asyncio", ""
    test = f"""
{"pytestmark = pytest.mark.asyncio" if where == "module" else ""}

{mark if where == "class" else no_mark}
class TestMarked:
    {mark if where == "test" else no_mark}
    async def test_a_day(self, virtual_time, actor_system):
        await asyncio.sleep(86_400)

    {mark if where == "test" else no_mark}
    @pytest.mark.simulate(seeds=2)
    async def test_simulated(self, actor_system):
        await asyncio.sleep(86_400)
"""
    for arguments in ([], ["-m", "asyncio"]):
        result = run(pytester, test, "-W", "error", *arguments, mode="strict")
        result.assert_outcomes(passed=2, warnings=0)


def test_virtual_time_is_for_async_tests(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(virtual_time): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*virtual_time is for async tests*"])


ORDINARY = """
{mark}
async def test_ordinary(actor_system, probe):
    account = await actor_system.spawn(Account)
    await account.send(Set(5))
    await probe.ref.send(await account.ask(Balance()))
    assert await probe.expect(int) == 5
"""


def test_ordinary_async_tests_are_left_to_the_async_plugin(pytester: pytest.Pytester) -> None:
    run(pytester, ORDINARY.format(mark="")).assert_outcomes(passed=1)
    run(pytester, ORDINARY.format(mark="@pytest.mark.asyncio"), mode="strict").assert_outcomes(passed=1)


def test_a_generator_that_was_left_is_closed_in_time_in_every_order(pytester: pytest.Pytester) -> None:
    test = """
async def numbers():
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0)

@pytest.mark.simulate(seeds=60)
async def test_leaves_a_loop():
    source = numbers()
    async for number in source:
        break
"""
    run(pytester, test).assert_outcomes(passed=1)


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


def test_the_plugin_works_without_an_async_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BANK + RACE + "\nasync def test_time(virtual_time):\n    await asyncio.sleep(60)\n")
    result = pytester.runpytest_inprocess(*PLUGINS, "-p", "no:asyncio")
    result.assert_outcomes(passed=1, failed=1)


# --- whose loop a test runs on --------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_the_fixtures_are_on_the_loop_of_the_test_whatever_its_scope(
    pytester: pytest.Pytester, scope: str, mode: str
) -> None:
    test = f"""
@pytest.mark.asyncio(loop_scope={scope!r})
class TestOnOneLoop:
    async def test_one(self, actor_system, probe):
        account = await actor_system.spawn(Account, name="account")
        await account.send(Set(5))
        await probe.ref.send(await account.ask(Balance()))
        await probe.expect(5)

    async def test_two(self, actor_system):
        await actor_system.spawn(Account, name="account")
"""
    run(pytester, test, mode=mode).assert_outcomes(passed=2)


def test_the_fixtures_follow_the_default_scope_of_the_ini_file(pytester: pytest.Pytester) -> None:
    test = "async def test_it(actor_system, probe):\n    await actor_system.spawn(Account)"
    run(pytester, test, "-o", "asyncio_default_test_loop_scope=session").assert_outcomes(passed=1)


def test_the_fixtures_are_on_the_loop_of_anyio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        BANK
        + """
pytestmark = pytest.mark.anyio

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

@pytest.fixture
async def account(actor_system):
    return await actor_system.spawn(Account, name="account")

async def test_it(actor_system, probe, account):
    await account.send(Set(5))
    await probe.ref.send(await account.ask(Balance()))
    await probe.expect(5)
"""
    )
    plugins = [option for option in PLUGINS if option != "no:anyio"]
    plugins.remove("-p")
    result = pytester.runpytest_inprocess(*plugins, "-p", "no:asyncio", "-p", "anyio", "-k", "not trio")
    result.assert_outcomes(passed=1, deselected=1)
    result = pytester.runpytest_inprocess(*plugins, "-p", "anyio", "--asyncio-mode=strict", "-k", "not trio")
    result.assert_outcomes(passed=1, deselected=1)


def test_the_fixtures_refuse_another_backend_of_anyio_than_asyncio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        BANK
        + """
@pytest.fixture
def anyio_backend():
    return "trio"

@pytest.fixture
def anyio_backend_name():
    return "trio"

@pytest.mark.anyio
@pytest.mark.usefixtures("anyio_backend")
def test_it(actor_system): ...
"""
    )
    result = pytester.runpytest_inprocess(*PLUGINS, "--asyncio-mode=strict", "-m", "anyio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*actorio runs on asyncio: have the fixture anyio_backend return 'asyncio'*"]
    )
