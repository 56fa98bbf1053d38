"""The cluster under much trouble, seed by seed, with its oracles looking on; and bugs planted for them to find."""

from __future__ import annotations

import sys

import pytest

from tests.cluster.digests import digests_on
from tests.cluster.load import run_seed
from tests.cluster.mutants import MUTANTS, Mutant, run

SEEDS = 300
"""`python -m tests.cluster.load N` runs more."""
CHUNK = 25


def test_a_run_is_replayed_by_its_seed() -> None:
    first, again = run_seed(5), run_seed(5)
    assert first.error is None
    assert first.value is not None
    assert first.value["handled"] > 500
    assert first.digest == again.digest


def test_a_run_has_one_digest_in_every_process() -> None:
    """`python -m tests.cluster.digests` compares interpreters."""
    assert digests_on(sys.executable, 2, hash_seed="1") == digests_on(sys.executable, 2, hash_seed="2")


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_a_guarantee(first: int) -> None:
    for seed in range(first, first + CHUNK):
        result = run_seed(seed)
        assert result.error is None, f"seed {seed}: {result.error!r}"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_found_within_its_seeds_and_replayed(mutant: Mutant) -> None:
    seed, said = run(mutant, SEEDS)
    assert seed is not None, said
    assert run(mutant, 1, seed) == (seed, said)
