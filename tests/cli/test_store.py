"""`actorio store`, as a shell sees it: exit status, what goes to stdout, what goes to stderr."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.errors import DamagedError
from actorio.persistence import SqliteStore
from tests.persistence.actors import Account, Cart, Deposit, balance, deposit, do, reminder
from tests.persistence.guarantees.test_p18_projections import Totals

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from actorio.cli import main; main()", "store"]


def actorio(*arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        input=given,
        timeout=60,
        check=False,
    )


def shown(*arguments: object) -> Any:
    done = actorio(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with an account, a cart, a reminder and a projection."""
    path = tmp_path / "bank.db"
    asyncio.run(_fill(SqliteStore(path)))
    return path


async def _fill(store: SqliteStore) -> None:
    async with ActorSystem(store=store) as system:
        ada, cart = await system.spawn(Account, name="ada"), await system.spawn(Cart, name="bob")
        await ada.ask(Deposit(5))
        await ada.ask(Deposit(7))
        await do(ada, lambda account: account.remind(reminder(3600)))
        await do(cart, lambda actor: actor.save(actor.state))
        await system.spawn(Totals)


def test_what_is_stored_is_shown(path: Path) -> None:
    found = shown("info", path)
    assert (found["ids"], found["position"], found["kinds"]) == (2, 2, {"Account": 1, "Cart": 1})
    assert "Totals" in found["projections"]
    assert shown("list", path) == ["Account/ada", "Cart/bob"]
    assert shown("list", path, "--kind", "Cart") == ["Cart/bob"]
    ada = shown("show", path, "Account/ada")
    assert [event["data"] for event in ada["journal"]] == [{"amount": 5}, {"amount": 7}]
    assert (ada["sequence"], ada["reminders"], ada["state"]) == (2, 1, None)
    assert shown("show", path, "Account/ada", "--after", 1)["journal"][0]["sequence"] == 2
    assert shown("show", path, "Cart/bob")["state"]["data"] == {"cents": 0, "notes": []}
    assert shown("reminders", path)[0]["key"] == "key"
    assert shown("reminders", path, "--failed") == []
    assert "Account/ada" in actorio("list", path).stdout
    assert '2 Deposited {"amount": 7}' in actorio("show", path, "Account/ada").stdout
    assert "kind Account: 1" in actorio("info", path).stdout
    assert "Account/ada key: Tick" in actorio("reminders", path).stdout


def test_o12_what_is_stored_is_inert_in_a_terminal_and_the_same_in_json(tmp_path: Path) -> None:
    path, hostile = tmp_path / "notes.db", "\x9b31mred \u202eback"

    async def fill() -> None:
        async with ActorSystem(store=SqliteStore(path)) as system:
            cart = await system.spawn(Cart, name="bob")
            await do(cart, lambda actor: actor.save(replace(actor.state, notes=(hostile,))))

    asyncio.run(fill())
    for options in ((), ("--json",)):
        said = actorio("show", path, "Cart/bob", *options).stdout
        assert all(line.isprintable() for line in said.splitlines()), said
    assert shown("show", path, "Cart/bob")["state"]["data"]["notes"] == [hostile]


def test_verify_finds_problems(path: Path) -> None:
    assert shown("verify", path)["problems"] == []
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET body = replace(body, '7', '8') WHERE sequence = 2")
    connection.close()
    done = actorio("verify", path)
    assert done.returncode == 1
    assert "Account/ada, sequence 2: the checksum" in done.stdout
    with pytest.raises(DamagedError):
        asyncio.run(balance(SqliteStore(path), "ada"))


def test_an_export_is_imported(path: Path, tmp_path: Path) -> None:
    exported = actorio("export", path)
    target = tmp_path / "other.db"
    done = actorio("import", target, given=exported.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert actorio("export", target).stdout == exported.stdout
    assert asyncio.run(balance(SqliteStore(target), "ada")).cents == 12
    again = actorio("import", target, given=exported.stdout)
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    assert actorio("import", tmp_path / "third.db", given="nonsense").returncode == 2


def test_what_cannot_be_taken_back_needs_a_yes(path: Path) -> None:
    for command in (["erase", path, "Account/ada"], ["reset", path, "Totals"], ["drop", path, "Totals"]):
        done = actorio(*command)
        assert done.returncode == 2
        assert "--yes" in done.stderr
        done = actorio(*command, "--yes")
        assert (done.returncode, done.stderr) == (0, "")
    assert shown("list", path) == ["Cart/bob"]
    assert shown("info", path)["projections"] == {}
    for command in (["erase", path, "Account/nobody", "--yes"], ["reset", path, "Totals", "--yes"]):
        assert actorio(*command).returncode == 2
    assert actorio("compact", path).returncode == 0


REFUSED: list[Callable[[Path], list[object]]] = [
    lambda folder: ["info", folder / "no.db"],
    lambda folder: ["compact", folder / "no.db"],
    lambda folder: ["info", ROOT / "README.md"],
    lambda folder: ["show", folder / "no.db", "Account/ada"],
    lambda folder: ["list"],
    lambda folder: ["no-such-command", folder],
    lambda folder: ["info", "postgresql://postgres@127.0.0.1:1/postgres"],
]


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_is_not_there_is_status_2_and_nothing_is_made(
    tmp_path: Path, arguments: Callable[[Path], list[object]]
) -> None:
    done = actorio(*arguments(tmp_path))
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_id_is_status_2(path: Path) -> None:
    assert actorio("show", path, "Account/nobody").returncode == 2


def test_reading_runs_beside_a_system_and_writing_does_not(path: Path) -> None:
    async def main() -> None:
        async with ActorSystem(store=SqliteStore(path)):
            assert (await asyncio.to_thread(actorio, "verify", path)).returncode == 0
            for command in (["compact", path], ["erase", path, "Account/ada", "--yes"]):
                done = await asyncio.to_thread(actorio, *command)
                assert done.returncode == 2
                assert "in use" in done.stderr

    asyncio.run(main())
    assert asyncio.run(deposit(SqliteStore(path), "ada")) == 12
