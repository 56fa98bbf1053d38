"""Plant each bug into a copy of actorio, and see within how many seeds the scenarios find it.

`python -m tests.mutation` plants all of them and writes the table of docs/reference/simulation.md;
`--only WORD` takes those whose name contains the word, and writes nothing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.mutation.mutants import MUTANTS, Mutant, place_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "simulation.md"
BEGIN, END = "<!-- planted bugs: begin -->", "<!-- planted bugs: end -->"
SEEDS = 2_000
PATIENCE = 600.0  # seconds for one of them

Found = dict[str, Any]


def main() -> int:
    """Hunt, print, write the table, and return the exit status: 0 if all were found and replayed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    table: list[tuple[Mutant, Found]] = []
    for mutant in chosen:
        found = hunt(mutant, options.seeds)
        table.append((mutant, found))
        print(f"{mutant.name:<60} {describe(found)}", flush=True)
    missed = [mutant.name for mutant, found in table if not found.get("replays")]
    print(f"{len(table) - len(missed)} of {len(table)} found and replayed; not: {missed or 'none'}")
    if not options.only:
        write_table(table, options.seeds)
    return 1 if missed else 0


def hunt(mutant: Mutant, seeds: int) -> Found:
    """Plant it into a copy, and run the scenarios there in a process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "actorio", copy / "actorio", ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "tests").symlink_to(ROOT / "tests")
        place = place_of(mutant, copy / "actorio")
        place.write_text(place.read_text().replace(mutant.old, mutant.new))
        command = [sys.executable, "-m", "tests.mutation.hunt", str(seeds)]
        environment = {
            **os.environ,
            "PYTHONPATH": folder,
            "PYTHONDONTWRITEBYTECODE": "1",
            "ACTORIO_NO_EXTENSIONS": "1",
        }
        try:
            done = subprocess.run(
                command, cwd=copy, env=environment, capture_output=True, timeout=PATIENCE, check=True
            )
        except subprocess.SubprocessError as error:
            return {"trouble": f"{type(error).__name__}: {getattr(error, 'stderr', b'')!r:.500}"}
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def describe(found: Found) -> str:
    """Say in a line what came of a hunt."""
    if "scenario" not in found:
        return f"NOT FOUND {found}"
    replays = "replays" if found["replays"] else "DOES NOT REPLAY"
    return (
        f"{found['by']} in {found['scenario']}, seed {found['seed']}, run {found['runs']}, "
        f"{found['seconds']:.1f} s, {replays}"
    )


def write_table(table: list[tuple[Mutant, Found]], seeds: int) -> None:
    """Put the table between its marks on the page."""
    lines = [
        BEGIN,
        "",
        f"{len(table)} bugs; {sum('scenario' in found for _, found in table)} found within {seeds:,} seeds.",
        "",
        "| planted bug | found by | scenario | seed | run | replays |",
        "|---|---|---|---|---|---|",
    ]
    for mutant, found in table:
        if "scenario" in found:
            how = f"{found['by']} | `{found['scenario']}` | {found['seed']} | {found['runs']} | "
            lines.append(f"| {mutant.name} | {how}{'yes' if found['replays'] else 'no'} |")
        else:
            lines.append(f"| {mutant.name} | not found | | | {found.get('runs', '')} | |")
    text = PAGE.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{chr(10).join(lines)}\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
