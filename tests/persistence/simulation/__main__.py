"""`python -m tests.persistence.simulation [--seeds N] [--first N] [--minutes M]`: 100,000 runs unless said."""

import argparse
import math
import sys
import time

from tests.persistence.simulation import bank


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf, help="Stop after them.")
    options = parser.parse_args()
    begun, failed, number = time.monotonic(), 0, 0
    for seed in range(options.first, options.first + options.seeds):
        if time.monotonic() - begun >= options.minutes * 60:
            break
        number += 1
        result = bank.run(seed)
        if result.error is not None:
            failed += 1
            print(f"seed {seed}: {type(result.error).__name__}: {result.error}", flush=True)
        if number % 1_000 == 0:
            _say(options.first, number, failed, begun)
    _say(options.first, number, failed, begun)
    return 1 if failed else 0


def _say(first: int, number: int, failed: int, begun: float) -> None:
    rate = number / (time.monotonic() - begun)
    print(f"{number:,} runs from seed {first:,} on, {rate:,.0f} a second, {failed} failed", flush=True)


if __name__ == "__main__":
    sys.exit(main())
