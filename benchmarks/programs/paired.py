"""actorio beside another version of it: `python -m benchmarks.programs.paired TREE [NAME]...`.

TREE is a checkout of another commit (`git worktree add ../before 78a1d0a`). The workloads are those here; each runs in
turns with either package, every run in a process of its own. What counts is the ratio of the fastest runs: how many
times the rate of the other one this one has.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.measure import geometric_mean
from benchmarks.programs.seams import PACKAGE, ratio
from benchmarks.workloads import select

__all__ = ["compare"]


def compare(tree: Path, names: list[str], *, rounds: int, quick: bool = False) -> Iterator[tuple[str, float]]:
    """Yield the name of each workload with the rate of this version, as a multiple of the other's.

    Raises:
        FileNotFoundError: there is no actorio in the tree.
        subprocess.CalledProcessError: a run failed, or found a wrong answer.
    """
    if not (other := tree / "actorio" / "__init__.py").exists():
        raise FileNotFoundError(f"{tree} has no actorio in it: {other} is not there")
    with tempfile.TemporaryDirectory() as folder:
        sides = {True: Path(folder, "other"), False: Path(folder, "this")}
        for is_other, side in sides.items():  # the package alone: the benchmarks are those here
            side.mkdir()
            (side / "actorio").symlink_to((tree / "actorio").resolve() if is_other else PACKAGE)
        for name in names:
            yield name, ratio(name, sides, rounds, quick=quick)


def main() -> None:
    """Measure, and print the ratio of each workload and their mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("names", nargs="*", default=["A"], metavar="NAME", help="workloads or groups")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="tiny counts: a check, not a figure")
    options = parser.parse_args()
    names = [workload.name for workload in select(options.names) if workload.rated]
    ratios = []
    for name, times in compare(options.tree, names, rounds=options.rounds, quick=options.quick):
        ratios.append(times)
        print(f"{name:<18} {times:.3f}", flush=True)
    print(f"{'geometric mean':<18} {geometric_mean(ratios):.3f}")


if __name__ == "__main__":
    main()
