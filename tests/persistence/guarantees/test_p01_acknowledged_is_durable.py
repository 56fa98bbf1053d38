"""P1: what was acknowledged survives kill -9; with it P2, P14 and P15, each under load."""

import os
import stat
from pathlib import Path

import pytest

from actorio import ActorSystem
from actorio.persistence import SqliteStore
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit
from tests.persistence.kills.rounds import rounds

ROUNDS = 10

pytestmark = pytest.mark.real_loop("processes")


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("count", [1, pytest.param(ROUNDS, marks=pytest.mark.long)])
async def test_p1_p2_p14_p15_p18_kill_9_loses_and_doubles_nothing(tmp_path: Path, count: int) -> None:
    audit = await rounds(str(tmp_path / "store.db"), count)
    assert sum(map(len, audit.acknowledged.values())) >= count
    assert sum(map(len, audit.reminded.values())) >= count
    assert audit.projected >= 2 * count


async def test_p1_a_write_is_synced_and_the_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old = os.umask(0)
    try:
        async with soon(), ActorSystem(store=SqliteStore(path)) as system:
            await (await system.spawn(Account, name="ada")).ask(Deposit(1))
            store = system.store
            assert isinstance(store, SqliteStore)
            assert store._writing is not None
            assert store._writing.execute("PRAGMA synchronous").fetchone() == (2,)
            assert store._writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert store._writing.execute("PRAGMA secure_delete").fetchone() == (1,)
            assert _modes(tmp_path) == {0o600}
    finally:
        os.umask(old)


def _modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_p1_normal_sync_warns_once_a_store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteStore(tmp_path / "store.db", sync="normal")
    for _ in range(2):
        async with soon(), store:
            pass
    assert [record.name for record in caplog.records] == ["actorio"]
    assert "power loss" in caplog.text
