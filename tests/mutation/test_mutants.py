"""The planted bugs fit the source, and a few of them are found; `python -m tests.mutation` hunts all."""

import ast
from pathlib import Path

import pytest

from tests.mutation.__main__ import hunt
from tests.mutation.mutants import MUTANTS, Mutant, place_of

PACKAGE = Path(__file__).parents[2] / "actorio"
QUICK = {"an ask is answered twice", "the last in line is let in first", "a group starts in reverse order"}


def test_there_are_thirty_and_more() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_python_in_one_place(mutant: Mutant) -> None:
    place = place_of(mutant, PACKAGE)
    ast.parse(place.read_text().replace(mutant.old, mutant.new))


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant", [mutant for mutant in MUTANTS if mutant.name in QUICK], ids=lambda m: m.name
)
def test_a_planted_bug_is_found_and_replayed(mutant: Mutant) -> None:
    assert hunt(mutant, 100)["replays"]
