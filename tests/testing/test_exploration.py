"""Exploration finds planted races, and its error is enough to have the run again."""

import asyncio
import re

import pytest

from actorio.testing import SimulationFailed, explore, simulate
from tests.testing import planted


def failure(program: planted.Main, **options: object) -> SimulationFailed:
    with pytest.raises(SimulationFailed) as caught:
        explore(program, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    "program",
    [planted.stop_race, planted.read_wait_write, planted.lockstep, planted.starvation, planted.ask_cycle],
)
def test_a_planted_bug_is_found_within_a_hundred_seeds(program: planted.Main) -> None:
    found = failure(program, seeds=range(100))
    assert found.result.error is not None
    assert type(found.shrunk.error) is type(found.result.error)


def test_a_race_that_a_real_loop_hides_is_found_in_a_few_runs_and_shrunk_to_a_handful() -> None:
    for _ in range(200):
        asyncio.run(planted.read_wait_write())
    found = failure(planted.read_wait_write)
    assert found.result.seed < 10
    assert 0 < len(found.shrunk.tape.deviations) <= 8


def test_the_message_is_enough_to_have_the_run_again() -> None:
    found = failure(planted.stop_race, seeds=range(100))
    message = str(found)
    seed, policy = re.findall(r"simulate\(main, seed=(\d+), policy='(\w+)'\)", message)[0]
    (tape,) = re.findall(r"simulate\(main, tape='(.*)'\)", message)
    again = simulate(planted.stop_race, seed=int(seed), policy=policy)
    assert (again.digest, str(again.error)) == (found.result.digest, str(found.result.error))
    shrunk = simulate(planted.stop_race, tape=tape)
    assert (shrunk.digest, str(shrunk.error)) == (found.shrunk.digest, str(found.shrunk.error))


def test_the_message_names_the_error_and_shows_the_last_steps() -> None:
    found = failure(planted.stop_race, seeds=range(100))
    assert str(found).startswith("AssertionError: accepted but never handled: [")
    assert found.__cause__ is found.shrunk.error
    assert found.shrunk.trace[-1] in str(found)


def test_the_first_error_of_a_group_is_named() -> None:
    async def main() -> None:
        raise ExceptionGroup("two of them", [ValueError("first"), KeyError("second")])

    assert str(failure(main)).startswith(
        "ExceptionGroup: two of them (2 sub-exceptions); first ValueError: first\n"
    )


def test_policies_take_turns() -> None:
    assert failure(planted.starvation, seeds=range(100)).result.policy == "pct"
    assert failure(planted.lockstep, seeds=range(100), policies="pct").result.policy == "pct"


def test_an_exploration_without_failure_says_how_much_it_has_seen() -> None:
    seen = explore(planted.group_cancel_order, seeds=range(20))
    assert seen.runs == 20
    assert 1 < seen.distinct <= 20
    assert seen.steps > 20 * 50


def test_shrinking_can_be_left_out() -> None:
    found = failure(planted.stop_race, seeds=range(100), shrink_runs=0)
    assert found.shrunk is found.result
