"""Several results at once: all, the first, each as it comes; the rest is cancelled when a wait ends early."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from actorio import Result, all_results, as_completed, first_result
from tests.guarantees.actors import cancelled, soon, started
from tests.stage import ticks


def results(count: int) -> list[Result[Any]]:
    return [Result(asyncio.get_running_loop()) for _ in range(count)]


async def test_all_values_come_in_the_order_of_the_results() -> None:
    first, second = results(2)
    second.set_result(2)
    first.set_result(1)
    assert await all_results([first, second]) == [1, 2]
    assert await all_results([]) == []


async def test_the_first_failure_cancels_the_rest() -> None:
    bad, left = results(2)
    bad.set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await all_results([left, bad])
    assert left.cancelled()


async def test_a_wait_that_is_cancelled_cancels_the_work() -> None:
    both = results(2)
    task = started(all_results(both))
    await ticks(1)
    assert await cancelled(task)
    assert all(result.cancelled() for result in both)


async def test_the_first_value_wins_over_failures_and_cancels_the_rest() -> None:
    bad, good, left = results(3)
    bad.set_exception(ValueError("no"))
    good.set_result("yes")
    async with soon():
        assert await first_result([bad, good, left]) == "yes"
    assert left.cancelled()


async def test_no_value_at_all_is_an_error_with_all_failures() -> None:
    bad, worse = results(2)
    bad.set_exception(ValueError("bad"))
    worse.set_exception(KeyError("worse"))
    with pytest.raises(ExceptionGroup) as caught:
        await first_result([bad, worse])
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}


@pytest.mark.parametrize("count", [0, 2])
async def test_no_result_or_only_cancelled_ones_are_a_value_error(count: int) -> None:
    given = results(count)
    for result in given:
        result.cancel()
    with pytest.raises(ValueError, match="no result to wait for"):
        await first_result(given)


async def test_each_comes_as_it_is_done_and_once() -> None:
    first, second = results(2)
    second.set_result(2)
    coming = as_completed([first, second, first])
    assert (await anext(coming)).result() == 2
    first.set_result(1)
    assert [result.result() async for result in coming] == [1]


@pytest.mark.parametrize("cancel_rest", [False, True])
async def test_who_leaves_early_says_what_becomes_of_the_rest(cancel_rest: bool) -> None:
    done, left = results(2)
    done.set_result(1)
    async with aclosing(as_completed([done, left], cancel_rest=cancel_rest)) as coming:
        await anext(coming)
    assert left.cancelled() is cancel_rest
    left.cancel()


@pytest.mark.parametrize("wrong", [3, [3], [None]])
async def test_what_is_no_iterable_of_results_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="Result"):
        await all_results(wrong)
    with pytest.raises(TypeError, match="Result"):
        as_completed(wrong)
