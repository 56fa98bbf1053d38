"""One digest of a simulated run of the cluster, whatever interpreter it runs on.

`python -m tests.cluster.digests 50 python3.11 python3.12 python3.13` runs so many seeds on each and compares them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.load import run_seed

__all__ = ["digests_on"]

ROOT = Path(__file__).parents[2]


def digests_on(python: str, runs: int, *, hash_seed: str = "random") -> list[str]:
    """Return what each seed has come to on that interpreter: its number, its digest, its error."""
    done = subprocess.run(
        [python, "-m", "tests.cluster.digests", str(runs)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int)
    parser.add_argument(
        "python", nargs="*", help="interpreters to compare; none: print the digests of this one"
    )
    options = parser.parse_args()
    if not options.python:
        for seed in range(options.runs):
            result = run_seed(seed)
            print(seed, result.digest, result.error)
        return 0
    found = {python: digests_on(python, options.runs) for python in options.python}
    first = found[options.python[0]]
    differ = 0
    for python, lines in found.items():
        others = [line for line, expected in zip(lines, first, strict=True) if line != expected]
        differ += len(others)
        print(f"{python}: {len(lines)} seeds, {len(others)} differ", *others[:3])
    return differ > 0


if __name__ == "__main__":
    sys.exit(main())
