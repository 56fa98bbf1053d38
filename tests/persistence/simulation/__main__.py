"""`python -m tests.persistence.simulation [--seeds N] [--first N]`: 100,000 runs of the bank unless said."""

import argparse
import sys
import time

from tests.persistence.simulation import bank


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    begun, failed = time.monotonic(), 0
    for number, seed in enumerate(range(options.first, options.first + options.seeds), 1):
        result = bank.run(seed)
        if result.error is not None:
            failed += 1
            print(f"seed {seed}: {type(result.error).__name__}: {result.error}", flush=True)
        if number % 1_000 == 0:
            rate = number / (time.monotonic() - begun)
            print(f"{number:,} runs, {rate:,.0f} a second, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
