"""Run all scenarios with many seeds: `python -m tests.simulation --seeds 100000`.

Seeds are taken in blocks, every scenario for each, so that it may be broken off at any time. A failure is
printed with all that is needed to have it again, and the others go on. With `--faults` all kinds of faults
happen meanwhile, and only a broken guarantee counts.
"""

import argparse
import sys
import time

from actorio.testing import GuaranteeBroken, SimulationFailed, explore
from actorio.testing._simulation.heap import steady_heap
from tests.simulation import SCENARIOS, SETTINGS, Scenario, under_faults

BLOCK = 1_000


def main() -> int:
    """Run, print a line for each block, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000, help="how many; 100000 take hours")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--faults", action="store_true", help="put faults into the actors")
    options = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.__name__]
    find = faulty if options.faults else sound
    failed: list[str] = []
    begun, last = time.perf_counter(), options.first + options.seeds
    for first in range(options.first, last, BLOCK):
        seeds = range(first, min(first + BLOCK, last))
        for scenario in chosen:
            if scenario.__name__ not in failed and (report := find(scenario, seeds)):
                failed.append(scenario.__name__)
                print(f"--- {scenario.__name__} fails\n{report}\n", flush=True)
        runs = (seeds.stop - options.first) * len(chosen)
        rate = runs / (time.perf_counter() - begun)
        print(
            f"seeds to {seeds.stop:,}: {runs:,} runs, {rate:,.0f} a second, {len(failed)} failed", flush=True
        )
    return 1 if failed else 0


def sound(scenario: Scenario, seeds: range) -> str:
    """Return the report of the first failure, or nothing."""
    try:
        explore(scenario, seeds=seeds, settings=SETTINGS)
    except SimulationFailed as failure:
        return str(failure)
    return ""


def faulty(scenario: Scenario, seeds: range) -> str:
    """Return the report of the first guarantee that breaks under faults, or nothing."""
    with steady_heap():
        for seed in seeds:
            result = under_faults(scenario, seed)
            if isinstance(result.error, GuaranteeBroken):
                return "\n".join([f"seed {seed}: {result.error}", *result.story])
    return ""


if __name__ == "__main__":
    sys.exit(main())
