"""The embedded store: one file of SQLite, one thread that writes, one that reads.

SQLite below 3.51.3 can damage a file when two connections write or checkpoint at once. So one connection writes, the
one that reads is opened `mode=ro`, and a lock on `<path>.lock` keeps other processes and store objects away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVarTuple, Unpack
from urllib.parse import quote

from actorio._core.checks import check_duration
from actorio._core.typevar import TypeVar
from actorio.errors import (
    OutcomeUnknownError,
    StoreError,
    StoreFailedError,
    StoreFullError,
    StoreInUseError,
    StoreUnavailableError,
)
from actorio.persistence import _sqlite_read, _sqlite_write
from actorio.persistence._file_lock import FileLock
from actorio.persistence._rows import ActorRow, EventRow, Loaded, OffsetRow, Write
from actorio.persistence._sqlite_schema import check_schema, make_schema
from actorio.persistence.store import Store

__all__ = ["SqliteStore"]

R = TypeVar("R")
Ts = TypeVarTuple("Ts")

logger = logging.getLogger("actorio")

_MEMORY = ":memory:"
_LONGEST_BUSY = 2_000_000.0
"""Seconds: SQLite counts milliseconds in 32 bits."""
_MAGIC = b"SQLite format 3\0"
_kept_open: list[sqlite3.Connection] = []
"""Connections that a forked child has inherited: closed there, one would do its last work on the parent's file."""


class SqliteStore(Store):
    """A store in one file. What it has acknowledged survives kill -9 and, with `sync="full"`, power loss.

    Args:
        path: of the file, which is made if it is not there; `":memory:"` is a store that ends with its block.
        sync: `"full"` syncs each group to the disk; `"normal"` is faster, and power loss may undo the last groups.
        busy_timeout: seconds that a write waits for a foreign lock on the file.
        options: as of every `Store`.
    """

    _has_sql = True

    def __init__(
        self, path: str | os.PathLike[str], *, sync: str = "full", busy_timeout: float = 5.0, **options: Any
    ) -> None:
        super().__init__(**options)
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"path must be a str or a path, not {type(path).__name__}")
        if not isinstance(sync, str):
            raise TypeError(f"sync must be a str, not {type(sync).__name__}")
        if sync not in ("full", "normal"):
            raise ValueError(f"sync must be 'full' or 'normal', not {sync!r}")
        self.path = os.fspath(path)
        if not self.path or "\0" in self.path:
            raise ValueError(f"path must be the path of a file, not {self.path!r}")
        self._sync = sync
        self._busy_timeout = check_duration("busy_timeout", busy_timeout)
        self._in_memory = self.path == _MEMORY
        self._full_path = str(Path(self.path).resolve())
        self._read_only = False
        self._lock: FileLock | None = None
        self._content: object = self
        self._warned = self._has_lost = False
        self._writing: sqlite3.Connection | None = None
        self._reading_: sqlite3.Connection | None = None
        self._under_way: asyncio.Future[Any] | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._reader: ThreadPoolExecutor | None = None

    @classmethod
    def _for_reading(cls, path: str) -> SqliteStore:
        """Return a store that only reads, without the lock: beside a system that writes."""
        store = cls(path)
        store._read_only = True
        return store

    def __repr__(self) -> str:
        return f"<SqliteStore {self.path}>"

    @property
    def _identity(self) -> object:
        return self._content

    # -- its life ----------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._content = object() if self._in_memory else self._full_path
        if not self._in_memory:
            self._check_file()
            self._take_lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="actorio-sqlite-write")
        # In memory there is one connection, and so one thread.
        self._reader = (
            self._writer
            if self._in_memory
            else ThreadPoolExecutor(1, thread_name_prefix="actorio-sqlite-read")
        )
        try:
            self._under_way = asyncio.get_running_loop().run_in_executor(self._writer, self._connect)
            await asyncio.shield(self._under_way)  # cancelled, it goes on, and `_close` waits for it
        except BaseException:
            await self._close()
            raise
        if self._sync == "normal" and not self._warned:
            self._warned = True
            logger.warning('%r has sync="normal": power loss may undo what it has acknowledged', self)

    def _check_file(self) -> None:
        """Refuse what is no store before anything is made beside it."""
        path = Path(self.path)
        try:
            with path.open("rb") as file:
                begin = file.read(len(_MAGIC))
        except FileNotFoundError:
            if self._read_only or not path.parent.is_dir():
                raise StoreError(
                    f"there is no {'store' if self._read_only else 'folder for'} {self.path}"
                ) from None
            return
        except OSError as error:
            raise StoreError(f"{self.path} cannot be opened: {error}") from error
        if begin and begin != _MAGIC:
            raise StoreError(f"{self.path} is not a database of SQLite, and not a store of actorio")

    def _take_lock(self) -> None:
        if self._read_only:
            return
        lock = FileLock(f"{Path(self.path).resolve()}.lock")  # one lock, by whatever link the file is reached
        try:
            taken = lock.acquire()
        except OSError as error:
            raise StoreError(f"{lock.path} cannot be opened: {error}") from error
        if not taken:
            raise StoreInUseError(f"{self.path} is in use: another process or store object holds {lock.path}")
        self._lock = lock

    def _connect(self) -> None:
        try:
            if not self._read_only:
                self._writing = self._connect_to_write()
            reading = self._writing if self._in_memory else self._connect_to_read()
            self._reading_ = reading
            if self._read_only and reading is not None and not check_schema(reading, self.path):
                raise StoreError(f"{self.path} is empty, and not a store of actorio")
            assert reading is not None
            self._has_lost = _sqlite_read.lost_heads(reading)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            kind = (
                StoreUnavailableError if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else StoreError
            )
            raise kind(f"{self.path} cannot be opened: {error}") from error

    def _connect_to_write(self) -> sqlite3.Connection:
        if not self._in_memory and not Path(self.path).exists():
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would ask the umask
        connection = sqlite3.connect(
            self.path,
            timeout=min(self._busy_timeout, _LONGEST_BUSY),
            isolation_level=None,
            check_same_thread=False,
        )
        self._writing = connection  # so that it is closed whatever follows
        is_there = check_schema(connection, self.path)
        for pragma in ("journal_mode = WAL", f"synchronous = {self._sync}", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync = 1")
        if not is_there:
            make_schema(connection)
        return connection

    def _connect_to_read(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(self.path)}?mode=ro",
            uri=True,
            timeout=min(self._busy_timeout, _LONGEST_BUSY),
            isolation_level=None,
            check_same_thread=False,
        )

    async def _close(self) -> None:
        writer, self._writer = self._writer, None
        reader, self._reader = self._reader, None
        under_way, self._under_way = self._under_way, None
        if writer is None or reader is None:
            self._end_writing()
            return
        left: list[tuple[ThreadPoolExecutor, Callable[[], None]]]
        left = [(reader, self._end_reading), (writer, self._end_writing)]
        try:
            if under_way is not None and not under_way.done():
                await asyncio.wait([under_way])
            while left:
                await asyncio.shield(asyncio.get_running_loop().run_in_executor(*left.pop(0)))
        finally:
            for executor, end in left:  # cancelled: the threads do it once they are through
                executor.submit(end)
            for executor in (reader, writer):
                executor.shutdown(wait=False)

    def _end_reading(self) -> None:
        if not self._in_memory:
            reading, self._reading_ = self._reading_, None
            if reading is not None:
                reading.close()

    def _end_writing(self) -> None:
        """Close the connection that writes, and let others have the file."""
        writing, self._writing = self._writing, None
        try:
            if writing is not None:
                writing.close()
        finally:
            if self._in_memory:
                self._reading_ = None
            lock, self._lock = self._lock, None
            if lock is not None:
                lock.release()

    def _after_fork(self) -> None:
        super()._after_fork()
        _kept_open.extend(one for one in (self._writing, self._reading_) if one is not None)
        if self._lock is not None:
            self._lock.release()

    # -- threads -----------------------------------------------------------------------------------

    async def _run(
        self, executor: ThreadPoolExecutor, work: Callable[[Unpack[Ts]], R], *args: Unpack[Ts]
    ) -> R:
        return await asyncio.get_running_loop().run_in_executor(executor, work, *args)

    async def _read_by(
        self, work: Callable[[sqlite3.Connection, Unpack[Ts]], R], *args: Unpack[Ts], whose: str | None = None
    ) -> R:
        assert self._reader is not None
        assert self._reading_ is not None
        try:
            return await self._run(self._reader, work, self._reading_, *args)
        except sqlite3.Error as error:
            raise _sqlite_read.read_error(error, whose) from error

    async def _write_by(self, work: Callable[[sqlite3.Connection, Unpack[Ts]], R], *args: Unpack[Ts]) -> R:
        if self._writer is None or self._writing is None:
            raise StoreError(f"{self!r} was opened for reading")
        under_way = asyncio.get_running_loop().run_in_executor(self._writer, work, self._writing, *args)
        self._under_way = under_way
        try:
            return await asyncio.shield(under_way)  # once begun it goes on, and `_close` waits for it
        except sqlite3.Error as error:
            raise self._write_error(error) from error

    def _write_error(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary == sqlite3.SQLITE_FULL:
            return StoreFullError(f"there is no room for {self.path}: {error}")
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreUnavailableError(f"{self.path} is locked: {error}")
        return StoreFailedError(f"{self!r} has failed in a write: {error}")

    # -- the backend -------------------------------------------------------------------------------

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        outcomes = await self._write_by(_sqlite_write.write_group, group)
        if any(write.erase for write in group) and not self._in_memory:
            outcomes = await self._purge(group, outcomes)
        return outcomes

    async def _purge(
        self, group: Sequence[Write], outcomes: list[int | StoreError]
    ) -> list[int | StoreError]:
        """Get what was erased out of the WAL as well; a reader of another process may be in the way for a while."""
        try:
            gone = await self._write_by(_sqlite_write.truncate_wal)
        except StoreUnavailableError:
            gone = False
        if gone:
            return outcomes
        return [
            OutcomeUnknownError(
                "it is erased, but a reader of the file keeps it in the WAL", write.durable_id
            )
            if write.erase and isinstance(outcome, int)
            else outcome
            for write, outcome in zip(group, outcomes, strict=True)
        ]

    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        return await self._read_by(_sqlite_read.load, ids, self._has_lost)

    async def _read(self, durable_id: str, after: int, limit: int) -> Sequence[EventRow]:
        return await self._read_by(_sqlite_read.read, durable_id, after, limit, whose=durable_id)

    async def _read_all(
        self, after: int, limit: int, kinds: Sequence[str], key: str | None, tag: str | None
    ) -> Sequence[EventRow]:
        return await self._read_by(_sqlite_read.read_all, after, limit, kinds, key, tag)

    async def _due(self, before: float, limit: int, kinds: Sequence[str]) -> Sequence[tuple[str, float]]:
        return await self._read_by(_sqlite_read.due, before, limit, kinds)

    async def _offset(self, projection: str) -> OffsetRow | None:
        return await self._read_by(_sqlite_read.offset, projection)

    async def _offsets(self) -> Sequence[OffsetRow]:
        return await self._read_by(_sqlite_read.offsets)

    async def _commit(
        self,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        await self._write_by(_sqlite_write.commit, projection, expected, position, statements)

    async def _reset(self, projection: str) -> bool:
        return (
            await self._write_by(
                _sqlite_write.count, "UPDATE offsets SET reset = 1 WHERE projection = ?", projection
            )
            > 0
        )

    async def _drop(self, projection: str) -> bool:
        return (
            await self._write_by(_sqlite_write.count, "DELETE FROM offsets WHERE projection = ?", projection)
            > 0
        )

    async def _position(self) -> int:
        return await self._read_by(_sqlite_read.position)

    async def _ids(self, kind: str | None, after: str, limit: int, *, all: bool = False) -> list[str]:
        return await self._read_by(_sqlite_read.ids, kind, after, limit, all)

    async def _info(self, durable_id: str) -> tuple[ActorRow | None, int, float | None, float | None]:
        return await self._read_by(_sqlite_read.info, durable_id, whose=durable_id)

    async def _compact(self) -> None:
        await self._write_by(_sqlite_write.vacuum)

    async def _insert(self, rows: Sequence[Any], position: int) -> None:
        await self._write_by(_sqlite_write.insert_rows, rows, position)

    async def _clear(self) -> None:
        await self._write_by(_sqlite_write.clear)

    async def _problems(self) -> Sequence[str]:
        return await self._read_by(_sqlite_read.problems)
