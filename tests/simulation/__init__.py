"""Programs that use all of actorio, to be run in simulation: each asserts what its first line says."""

from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation import asks, lives, mail, trees

__all__ = ["SCENARIOS", "Scenario"]

Scenario = Callable[[], Coroutine[Any, Any, None]]

SCENARIOS: list[Scenario] = [*mail.SCENARIOS, *asks.SCENARIOS, *lives.SCENARIOS, *trees.SCENARIOS]
