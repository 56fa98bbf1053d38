"""A store file and an export of each released schema are opened by this version."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actorio.persistence import MemoryStore, SqliteStore, Store
from tests.persistence.actors import Account, Balance, Cart, Pruned, Snapshotted, balance

HERE = Path(__file__).parent / "schemas"
FILES = sorted(HERE.glob("*.db"))


async def _audit(store: Store) -> None:
    for kind in (Account, Snapshotted, Pruned):
        assert await balance(store, "ada", kind) == Balance(21, ("ä€",))
    assert await balance(store, "ada", Cart) == Balance(7)
    async with store:
        assert (await store.verify()).problems == ()
        assert (await store.info("Account/ada")).reminders == 1
        assert (await store.info("Account/gone")).erased is not None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_store_of_each_released_schema_is_opened(file: Path, tmp_path: Path) -> None:
    asyncio.run(_audit(SqliteStore(shutil.copy(file, tmp_path / "store.db"))))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_export_of_each_released_schema_is_imported(file: Path) -> None:
    async def main() -> None:
        store = MemoryStore()
        async with store:
            await store.import_lines(_lines(file.with_suffix(".jsonl")))
        await _audit(store)

    asyncio.run(main())


async def _lines(path: Path) -> AsyncIterator[str]:
    for line in path.read_text().splitlines():
        yield line


def test_there_is_one() -> None:
    assert FILES
