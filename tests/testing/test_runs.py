"""How one test becomes many runs, by runs of pytest inside of pytest: its seeds, tape, faults and fixtures."""

import re

import pytest

from tests.testing.test_plugin import PLUGINS, RACE, run


def test_a_race_is_found_shrunk_and_told_how_to_replay(pytester: pytest.Pytester) -> None:
    result = run(pytester, RACE)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "assert 1 == 2" in text
    assert re.search(r"seed \d+, policy \w+, found in run \d+; shrunk from \d+ deviations to [1-5] ", text)
    assert "/account begins" in text
    assert "asyncio/base_events.py" not in text
    assert re.search(r"pytest test_\S+::test_race --actorio-seed=\d+", text)


def test_the_command_is_for_the_directory_that_pytest_was_called_in(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = "import pytest\n@pytest.mark.simulate\nasync def test_it(): raise ValueError"
    pytester.mkdir("below").joinpath("test_below.py").write_text(test, encoding="utf-8")
    monkeypatch.chdir("below")
    scope = "asyncio_default_fixture_loop_scope=function"
    result = pytester.runpytest_inprocess(*PLUGINS, "--rootdir", str(pytester.path), "-o", scope)
    result.stdout.fnmatch_lines(["*pytest test_below.py::test_it --actorio-seed=0"])


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


def test_a_fixture_that_builds_on_what_each_run_makes_is_told_so(pytester: pytest.Pytester) -> None:
    test = """
@pytest.fixture
async def account(actor_system):
    return await actor_system.spawn(Account)

@pytest.fixture
def name(actor_system):
    return actor_system.name

@pytest.mark.simulate
async def test_simulated(account): ...

async def test_virtual(virtual_time, name): ...
"""
    result = run(pytester, test)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([f"*'{name}' of a fixture that is made anew*" for name in ("spawn", "name")])


def test_a_test_may_skip_itself(pytester: pytest.Pytester) -> None:
    test = """
@pytest.mark.simulate(seeds=3)
async def test_skips(actor_system):
    pytest.skip("not today")

@pytest.mark.simulate(seeds=3)
async def test_is_known_to_fail():
    pytest.xfail("known")
"""
    for options in ([], ["--actorio-tape=order=0:0"]):
        result = run(pytester, test, "-rsx", *options)
        result.assert_outcomes(skipped=1, xfailed=1)
        result.stdout.fnmatch_lines(["SKIPPED*not today", "XFAIL*known"])
