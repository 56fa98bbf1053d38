"""Programs that use all of actorio, to be run in simulation: each asserts what its first line says."""

from collections.abc import Callable, Coroutine
from typing import Any

from actorio.testing import Faults, PolicyName, SimulationResult, SimulationSettings, simulate
from tests.simulation import asks, lives, mail, trees

__all__ = ["SCENARIOS", "SETTINGS", "Scenario", "under_faults"]

Scenario = Callable[[], Coroutine[Any, Any, None]]

SCENARIOS: list[Scenario] = [*mail.SCENARIOS, *asks.SCENARIOS, *lives.SCENARIOS, *trees.SCENARIOS]

SETTINGS = SimulationSettings(max_steps=50_000)
_POLICIES: tuple[PolicyName, ...] = ("random", "pct")
_FAULTY = SimulationSettings(
    max_steps=50_000,
    faults=Faults(crash=0.02, cancel=0.02, kill=0.02, slow=0.05, full=0.2, most=6),
)


def under_faults(scenario: Scenario, seed: int) -> SimulationResult[None]:
    """Run a scenario while all kinds of faults happen: it may fail of them, but no guarantee may break."""
    return simulate(scenario, seed=seed, policy=_POLICIES[seed % len(_POLICIES)], settings=_FAULTY)
