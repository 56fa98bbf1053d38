"""What actorio promises, scenario by scenario, in 200 orders each, unless `--actorio-seeds` says otherwise.

`python -m tests.simulation` runs more.
"""

from typing import Any

import pytest

from actorio.testing import GuaranteeBroken
from actorio.testing._simulation.heap import steady_heap
from tests.simulation import SCENARIOS, SETTINGS, Scenario, day, under_faults

SEEDS = 200
FAULTY_SEEDS = 20


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_scenario_holds_in_every_order(scenario: Scenario, simulation: Any) -> None:
    seen = simulation.explore(scenario, seeds=range(SEEDS), settings=SETTINGS)
    assert seen.distinct > seen.runs / 2


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_guarantee_breaks_under_faults(scenario: Scenario) -> None:
    with steady_heap():
        errors = [under_faults(scenario, seed).error for seed in range(FAULTY_SEEDS)]
    assert [error for error in errors if isinstance(error, GuaranteeBroken)] == []


def test_a_day_of_a_tree_ends_as_it_began() -> None:
    result = day.run(actors=500, hours=1.0, seed=1)
    count, blows = result.unwrap()
    assert count > 500
    assert blows > 1_000
    assert result.elapsed >= day.HOUR
