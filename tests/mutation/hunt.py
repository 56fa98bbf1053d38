"""Run the scenarios against the actorio that is first on the path, until one fails, and have that run again."""

import json
import resource
import sys
import time

from actorio.testing import GuaranteeBroken, SimulationResult, SimulationSettings, simulate
from actorio.testing._simulation.heap import steady_heap
from actorio.testing._simulation.policy import PolicyName
from tests.simulation import SCENARIOS, Scenario

POLICIES: tuple[PolicyName, ...] = ("random", "pct")
SETTINGS = SimulationSettings(max_steps=20_000)
MOST_MEMORY = 1 << 31  # bytes: a mutant may run wild within a step


def run(scenario: Scenario, seed: int) -> SimulationResult[None]:
    """Run one scenario once."""
    return simulate(scenario, seed=seed, policy=POLICIES[seed % len(POLICIES)], settings=SETTINGS)


def hunt(seeds: int) -> dict[str, object]:
    """Take every scenario for each seed in turn, and tell of the first failure."""
    begun = time.perf_counter()
    runs = 0
    with steady_heap():
        for seed in range(seeds):
            for scenario in SCENARIOS:
                runs += 1
                found = run(scenario, seed)
                if found.error is not None:
                    again = run(scenario, seed)
                    return {
                        "scenario": scenario.__name__,
                        "seed": seed,
                        "runs": runs,
                        "seconds": time.perf_counter() - begun,
                        "by": _name(found.error),
                        "replays": (again.digest, _name(again.error)) == (found.digest, _name(found.error)),
                    }
    return {"runs": runs, "seconds": time.perf_counter() - begun}


def _name(error: BaseException | None) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, GuaranteeBroken):
        return f"guarantee {error.number}"
    return type(error).__name__


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    print(json.dumps(hunt(int(sys.argv[1]))))
