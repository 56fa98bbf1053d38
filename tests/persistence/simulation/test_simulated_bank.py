"""Durable actors hold in 2,000 simulated runs, and each planted bug is found in some of them and replayed.

`python -m tests.persistence.simulation` runs more.
"""

import pytest

from actorio.testing._simulation.heap import steady_heap
from tests.persistence.simulation import bank, readers
from tests.persistence.simulation.planted import PLANTED, EarlyPositions, planted

SEEDS = 2_000
_CHUNKS = 20
_MOST = 400


@pytest.mark.parametrize(
    "chunk", [pytest.param(chunk, marks=[pytest.mark.slow] if chunk else []) for chunk in range(_CHUNKS)]
)
def test_a_bank_on_a_failing_store_loses_and_doubles_nothing(chunk: int) -> None:
    size = SEEDS // _CHUNKS
    with steady_heap():
        for seed in range(chunk * size, (chunk + 1) * size):
            assert bank.run(seed).error is None, f"seed {seed}"


def test_a_reader_misses_nothing() -> None:
    with steady_heap():
        for seed in range(100):
            assert readers.run(seed).error is None, f"seed {seed}"


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found_and_replayed(bug: str) -> None:
    with steady_heap(), planted(bug):
        found = next((result for seed in range(_MOST) if (result := bank.run(seed)).error is not None), None)
        assert found is not None, f"not found in {_MOST} seeds"
        again = bank.run(found.seed, tape=found.tape)
    assert again.digest == found.digest
    assert (type(again.error), str(again.error)) == (type(found.error), str(found.error))
    assert bank.run(found.seed).error is None


def test_positions_drawn_outside_of_the_lock_are_found_and_replayed() -> None:
    with steady_heap():
        found = next(
            (result for seed in range(_MOST) if (result := readers.run(seed, make=EarlyPositions)).error),
            None,
        )
        assert found is not None
        again = readers.run(found.seed, make=EarlyPositions, tape=found.tape)
    assert again.digest == found.digest
    assert str(again.error) == str(found.error)
