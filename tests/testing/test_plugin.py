"""The pytest plugin, by runs of pytest inside of pytest."""

import importlib.metadata

import pytest

BANK = """
import asyncio
import pytest
from actorio import Actor, ActorSystem
from actorio.testing import Faults, Probe
from tests.testing.bank import Account, Balance, Set, main, two_deposits
"""

RACE = """
@pytest.mark.simulate(seeds=100)
async def test_race(actor_system):
    assert await two_deposits(actor_system) == 2
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
    run(pytester, test.format(runs=1), "--actorio-tape=order=0:1").assert_outcomes(passed=1)


def test_methods_without_an_instance_are_simulated_as_well(pytester: pytest.Pytester) -> None:
    test = """
from actorio.testing import SimLoop, VirtualTimeLoop

class TestMethods:
    @pytest.mark.simulate(seeds=2)
    @staticmethod
    async def test_static(actor_system, request):
        assert isinstance(asyncio.get_running_loop(), SimLoop)

    @classmethod
    @pytest.mark.simulate(seeds=2)
    async def test_class(cls, actor_system):
        assert cls.__name__ == "TestMethods"
        assert isinstance(asyncio.get_running_loop(), SimLoop)

    @staticmethod
    async def test_virtual(virtual_time):
        assert asyncio.get_running_loop() is virtual_time
"""
    run(pytester, test).assert_outcomes(passed=3)


def test_a_test_that_has_the_mark_in_vain_fails(pytester: pytest.Pytester) -> None:
    test = """
from hypothesis import given, strategies

@pytest.mark.simulate
def test_plain(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.simulate)])
async def test_parameter(x): ...

@pytest.mark.simulate
@given(strategies.integers())
async def test_given(x): ...

@pytest.mark.simulate
class TestClass:
    @given(strategies.integers())
    async def test_given(self, x): ...

    def test_plain_beside_others(self): ...

@pytest.mark.simulate(seeds=3)
def test_explores(simulation): ...
"""
    result = run(pytester, test)
    result.assert_outcomes(passed=2, errors=4)
    result.stdout.fnmatch_lines(["*test_given is not simulated: the mark simulate is for async tests*"])


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
