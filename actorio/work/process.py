"""The process of a worker: made when first needed, given one piece of work at a time, replaced when it has died.

It outlives nobody: it ends with its worker, by a kill if it does not react, and with the main process, however
that has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any

from actorio._core.scopes import shielded
from actorio.errors import WorkerError
from actorio.work.packing import name_of, pack, run_packed, unpack

__all__ = ["Process"]

END_GRACE = 0.5
"""Seconds that a process without work has to end by itself."""


class Process:
    """One process, and its replacement when it dies."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a function in the process.

        Raises:
            WorkerError: the function, an argument or the result cannot be sent, or the process died at it.

        Cancellation: kills the process.
        """
        payload = pack(func, args, kwargs)
        if self._pool is not None and not _all_live(self._members()):
            await self.close()  # it died without work: no one needs to hear of it
        if self._pool is None:  # never forked: a fork of a process with threads and a loop may hang
            self._pool = ProcessPoolExecutor(
                max_workers=1, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent
            )
        try:
            with _signals_held_back():
                running = self._pool.submit(run_packed, payload)
            packed = await asyncio.wrap_future(running)
        except BrokenExecutor as error:
            await self.close()
            raise WorkerError(
                f"the process died while it ran {name_of(func)}; a new one takes its place"
            ) from error
        except asyncio.CancelledError:
            await self.close(grace=0)
            raise
        return unpack(func, packed)

    async def close(self, grace: float = END_GRACE) -> None:
        """Wait until the process and the pool's threads are gone.

        Args:
            grace: seconds after which the process is killed, whatever it is at.

        Cancellation: kills the process, and waits for that; a further one ends the wait.
        """
        members = self._members()
        pool, self._pool = self._pool, None
        if pool is None:
            return
        loop = asyncio.get_running_loop()
        gone = loop.create_future()

        def close() -> None:
            pool.shutdown(wait=True)
            with contextlib.suppress(RuntimeError):  # nobody waits any longer, and the loop is closed
                loop.call_soon_threadsafe(_set_result, gone)

        thread = threading.Thread(target=close, name="actorio closes a worker's process", daemon=True)
        thread.start()
        try:
            await asyncio.wait([gone], timeout=grace)
        finally:
            _kill(members)
            with shielded():
                await gone
            thread.join()

    def _members(self) -> Sequence[BaseProcess]:
        """Return the process, as the pool knows it."""
        return () if self._pool is None else tuple((self._pool._processes or {}).values())

    def __del__(self) -> None:
        """A killed actor has no `on_stop`: end the process without waiting."""
        if self._pool is not None:
            _kill(self._members())
            self._pool.shutdown(wait=False, cancel_futures=True)


def _all_live(members: Sequence[BaseProcess]) -> bool:
    # By the sentinels: `is_alive` still says so while the pool's thread is reading the exit status.
    return bool(members) and not connection.wait([process.sentinel for process in members], timeout=0)


def _kill(members: Sequence[BaseProcess]) -> None:
    for process in members:
        process.kill()


def _set_result(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _end_with_parent() -> None:
    """In the process: have it end when its parent has, even in the middle of its work.

    A parent that is killed cannot tell it to, and the queue that it reads has no end of file, as it holds the
    other end itself. The sentinel has: no other process inherits its other end.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="actorio watches the parent", daemon=True).start()


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Have a process that starts meanwhile ignore Ctrl-C: its parent ends it in order.

    A terminal sends SIGINT to the whole group. The mask is inherited; an initializer would come too late, while
    the process is still importing.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
