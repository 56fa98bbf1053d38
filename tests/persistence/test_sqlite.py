"""SQLite as it is on a disk: locks, what is no store, a full disk, bits that flip."""

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actorio import ActorRef, ActorSystem
from actorio.errors import (
    RecoveryError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    StoreInUseError,
    StoreUnavailableError,
)
from actorio.persistence import SqliteStore
from actorio.testing import until
from tests.guarantees.actors import soon
from tests.persistence.actors import Account, Deposit, Deposited, Look, Noted, balance, deposit, do

pytestmark = pytest.mark.real_loop("a database on threads")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


# -- who may open it -------------------------------------------------------------------------------


async def test_a_second_store_object_is_kept_out(path: Path) -> None:
    async with soon(), SqliteStore(path):
        with pytest.raises(StoreInUseError, match="is in use"):
            await SqliteStore(path).open()
    async with soon(), SqliteStore(path):
        pass


async def test_a_second_store_object_is_kept_out_by_whatever_link(path: Path) -> None:
    link = path.with_name("link.db")
    async with soon(), SqliteStore(path):
        link.symlink_to(path)
        with pytest.raises(StoreInUseError, match="is in use"):
            await SqliteStore(link).open()


async def test_an_opening_that_is_cancelled_leaves_nothing_open(path: Path) -> None:
    begun, gate = threading.Event(), threading.Event()

    class Slow(SqliteStore):
        def _connect(self) -> None:
            begun.set()
            gate.wait(10)
            super()._connect()

    async with soon():
        store = Slow(path)
        opening = asyncio.create_task(store.open())
        await asyncio.to_thread(begun.wait)
        opening.cancel()
        await asyncio.sleep(0)
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert (store._writing, store._reading_, store.is_open) == (None, None, False)
        async with store:
            assert await store.position() == 0


async def test_a_close_that_is_cancelled_twice_keeps_the_lock_until_nothing_writes(path: Path) -> None:
    begun, gate = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        gate.wait(10)

    async with soon():
        store = SqliteStore(path)
        await store.open()
        writing = asyncio.create_task(store._write_by(hold))
        await asyncio.to_thread(begun.wait)
        closing = asyncio.create_task(store.close())
        for _ in range(2):
            await asyncio.sleep(0.01)
            closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        with pytest.raises(StoreInUseError):
            await SqliteStore(path).open()
        gate.set()
        await writing
        await until(lambda: store._lock is None)
        assert (store._writing, store._reading_) == (None, None)
        async with SqliteStore(path):
            pass


async def test_a_second_process_is_kept_out(path: Path) -> None:
    program = (
        "import asyncio, sys; from actorio.persistence import *\n"
        "async def main():\n"
        "    try:\n"
        "        async with SqliteStore(sys.argv[1]): print('opened')\n"
        "    except StoreInUseError: print('in use')\n"
        "asyncio.run(main())"
    )

    def output() -> str:
        command = [sys.executable, "-c", program, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()

    async with soon(), SqliteStore(path):
        assert await asyncio.to_thread(output) == "in use"
    assert await asyncio.to_thread(output) == "opened"


async def test_one_that_only_reads_may_read_beside_a_system(path: Path) -> None:
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        async with SqliteStore._for_reading(str(path)) as reading:
            assert await reading.ids() == ["Account/ada"]
            await ref.ask(Deposit(1))
            assert (await reading.info("Account/ada")).events == 2
            with pytest.raises(StoreError, match="opened for reading"):
                await reading.erase("Account/ada")
    async with soon(), SqliteStore._for_reading(str(path)) as reading:
        assert (await reading.verify()).problems == ()


def _text(path: Path) -> None:
    path.write_text("no database, but a text of some length")


def _folder(path: Path) -> None:
    path.mkdir()


def _foreign(path: Path) -> None:
    _execute(path, "CREATE TABLE users (name TEXT)")


def _newer(path: Path) -> None:
    asyncio.run(deposit(SqliteStore(path), "ada", 1))
    _execute(path, "PRAGMA user_version = 2")


def _other_application(path: Path) -> None:
    _execute(path, "PRAGMA application_id = 7")


def _torn(path: Path) -> None:
    asyncio.run(deposit(SqliteStore(path), "ada", 1))
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 4000)


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


NO_STORES = [_text, _folder, _foreign, _newer, _other_application, _torn]


@pytest.mark.parametrize("make", NO_STORES, ids=lambda make: make.__name__)
def test_what_is_no_store_is_refused_and_left_as_it_is(path: Path, make: Any) -> None:
    make(path)
    before = None if path.is_dir() else path.read_bytes()

    async def main() -> None:
        with pytest.raises(StoreError):
            async with ActorSystem(store=SqliteStore(path)):
                pytest.fail("the block was entered")

    asyncio.run(main())
    assert path.is_dir() or path.read_bytes() == before


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(StoreError, match="no folder"):
            await SqliteStore(tmp_path / "no" / "store.db").open()
        with pytest.raises(StoreError, match="no store"):
            await SqliteStore._for_reading(str(tmp_path / "no.db")).open()

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []


def test_bad_options_are_refused_as_it_is_made(path: Path) -> None:
    wrong: Any
    for wrong in ({"sync": "never"}, {"busy_timeout": -1}, {"timeout": 0}, {"max_event_bytes": 0}):
        with pytest.raises(ValueError, match="must be"):
            SqliteStore(path, **wrong)
    for wrong in (
        {"sync": None},
        {"busy_timeout": "x"},
        {"timeout": None},
        {"max_event_bytes": 1.5},
        {"no": 1},
    ):
        with pytest.raises(TypeError):
            SqliteStore(path, **wrong)
    for wrong in (None, 7):
        with pytest.raises(TypeError):
            SqliteStore(wrong)
    with pytest.raises(ValueError, match="path of a file"):
        SqliteStore("")


# -- what a write may meet -------------------------------------------------------------------------


async def test_a_lock_that_is_held_too_long_is_unavailable_and_then_over(path: Path) -> None:
    async with soon(), ActorSystem(store=SqliteStore(path, busy_timeout=0.05)) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            await ref.ask(Deposit(1))
        foreign.execute("ROLLBACK")
        foreign.close()
        assert await ref.ask(Deposit(1)) == 2
        assert ref.statistics().restarts == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if (
        os.name == "nt"
        or os.geteuid()
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("a small tmpfs takes the rights to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def _fill(ref: ActorRef[Account]) -> None:
    for _ in range(100):
        await do(ref, lambda account: account.persist(Noted("x" * 50_000)))


async def test_a_full_disk_is_told_and_works_again_when_there_is_room(small_disk: Path) -> None:
    async with soon(), ActorSystem(store=SqliteStore(small_disk / "store.db")) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(7))
        (small_disk / "other").write_bytes(b"x" * 300_000)
        with pytest.raises(StoreFullError):
            await _fill(ref)
        written = await do(ref, lambda account: len(account.state.notes))
        with pytest.raises(StoreFullError):
            await do(ref, lambda account: account.persist(Noted("x" * 500_000)))
        (small_disk / "other").unlink()
        assert await ref.ask(Deposit(1)) == 8
        assert ref.statistics().restarts == 0
    state = await balance(SqliteStore(small_disk / "store.db"), "ada")
    assert (state.cents, len(state.notes)) == (8, written)


def test_a_disk_that_cannot_be_written_to_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    async def main() -> None:
        with pytest.raises(StoreError):
            await SqliteStore(small_disk / "store.db").open()

    asyncio.run(main())


_LIMITED = """
import asyncio, resource, signal, sys
from actorio import ActorSystem
from actorio.errors import StoreFailedError
from actorio.persistence import SqliteStore
from tests.persistence.actors import Account, Noted, do

async def main():
    async with ActorSystem(store=SqliteStore(sys.argv[1])) as system:
        ref = await system.spawn(Account, name="ada")
        written = 0
        try:
            while True:
                await do(ref, lambda account: account.persist(Noted("x" * 50_000)))
                written += 1
        except StoreFailedError:
            print(written, flush=True)
        try:
            await system.store.position()
        except StoreFailedError:
            print("failed for good", flush=True)
        await asyncio.sleep(3600)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    asyncio.run(main())
except BaseExceptionGroup:
    print("gave up", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of file sizes")
def test_an_io_error_ends_the_store_for_good_and_the_system_gives_up(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    written, *rest = done.stdout.split("\n")
    assert rest[:2] == ["failed for good", "gave up"], done
    state = asyncio.run(balance(SqliteStore(path), "ada"))
    assert len(state.notes) >= int(written)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
async def test_a_forked_child_is_refused_and_the_parent_is_untouched(path: Path) -> None:
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        child = os.fork()
        if not child:
            code = 1
            try:
                assert not system.store.is_open
                try:
                    system.store.events()
                except StoreClosedError:
                    code = 0
            finally:
                os._exit(code)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert await ref.ask(Deposit(1)) == 2
        with pytest.raises(StoreInUseError):
            await SqliteStore(path).open()


# -- what becomes of the file ----------------------------------------------------------------------

AMOUNTS = range(1, 201)


async def _recovered(path: Path) -> int | None:
    try:
        return await balance_of(path)
    except StoreError:
        return None


async def balance_of(path: Path) -> int:
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Account, name="ada")
        cents: int = await ref.ask(Look())
        return cents


async def _write_events(path: Path) -> bytes:
    """Write 200 events, and return the file."""
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda account: account.persist(*map(Deposited, AMOUNTS)))
    return await asyncio.to_thread(path.read_bytes)


async def test_a_bit_that_flips_in_a_row_is_never_a_wrong_state(path: Path, tmp_path: Path) -> None:
    content = await _write_events(path)
    draw, refused = random.Random(1), 0
    target = tmp_path / "flipped.db"
    for amount in AMOUNTS:
        at = content.index(b'{"amount":%d}' % amount)
        place = at + draw.randrange(len(b'{"amount":%d}' % amount))
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        target.write_bytes(flipped)
        recovered = await _recovered(target)
        assert recovered in (None, sum(AMOUNTS)), amount
        refused += recovered is None
    assert refused == len(AMOUNTS)


async def test_pages_that_are_overwritten_or_cut_are_never_a_wrong_state(path: Path, tmp_path: Path) -> None:
    content, target = await _write_events(path), tmp_path / "cut.db"
    pages = len(content) // 4096
    for page in range(1, pages):
        target.write_bytes(content[: page * 4096] + b"\xa5" * 4096 + content[(page + 1) * 4096 :])
        assert await _recovered(target) in (None, sum(AMOUNTS)), page
        target.write_bytes(content[: page * 4096])
        assert await _recovered(target) in (None, sum(AMOUNTS)), page


async def test_a_wal_that_is_cut_is_a_consistent_prefix(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    async with soon(), ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Account, name="ada")
        for amount in range(1, 40):
            await ref.ask(Deposit(amount))
        for file in ("store.db", "store.db-wal"):
            shutil.copy(path.parent / file, folder / file)
    wal = (folder / "store.db-wal").read_bytes()
    database = (folder / "store.db").read_bytes()
    prefixes = {sum(range(1, last + 1)) for last in range(40)}
    draw = random.Random(1)
    for _ in range(30):
        for file in folder.iterdir():
            file.unlink()
        (folder / "store.db").write_bytes(database)
        (folder / "store.db-wal").write_bytes(wal[: draw.randrange(len(wal))])
        recovered = await _recovered(folder / "store.db")
        assert recovered is None or recovered in prefixes


def test_a_recovery_error_is_what_it_says() -> None:
    error = RecoveryError("no", "Account/ada", 7, "Deposited", 2)
    assert (error.durable_id, error.sequence, error.type, error.version) == ("Account/ada", 7, "Deposited", 2)
