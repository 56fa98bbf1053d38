"""Hypothesis draws tapes, and shrinks them to few deviations."""

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from actorio.testing import Tape, simulate
from actorio.testing._simulation.heap import steady_heap
from actorio.testing.hypothesis import tapes
from tests.testing import bank, planted


@given(tapes(lanes=["order", "cost"], steps=20, largest=3))
def test_a_drawn_tape_keeps_to_its_limits(tape: Tape) -> None:
    assert {name for name, _ in tape.deviations} <= {"order", "cost"}
    assert all(place < 20 and 0 < tape.lanes[name][place] <= 3 for name, place in tape.deviations)
    assert Tape.parse(str(tape)).deviations == tape.deviations


@pytest.mark.parametrize("program", [planted.stop_race, bank.main])
def test_a_race_is_found_and_shrunk_to_a_handful(program: planted.Main) -> None:
    quick = settings(
        max_examples=2_000,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    with steady_heap():
        found = find(tapes(), lambda tape: simulate(program, tape=tape).error is not None, settings=quick)
    assert 0 < len(found.deviations) <= 6


@given(tapes())
@settings(max_examples=20, deadline=None)
def test_the_same_tape_is_the_same_run(tape: Tape) -> None:
    assert simulate(bank.main, tape=tape).digest == simulate(bank.main, tape=tape).digest
