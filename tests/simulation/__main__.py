"""Run all scenarios with many seeds: `python -m tests.simulation --seeds 100000`.

Seeds are taken in blocks, every scenario for each, so that it may be broken off at any time. A failure is
printed with all that is needed to have it again, and the others go on.
"""

import argparse
import sys
import time

from actorio.testing import SimulationFailed, SimulationSettings, explore
from tests.simulation import SCENARIOS

BLOCK = 1_000
SETTINGS = SimulationSettings(max_steps=50_000)


def main() -> int:
    """Run, print a line for each block, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000, help="how many; 100000 take an hour")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    options = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.__name__]
    failed: dict[str, SimulationFailed] = {}
    begun = time.perf_counter()
    last = options.first + options.seeds
    for first in range(options.first, last, BLOCK):
        seeds = range(first, min(first + BLOCK, last))
        for scenario in chosen:
            if scenario.__name__ not in failed:
                try:
                    explore(scenario, seeds=seeds, settings=SETTINGS)
                except SimulationFailed as failure:
                    failed[scenario.__name__] = failure
                    print(f"--- {scenario.__name__} fails\n{failure}\n", flush=True)
        runs = (seeds.stop - options.first) * len(chosen)
        rate = runs / (time.perf_counter() - begun)
        print(
            f"seeds to {seeds.stop:,}: {runs:,} runs, {rate:,.0f} a second, {len(failed)} failed", flush=True
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
