"""From the doors' thread to the loop of the system and back; a loop that is blocked is not waited for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from actorio.errors import ActorStoppedError

if TYPE_CHECKING:
    from actorio._tree.runtime import Runtime

__all__ = ["Bridge", "Unavailable"]

R = TypeVar("R")

PATIENCE = 1.0
"""Seconds for which the loop of the system is waited for."""


class Unavailable(Exception):
    """The loop of the system did not answer in time; nothing will be done."""


class Bridge:
    """Has work done on the system's loop.

    Args:
        runtime: of the system.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tasks: dict[concurrent.futures.Future[Any], asyncio.Task[Any]] = {}

    async def run(self, work: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Return what `work` returns, or awaits, on the system's loop.

        Raises:
            Unavailable: that loop did not begin it in time, or has ended; it never will.
            TimeoutError: it began, and did not end in time; it is cancelled.
        """
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            self._runtime.from_thread(lambda: self._begin(work, future), None)
        except ActorStoppedError:
            raise Unavailable from None
        waiting = asyncio.wrap_future(future)
        await asyncio.wait([waiting], timeout=patience)
        if waiting.done():
            return waiting.result()
        if future.cancel():
            waiting.cancel()
            raise Unavailable
        await asyncio.wait([waiting], timeout=patience)
        if not waiting.done():
            self._runtime.loop.call_soon_threadsafe(self._cancel, future)
            raise TimeoutError
        return waiting.result()

    def tell(self, work: Callable[[], Any]) -> None:
        """Do work on the system's loop, sometime, if it still runs."""
        with contextlib.suppress(ActorStoppedError):
            self._runtime.from_thread(work, None)

    def _begin(self, work: Callable[[], Any], future: concurrent.futures.Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            outcome = work()
        except BaseException as error:
            future.set_exception(error)
            return
        if not isinstance(outcome, Coroutine):
            future.set_result(outcome)
            return
        task = self._runtime.make_task(outcome, f"observatory of {self._runtime.name}: a request")
        self._tasks[future] = task
        task.add_done_callback(lambda _: self._done(future, task))

    def _done(self, future: concurrent.futures.Future[Any], task: asyncio.Task[Any]) -> None:
        self._tasks.pop(future, None)
        if task.cancelled():
            future.set_exception(TimeoutError())
        elif (error := task.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result(task.result())

    def _cancel(self, future: concurrent.futures.Future[Any]) -> None:
        task = self._tasks.get(future)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Cancel what was not ended; on the system's loop."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
