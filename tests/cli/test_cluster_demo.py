"""The demo of a cluster: what it counts, and that it asks again where it does not know."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actorio.cli import cluster_demo
from actorio.errors import ActorError
from tests.cli.test_cluster import invoke

OTHER_SIDE = cluster_demo._TRANSFERS
"""The second side of a transfer has its number and this."""


def test_the_demo_needs_a_node_that_is_left() -> None:
    assert invoke("demo", "--nodes", "1").exit_code == 2


@pytest.mark.slow
def test_the_demo_loses_and_doubles_nothing() -> None:
    result = invoke("demo", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["nodes"], told["killed"], told["transfers"]) == (3, "n1", 600)
    assert (told["lost"], told["doubled"], told["balanced"]) == (0, 0, True)
    assert told["taken_over_s"] >= told["lost_seen_s"] > 0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The database of the demo, in which the first transfer has its two sides."""
    with contextlib.closing(sqlite3.connect(tmp_path / "bank.db", isolation_level=None)) as opened:
        opened.executescript(cluster_demo._SCHEMA)
        enter(opened, 1, -1)
        enter(opened, 1 + OTHER_SIDE, 1)
        yield opened


def enter(database: sqlite3.Connection, transfer: int, amount: int) -> None:
    database.execute("INSERT INTO entry VALUES ('account', ?, ?)", (transfer, amount))


def counted(database: sqlite3.Connection, tmp_path: Path, done: list[int]) -> tuple[int, int, bool]:
    told = cluster_demo._audit(str(tmp_path / "bank.db"), done)
    return told["lost"], told["doubled"], told["balanced"]


def test_a_transfer_with_both_sides_is_neither_lost_nor_doubled(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    enter(database, 0, 0)  # of who only looks
    assert counted(database, tmp_path, [1]) == (0, 0, True)


def test_a_transfer_that_is_done_and_has_no_entries_is_lost(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    assert counted(database, tmp_path, [1, 2]) == (2, 0, False)


def test_a_side_that_was_entered_twice_is_doubled(database: sqlite3.Connection, tmp_path: Path) -> None:
    enter(database, 1, -1)
    assert counted(database, tmp_path, [1]) == (0, 1, False)


def test_an_entry_of_a_transfer_that_is_not_done_is_no_balance(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    enter(database, 2, -1)
    enter(database, 2 + OTHER_SIDE, 1)
    assert counted(database, tmp_path, [1]) == (0, 0, False)


async def test_who_does_not_know_asks_again_under_the_same_number() -> None:
    class Flaky:
        """Answers every second question."""

        def __init__(self) -> None:
            self.asked: list[int] = []

        def entity(self, kind: Any, key: str) -> Any:
            return self

        async def ask(self, message: Any, *, timeout: float) -> None:
            self.asked.append(message.transfer)
            if len(self.asked) % 2:
                raise ActorError("no answer came in time")

    cluster: Any = Flaky()
    bank = cluster_demo._Bank(cluster)
    bank._left = iter([1])
    await bank.move()
    assert cluster.asked == [1, 1, 1 + OTHER_SIDE, 1 + OTHER_SIDE]
    assert (bank.done, bank.unknown) == ([1], 2)
