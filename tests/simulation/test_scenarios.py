"""What actorio promises, scenario by scenario, in 200 orders each; `python -m tests.simulation` runs more."""

import pytest

from actorio.testing import SimulationSettings, explore
from tests.simulation import SCENARIOS, Scenario

SEEDS = 200
SETTINGS = SimulationSettings(max_steps=50_000)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_scenario_holds_in_every_order(scenario: Scenario) -> None:
    seen = explore(scenario, seeds=range(SEEDS), settings=SETTINGS)
    assert seen.distinct > SEEDS / 2
