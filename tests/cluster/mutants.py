"""Bugs planted in the cluster, one at a time: each has to be found by the simulation, within its seeds.

`python -m tests.cluster.mutants 300` says for each which seed finds it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """Code that is replaced, once, in a module of the package."""

    name: str
    module: str
    code: str
    instead: str


MUTANTS = (
    Mutant("the fence comes at 1.4 of the lease", "membership", "FENCE_AT = 0.8", "FENCE_AT = 1.4"),
    Mutant(
        "a shard is claimed of a living owner",
        "claims",
        'if owner not in ("", incarnation) and life.view.is_alive(owner):',
        "if False:",
    ),
    Mutant(
        "a repeated frame is taken again",
        "link",
        "if frame.number != self._expected:",
        "if frame.number > self._expected:",
    ),
    Mutant(
        "a gap is not seen",
        "link",
        "        if frame.number != self._expected:",
        "        if frame.number > self._expected:\n            self._expected = frame.number\n"
        "        if frame.number != self._expected:",
    ),
    Mutant(
        "the asks of a lost node are forgotten",
        "peer",
        "            pending.fail(DeliveryUnknownError(pending.cell.ref, pending.message))",
        "            pass",
    ),
    Mutant(
        "the refusal of an epoch is forgotten",
        "region",
        "            self._refused[arrival.peer, route] = arrival.item.epoch\n",
        "",
    ),
    Mutant(
        "a claim is freed before its entities have ended",
        "region",
        "        while shard.activations:\n            await self._until_next_end()\n        if killing",
        "        if killing",
    ),
    Mutant(
        "what was sent to a lost owner is sent again",
        "routing",
        "        untaken = list(cell.mailbox.untaken)\n        cell.mailbox.untaken.clear()\n",
        "        untaken: list[Any] = []\n",
    ),
    Mutant(
        "the lease is deleted first",
        "life",
        "        await self.region.leave(within)\n",
        "        await self.membership.release()\n        await self.region.leave(within)\n",
    ),
    Mutant(
        "the watchers of a lost node are not told",
        "peer",
        "            cell.mailbox.untaken.clear()\n            cell.end(ExitReason.LOST)",
        "            cell.mailbox.untaken.clear()",
    ),
    Mutant(
        "eviction without the revision",
        "membership",
        "self._engine.delete(lease_key_of(seen), seen.revision)",
        "self._engine.delete((key := lease_key_of(seen)), self._engine._network.values.get(key, (b'', 0))[1])",
    ),
)


def plant(mutant: Mutant, where: Path) -> None:
    """Copy the package with the bug in it."""
    for part in ("actorio", "tests"):
        (where / part).mkdir()
    for source in (*(ROOT / "actorio").rglob("*.py"), *(ROOT / "tests" / "cluster").rglob("*.py")):
        target = where / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text()
        if source == ROOT / "actorio" / "cluster" / f"{mutant.module}.py":
            assert text.count(mutant.code) >= 1, (
                f"{mutant.name}: the code to replace is not in {mutant.module}"
            )
            text = text.replace(mutant.code, mutant.instead, 1)
        target.write_text(text)


def run(mutant: Mutant, runs: int, first: int = 0) -> tuple[int | None, str]:
    """Return the first seed that finds the bug, None for none, and what was said of it."""
    with tempfile.TemporaryDirectory() as directory:
        plant(mutant, Path(directory))
        command = [sys.executable, "-m", "tests.cluster.load", str(runs), "--first", str(first), "--stop"]
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=3_600, check=False
        )
        for line in done.stdout.splitlines():
            if line.startswith("seed "):
                return int(line.split()[1].rstrip(":")), line
        assert done.returncode == 0, done.stderr[-2_000:]
        return None, done.stdout


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    survived = 0
    for mutant in MUTANTS:
        if options.only in mutant.name:
            seed, said = run(mutant, options.runs)
            survived += seed is None
            print(f"{mutant.name}: {'NOT FOUND' if seed is None else said}", flush=True)
    return survived > 0


if __name__ == "__main__":
    sys.exit(main())
