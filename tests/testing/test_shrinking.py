"""Shrinking keeps the failure and drops what it does not need."""

import asyncio
import random

import pytest

from actorio.testing import SimDeadlock, shrink, simulate, until
from actorio.testing.shrinking import signature_of
from tests.testing import planted


def first_failure(program: planted.Main) -> object:
    return next(run for seed in range(200) if (run := simulate(program, seed=seed)).error is not None)


def test_the_stop_race_is_shrunk_to_a_few_deviations() -> None:
    found = first_failure(planted.stop_race)
    shrunk, runs = shrink(planted.stop_race, found)  # type: ignore[arg-type]
    assert 0 < len(shrunk.tape.deviations) <= 8
    assert isinstance(shrunk.error, AssertionError)
    assert 0 < runs <= 300
    assert simulate(planted.stop_race, tape=shrunk.tape).digest == shrunk.digest


def test_a_bug_of_every_order_is_shrunk_to_plain_fifo() -> None:
    found = simulate(planted.ask_cycle, seed=4)
    shrunk, _ = shrink(planted.ask_cycle, found)
    assert isinstance(shrunk.error, SimDeadlock)
    assert str(shrunk.tape) == ""


def test_values_that_must_stay_are_made_as_small_as_they_can() -> None:
    async def main() -> None:
        turns: list[int] = []
        await asyncio.gather(*(asyncio.to_thread(turns.append, number) for number in range(2)))
        assert turns == [0, 1]

    found = simulate(main, tape="thread=0:4321")
    shrunk, _ = shrink(main, found)
    assert str(found.tape) == "thread=0:4321"
    assert str(shrunk.tape) == "thread=0:1"


def test_a_lane_without_a_part_in_it_goes_in_one_run() -> None:
    async def main() -> None:
        for _ in range(200):
            await asyncio.sleep(0)
        raise ValueError("in every order")

    shrunk, runs = shrink(main, simulate(main, seed=1))
    assert str(shrunk.tape) == ""
    assert runs <= 3


def test_the_number_of_runs_is_bounded() -> None:
    found = first_failure(planted.stop_race)
    assert shrink(planted.stop_race, found, runs=5)[1] == 5  # type: ignore[arg-type]


def test_another_failure_on_the_way_is_not_mistaken_for_the_same() -> None:
    async def main() -> None:
        await asyncio.sleep(0)
        if random.random() > 0.5:
            raise ValueError("the one found")
        raise KeyError("what first-in-first-out shows")

    found = first_failure(main)
    while not isinstance(found.error, ValueError):  # type: ignore[attr-defined]
        found = simulate(main, seed=found.seed + 1)  # type: ignore[attr-defined]
    shrunk, _ = shrink(main, found)  # type: ignore[arg-type]
    assert isinstance(shrunk.error, ValueError)


def test_failures_in_groups_are_told_apart_by_their_first_leaf() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(planted.lockstep())

    found = first_failure(main)
    assert isinstance(found.error, ExceptionGroup)  # type: ignore[attr-defined]
    shrunk, _ = shrink(main, found)  # type: ignore[arg-type]
    assert isinstance(shrunk.error, ExceptionGroup)
    assert len(shrunk.tape.deviations) < len(found.tape.deviations)  # type: ignore[attr-defined]


def test_a_run_that_passed_cannot_be_shrunk() -> None:
    with pytest.raises(ValueError, match="has passed"):
        shrink(planted.group_cancel_order, simulate(planted.group_cancel_order))


def test_failures_of_one_kind_are_told_apart_by_the_line_of_the_program() -> None:
    async def main() -> None:
        if random.random() < 0.5:
            await until(lambda: False, timeout=1)
        await until(lambda: False, timeout=2)

    errors = [simulate(main, seed=seed).error for seed in range(20)]
    found = {str(error): signature_of(error) for error in errors}
    assert len(set(found.values())) == len(found) == 2
