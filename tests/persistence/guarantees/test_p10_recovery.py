"""P10, P11, P12: a recovery is whole or an error; snapshots are a cache; version skew is an error, not a guess."""

import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.errors import DamagedError, RecoveryError
from actorio.persistence import SqliteStore
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Balance, Cart, Noted, Pruned, Snapshotted, balance, deposit, do

pytestmark = pytest.mark.real_loop("a database on threads")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def change(path: Path, statement: str, *values: Any) -> None:
    """Change what is stored behind the store's back."""
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


async def refused(path: Path, kind: type[Account] | type[Cart] = Account) -> RecoveryError:
    """Return what the recovery of `ada` raises, and check that it can be seen without it too."""
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        with pytest.raises(RecoveryError) as caught:
            await system.spawn(kind, name="ada")
        assert len(system.snapshot()) == 0
        assert (await system.store.verify()).problems or not isinstance(caught.value, DamagedError)
    return caught.value


DAMAGE = {
    "a digit": "UPDATE events SET body = replace(body, '2', '3') WHERE sequence = 2",
    "a sequence": "UPDATE events SET sequence = 9 WHERE sequence = 2",
    "a type": "UPDATE events SET type = 'note' WHERE sequence = 2",
    "a version": "UPDATE events SET version = 2 WHERE sequence = 2",
    "no text": "UPDATE events SET body = CAST(x'ff7b' AS TEXT) WHERE sequence = 2",
    "no UTF-8 in a name": "UPDATE events SET type = CAST(x'ff' AS TEXT) WHERE sequence = 2",
    "the first is gone": "DELETE FROM events WHERE sequence = 1",
    "one is gone": "DELETE FROM events WHERE sequence = 2",
    "the last is gone": "DELETE FROM events WHERE sequence = 3",
    "its id is gone": "DELETE FROM actors",
    "the head is behind": "UPDATE actors SET sequence = 2",
    "the head is ahead": "UPDATE actors SET sequence = 4",
    "the head is negative": "UPDATE actors SET sequence = -1",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
async def test_p10_damage_is_an_error_and_no_message_is_handled(path: Path, statement: str) -> None:
    await deposit(SqliteStore(path), "ada", 1, 2, 3)
    change(path, statement)
    error = await refused(path)
    assert isinstance(error, DamagedError)
    assert error.durable_id == "Account/ada"


async def test_p10_an_event_that_apply_refuses_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda actor: actor.persist(Noted("a"), Noted("b")))
    monkeypatch.setattr(Account, "apply", lambda *_: 1 // 0)
    error = await refused(path)
    assert not isinstance(error, DamagedError)
    assert (error.sequence, error.type, error.version) == (1, "note", 1)
    assert isinstance(error.__cause__, ZeroDivisionError)


BAD_SNAPSHOTS = {
    "a digit": "UPDATE snapshots SET body = replace(body, '{\"cents\":10', '{\"cents\":11') WHERE sequence = 10",
    "no JSON": "UPDATE snapshots SET body = 'x' WHERE sequence = 10",
    "of a later version": "UPDATE snapshots SET version = 2 WHERE sequence = 10",
    "of another class": "UPDATE snapshots SET type = 'Other' WHERE sequence = 10",
}


@pytest.mark.parametrize("statement", BAD_SNAPSHOTS.values(), ids=BAD_SNAPSHOTS)
async def test_p11_a_snapshot_that_cannot_be_read_is_passed_over(
    path: Path, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    await deposit(SqliteStore(path), "ada", *[1] * 12, kind=Snapshotted)
    change(path, statement)
    with caplog.at_level(logging.WARNING, "actorio"):
        assert await balance(SqliteStore(path), "ada", Snapshotted) == Balance(12)
    assert "passed over a snapshot of Snapshotted/ada" in caplog.text


async def test_p11_without_any_snapshot_all_events_are_applied(path: Path) -> None:
    await deposit(SqliteStore(path), "ada", *[1] * 12, kind=Snapshotted)
    for sequence in (5, 10):
        change(path, "DELETE FROM snapshots WHERE sequence = ?", sequence)
    assert await balance(SqliteStore(path), "ada", Snapshotted) == Balance(12)


async def test_p11_where_the_events_were_deleted_a_lost_snapshot_is_an_error(path: Path) -> None:
    await deposit(SqliteStore(path), "ada", *[1] * 12, kind=Pruned)
    change(path, "UPDATE snapshots SET body = 'x'")
    error = await refused(path, Pruned)
    assert error.sequence == 10


async def test_p10_the_state_of_a_durable_state_actor_is_no_cache(path: Path) -> None:
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Cart, name="ada")
        await do(ref, lambda cart: cart.save(Balance(7)))
    change(path, "UPDATE snapshots SET body = replace(body, '7', '8')")
    assert isinstance(await refused(path, Cart), DamagedError)
    change(path, "DELETE FROM snapshots")
    assert isinstance(await refused(path, Cart), DamagedError)


@pytest.mark.parametrize("change_", ["type = 'Unknown'", "version = 2"])
async def test_p12_an_unknown_name_or_a_higher_version_is_an_error_that_names_it(
    path: Path, change_: str
) -> None:
    from actorio.persistence._rows import checksum

    await deposit(SqliteStore(path), "ada", 1, 2, 3)
    kind, version = ("Unknown", 1) if "type" in change_ else ("Deposited", 2)
    crc = checksum("Account/ada", 2, kind, version, b'{"amount":2}')
    change(path, f"UPDATE events SET {change_}, crc = ? WHERE sequence = 2", crc)
    error = await refused(path)
    assert not isinstance(error, DamagedError)
    assert (error.durable_id, error.sequence, error.type, error.version) == ("Account/ada", 2, kind, version)
    async with soon(), SqliteStore(path) as store:
        with pytest.raises(RecoveryError, match="at position 2 of the journal"):
            [one async for one in store.events(Account)]
        assert len([one async for one in store.events()]) == 3
