"""Items that `pool.map` hands over together: each has an outcome of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio._core.result import Result
from actorio.work.chunk import Chunk, run, run_async


def inverse(number: int) -> float:
    return 1 / number


def chunk(items: list[Any], *, single: bool = False) -> Chunk:
    return Chunk(items, Result(asyncio.get_running_loop()), single=single)


def test_an_item_that_fails_does_not_take_the_others_along() -> None:
    (first, second, third) = run(inverse, [1, 0, 2])
    assert (first, third) == ((True, 1.0), (True, 0.5))
    assert not second[0]
    assert isinstance(second[1], ZeroDivisionError)


async def test_a_coroutine_function_has_outcomes_as_a_function_has() -> None:
    async def inverse_later(number: int) -> float:
        await asyncio.sleep(0)
        return inverse(number)

    outcomes = await run_async(inverse_later, [1, 0])
    assert outcomes[0] == (True, 1.0)
    assert isinstance(outcomes[1][1], ZeroDivisionError)


async def test_a_chunk_of_one_has_the_value_itself_for_its_result() -> None:
    one = chunk(["a"], single=True)
    assert not one.is_done
    one.result.set_result([1, 2])
    assert one.is_done
    assert one.outcomes() == [(True, [1, 2])]


async def test_a_failure_of_the_whole_is_the_outcome_of_each_item() -> None:
    lost = chunk(["a", "b"])
    error = RuntimeError("the process has died")
    lost.result.set_exception(error)
    assert lost.outcomes() == [(False, error), (False, error)]


async def test_a_chunk_whose_time_is_over_has_timeouts() -> None:
    late = chunk(["a", "b"])
    late.expire()
    assert [type(error) for _, error in late.outcomes()] == [TimeoutError, TimeoutError]


@pytest.mark.parametrize("end", ["open", "failed", "cancelled"])
async def test_a_chunk_is_given_up_in_whatever_state_without_a_word(end: str) -> None:
    one = chunk(["a"])
    if end == "failed":
        one.result.set_exception(RuntimeError("nobody's business"))
    elif end == "cancelled":
        one.result.cancel()
    one.cancel()
    assert one.is_done
