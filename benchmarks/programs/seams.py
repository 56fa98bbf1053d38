"""Measures what seams cost that nobody uses: `python -m benchmarks.programs.seams`.

Tracing, events and simulation hook in where actorio looks whether there is an observer, a subscriber or a
chooser. Here actorio runs beside a copy of itself in which nobody looks: each such question is replaced by its
usual answer, the rest is the same to the letter. The two take turns, each run in a process of its own; what counts
is the ratio of their times.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import actorio
from benchmarks.harness.measure import geometric_mean, run_once
from benchmarks.workloads import select

__all__ = ["PACKAGE", "compare", "copy_package", "environment_of", "fastest", "ratio", "without_seams"]

PACKAGE = Path(actorio.__file__).parent
WORKLOADS = ("ask", "pingpong", "send", "counting", "threadring", "skynet")
_LEVELS = {"turns", "arrivals"}
"""What of the observers is false unless somebody observes that much."""


def without_seams(source: str) -> str:
    """Return a module of actorio in which nobody looks for an observer, a subscriber or a chooser."""
    return ast.unparse(ast.fix_missing_locations(_Answer().visit(ast.parse(source))))


class _Answer(ast.NodeTransformer):
    """Puts answers for questions."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        left = node.left.value if isinstance(node.left, ast.NamedExpr) else node.left
        if _is_seam(left) and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return ast.Constant(isinstance(node.ops[0], ast.Is))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        asks = node.attr in _LEVELS and _name_of(node.value) == "observers" and isinstance(node.ctx, ast.Load)
        return ast.Constant(value=False) if asks else node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        neutral = isinstance(node.op, ast.And)
        values = [value for value in node.values if not _is_constant(value, value=neutral)]
        deciding = [value for value in values if _is_constant(value, value=not neutral)]
        if deciding or not values:
            return ast.Constant(not neutral if deciding else neutral)
        return values[0] if len(values) == 1 else ast.BoolOp(node.op, values)


def _is_seam(node: ast.expr) -> bool:
    """Return whether it is None unless somebody observes, or simulates; failures are logged in any case."""
    if isinstance(node, ast.Attribute) and _name_of(node.value) == "observers":
        return node.attr != "failed"
    return _name_of(node) == "choose"


def _name_of(node: ast.expr) -> str | None:
    return getattr(node, "attr", getattr(node, "id", None))


def _is_constant(node: ast.expr, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def copy_package(folder: Path, *, seams: bool) -> None:
    """Write a copy of actorio into a folder, with its seams or without; both have been through the parser."""
    for module in PACKAGE.rglob("*.py"):
        source = module.read_text()
        target = folder / "actorio" / module.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(ast.unparse(ast.parse(source)) if seams else without_seams(source))


def compare(names: list[str], *, rounds: int, quick: bool = False) -> Mapping[str, float]:
    """Return for each workload how much longer it takes with unused seams than without any.

    Raises:
        subprocess.CalledProcessError: a run failed, or found a wrong answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        sides = {seams: Path(folder, "with" if seams else "without") for seams in (True, False)}
        for seams, side in sides.items():
            copy_package(side, seams=seams)
        return {name: ratio(name, sides, rounds, quick=quick) for name in names}


def ratio(name: str, sides: Mapping[bool, Path], rounds: int, *, quick: bool) -> float:
    """Return how much longer a workload takes with the package of the one folder than with that of the other."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for seams in _turns(rounds):
        seconds[seams].append(_run(name, sides[seams], quick=quick))
    return min(seconds[True]) / min(seconds[False])


def _turns(rounds: int) -> Iterator[bool]:
    for number in range(rounds):
        yield from (True, False) if number % 2 else (False, True)


def _run(name: str, folder: Path, *, quick: bool) -> float:
    """Run a workload a few times in a process that finds actorio in a folder; give the seconds of the fastest."""
    code = f"from benchmarks.programs.seams import fastest; print(fastest({name!r}, quick={quick}))"
    command = [sys.executable, "-P", "-c", code]
    environment = environment_of(folder)
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def environment_of(folder: Path) -> dict[str, str]:
    """Return the environment of a process that is to find actorio in a folder, and the benchmarks here."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(PACKAGE.parent)])}


def fastest(name: str, *, quick: bool, repetitions: int = 3) -> float:
    """Run actorio's program of a workload; give the seconds of the fastest run."""
    (workload,) = select([name])
    size = workload.size(quick=quick)
    return min(run_once(workload, "actorio", size, "asyncio")[0] for _ in range(repetitions))


def main() -> None:
    """Measure, and print the ratio of each workload and their mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=WORKLOADS, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ratios = compare(list(options.names), rounds=options.rounds)
    for name, ratio in ratios.items():
        print(f"{name:<18} {ratio:.3f}")
    print(f"{'geometric mean':<18} {geometric_mean(list(ratios.values())):.3f}")


if __name__ == "__main__":
    main()
