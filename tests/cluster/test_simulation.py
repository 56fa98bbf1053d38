"""The cluster under much trouble, seed by seed, with its oracles looking on; and bugs planted for them to find."""

from __future__ import annotations

import pytest

from tests.cluster.load import run_seed
from tests.cluster.mutants import MUTANTS, Mutant, run

SEEDS = 300
"""`python -m tests.cluster.load N` runs more."""
CHUNK = 25
OF_A_COMMIT = 300
"""`python -m tests.cluster.mutants 300 --long` looks for those too that need more seeds."""


def test_a_run_is_replayed_by_its_seed() -> None:
    first, again = run_seed(5), run_seed(5)
    assert first.error is None
    assert first.value is not None
    assert first.value["handled"] > 500
    assert first.digest == again.digest


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_a_guarantee(first: int) -> None:
    for seed in range(first, first + CHUNK):
        result = run_seed(seed)
        assert result.error is None, f"seed {seed}: {result.error!r}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant", [each for each in MUTANTS if each.within <= OF_A_COMMIT], ids=lambda mutant: mutant.name
)
def test_a_planted_bug_is_found_within_its_seeds_and_replayed(mutant: Mutant) -> None:
    seed, said = run(mutant, mutant.within)
    assert seed is not None, said
    assert run(mutant, 1, seed) == (seed, said)
