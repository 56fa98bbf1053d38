"""The thread that writes capsules: each at once or not at all, for its user alone, and no more than there may be."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import json
import logging
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from actorio._cell.naming import class_of
from actorio.capsule.naming import type_name
from actorio.observability.capsules import Draft, lines_of

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Writer", "capsule_of"]

logger = logging.getLogger("actorio")

_MOST_KEYS = 1000
_MOST_PENDING = 16
_MOST_FAILURES = 200
_SUFFIX = ".capsule.json"


_open_ones: WeakKeyDictionary[Any, Writer] = WeakKeyDictionary()
"""The one of each system whose recorder runs."""


def capsule_of(runtime: Any, path: str, incarnation: int) -> str | None:
    """Return the name of the capsule of a failure, None where none was written; from any thread."""
    writer = _open_ones.get(runtime)
    return None if writer is None else writer.failures.get((path, incarnation))


class Writer:
    """Writes capsules into a folder by a thread of its own, which lives from the first one to the end.

    Args:
        runtime: of the system.
        folder: made with mode 0700 if it is not there.
        every: seconds in which there is one at most of a class, type of error and line; 0: no limit.
        most: files beyond which the oldest goes.
    """

    def __init__(self, runtime: Any, folder: Path, every: float, most: int) -> None:
        self._runtime = runtime
        self.failures: dict[tuple[str, int], str] = {}
        """The names of the last capsules of failures, by actor and incarnation."""
        self._folder = folder
        self._every = every
        self._most = most
        self._last: dict[tuple[str, str, str], float] = {}
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        self._pending: dict[concurrent.futures.Future[Path], None] = {}
        self._written: list[Path] = []
        self._has_warned = False
        self.is_open = False

    def open(self) -> None:
        """Make the folder.

        Raises:
            OSError: that cannot be done.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.is_open = True
        _open_ones[self._runtime] = self

    async def close(self) -> None:
        """Wait until all is written."""
        self.is_open = False
        _open_ones.pop(self._runtime, None)
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            for future in tuple(self._pending):
                with contextlib.suppress(Exception):  # it was told of by then
                    await asyncio.wrap_future(future)
        finally:
            pool.shutdown(wait=True)

    def written(self) -> list[Path]:
        """Return what was written and is still there."""
        return [path for path in tuple(self._written) if path.exists()]

    def wants(self, cell: Cell, error: BaseException) -> bool:
        """Tell whether there was no such failure of late; counts it."""
        if not self.is_open:
            return False
        lines = lines_of(error)
        where = f"{lines[-1][0].co_filename}:{lines[-1][1]}" if lines else ""
        key = class_of(cell), type_name(type(error)), where
        now = time.monotonic()
        last = self._last.pop(key, None)
        if last is not None and now - last < self._every:
            self._last[key] = last
            return False
        if len(self._last) >= _MOST_KEYS:
            del self._last[next(iter(self._last))]
        self._last[key] = now
        return True

    def write_soon(self, draft: Draft) -> None:
        """Write it by the thread; where many wait already it is left out, and that is told once."""
        if len(self._pending) >= _MOST_PENDING:
            self._warn("too many capsules are waiting to be written", draft)
            return
        self._submit(draft).add_done_callback(lambda future: self._check(future, draft))

    async def write_now(self, draft: Draft) -> Path:
        """Write it by the thread, and return its path."""
        return await asyncio.shield(asyncio.wrap_future(self._submit(draft)))

    def _submit(self, draft: Draft) -> concurrent.futures.Future[Path]:
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(1, "actorio capsules")
        future = self._pool.submit(self._write, draft)
        self._pending[future] = None
        future.add_done_callback(lambda done: self._pending.pop(done, None))
        return future

    def _check(self, future: concurrent.futures.Future[Path], draft: Draft) -> None:
        error = future.exception()
        if error is not None:
            self._warn(f"a capsule could not be written: {type(error).__name__}: {error}", draft)

    def _warn(self, what: str, draft: Draft) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning("%s (told once)", what, extra=draft.log_fields)

    # -- by the thread -----------------------------------------------------------------------------

    def _write(self, draft: Draft) -> Path:
        capsule = draft.encode()
        content = json.dumps(capsule, allow_nan=False).encode()  # `indent` is slow, and makes cyclic garbage
        path = self._free_path(capsule)
        draft_path = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            file = os.open(draft_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as opened:
                opened.write(content)
            draft_path.replace(path)
        except BaseException:
            draft_path.unlink(missing_ok=True)
            raise
        self._written.append(path)
        self._note_failure(capsule, path)
        self._remove_oldest()
        return path

    def _note_failure(self, capsule: dict[str, Any], path: Path) -> None:
        if capsule["reason"] == "failed":
            self.failures[capsule["path"], capsule["incarnation"]] = path.name
        if len(self.failures) > _MOST_FAILURES:
            del self.failures[next(iter(self.failures))]

    def _free_path(self, capsule: dict[str, Any]) -> Path:
        error = capsule["error"]
        kind = capsule["reason"] if error is None else error["type"].rpartition(".")[2]
        when = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        name = f"{when}-{_slug(capsule['class'].rpartition('.')[2])}-{_slug(kind)}"
        path, number = self._folder / f"{name}{_SUFFIX}", 1
        while path.exists():
            number += 1
            path = self._folder / f"{name}-{number}{_SUFFIX}"
        return path

    def _remove_oldest(self) -> None:
        files = sorted(self._folder.glob(f"*{_SUFFIX}"))
        for path in files[: max(0, len(files) - self._most)]:
            path.unlink(missing_ok=True)
        self._written = [path for path in self._written if path.exists()]


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)[:60]
