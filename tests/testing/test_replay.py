"""A failure is run again before it is told: one that does not come again is said to be one, with what differs."""

import asyncio
import itertools

from tests.testing import planted
from tests.testing.test_exploration import failure


def test_a_failure_that_does_not_come_again_is_said_to_be_one_with_the_first_event_that_differs() -> None:
    runs = itertools.count()

    async def late() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        number = next(runs)  # what outlives a run
        if number:
            await asyncio.create_task(late(), name=f"in-run-{number}")
        assert number > 10

    found = failure(main, seeds=range(5))
    assert found.difference is not None
    assert "of 2 more runs of this seed 2 failed so" in found.difference
    assert "in-run-1" in found.difference
    assert "in-run-2" in found.difference
    assert "DOES NOT COME AGAIN" in str(found)
    assert "simulate(main" not in str(found)
    assert found.shrunk is found.result
    assert next(runs) == 3


def test_a_failure_that_passes_when_it_is_run_again_is_not_shrunk() -> None:
    runs = itertools.count()

    async def main() -> None:
        assert next(runs) != 0

    found = failure(main, seeds=range(5))
    assert found.difference is not None
    assert "of 2 more runs of this seed none failed so" in found.difference


def test_a_failure_that_comes_again_differs_in_nothing() -> None:
    assert failure(planted.stop_race, seeds=range(100)).difference is None
