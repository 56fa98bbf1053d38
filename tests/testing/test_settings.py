"""The settings of a simulated world: what they may be."""

import pytest

from actorio.testing import SimulationSettings


@pytest.mark.parametrize("setting", ["quantum", "step_cost", "thread_delay"])
def test_settings_are_checked(setting: str) -> None:
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=setting):
            SimulationSettings(**{setting: bad})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_steps"):
        SimulationSettings(max_steps=0)
