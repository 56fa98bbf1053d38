"""`python -m tests.persistence.kills [--rounds N] [--seed N] [STORE]`: 200 rounds, on a new file unless said."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.persistence.kills.rounds import rounds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", nargs="?", help="a path, or the DSN of a PostgreSQL")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        audit = asyncio.run(
            rounds(options.store or str(Path(folder) / "store.db"), options.rounds, options.seed)
        )
    acknowledged = sum(map(len, audit.acknowledged.values()))
    reminders = sum(map(len, audit.reminded.values()))
    print(
        f"{options.rounds} kills: {acknowledged:,} commands and {reminders:,} reminders acknowledged, none lost;"
        f" each of {audit.projected:,} events once in the projection's table"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
