"""Both forms of the core beside the code by hand: `python -m benchmarks.programs.forms [NAME]...`.

Each round runs a workload's programs in a process with the compiled core and in one with the pure one, in turns, and
the code by hand in both. What counts is the time of the processor, of the fastest run of each: on a machine that does
other work as well, that says more than the time of a clock.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from time import process_time

import actorio
from benchmarks.harness.measure import LOOPS, geometric_mean, run_once
from benchmarks.workloads import select

__all__ = ["compare", "seconds_of"]

BY_HAND = "queue"


def seconds_of(name: str, loop: str, *, quick: bool) -> dict[str, float]:
    """Run the two programs of a workload in this process; give the seconds of the processor of each."""
    (workload,) = select([name])
    size = workload.size(quick=quick)
    seconds = {}
    for program in (BY_HAND, "actorio"):
        begun = process_time()
        run_once(workload, program, size, loop)
        seconds[program] = process_time() - begun
    return seconds


def compare(name: str, loop: str, *, rounds: int, quick: bool = False) -> dict[str, float]:
    """Return how many times as fast as the code by hand each form is, `compiled` and `pure`.

    Raises:
        subprocess.CalledProcessError: a run failed, or found a wrong answer.
    """
    call = f"seconds_of({name!r}, {loop!r}, quick={quick})"
    code = f"import json; from benchmarks.programs.forms import seconds_of; print(json.dumps({call}))"
    fastest: defaultdict[str, float] = defaultdict(lambda: float("inf"))
    for number in range(rounds):
        for is_pure in (False, True) if number % 2 else (True, False):
            environment = {**os.environ, "ACTORIO_NO_EXTENSIONS": "1" if is_pure else ""}
            command = [sys.executable, "-c", code]
            ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            for program, seconds in json.loads(ran.stdout).items():
                key = program if program == BY_HAND else "pure" if is_pure else "compiled"
                fastest[key] = min(fastest[key], seconds)
    by_hand = fastest.pop(BY_HAND)
    return {form: by_hand / seconds for form, seconds in fastest.items()}


def main() -> None:
    """Measure, and print the two ratios of each workload and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["A"], metavar="NAME", help="workloads or groups")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loop", choices=sorted(LOOPS), default="asyncio")
    parser.add_argument("--quick", action="store_true", help="tiny counts: a check, not a figure")
    options = parser.parse_args()
    if not actorio.core_is_compiled:
        parser.error("there is no compiled core here: `python .ci/build_core.py` makes it")
    found: defaultdict[str, list[float]] = defaultdict(list)
    print(f"{'':<18} {'compiled':>8} {'pure':>8}")
    for name in [workload.name for workload in select(options.names) if workload.rated]:
        ratios = compare(name, options.loop, rounds=options.rounds, quick=options.quick)
        for form, ratio in ratios.items():
            found[form].append(ratio)
        print(f"{name:<18} {ratios['compiled']:>8.2f} {ratios['pure']:>8.2f}", flush=True)
    means = {form: geometric_mean(ratios) for form, ratios in found.items()}
    print(f"{'geometric mean':<18} {means['compiled']:>8.2f} {means['pure']:>8.2f}")


if __name__ == "__main__":
    main()
