"""The tasks of a node: those of its whole time in the cluster, and those of one lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

__all__ = ["Tasks", "at_most"]


class Tasks:
    """Tasks that are cancelled together; the failure of one is a bug of this package, and never silent.

    Args:
        runtime: makes them.
        owner: for their names.
    """

    def __init__(self, runtime: Any, owner: str) -> None:
        self._runtime = runtime
        self._owner = owner
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self.is_closed = False

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Begin work in a task."""
        task: asyncio.Task[Any] = self._runtime.make_task(work, f"{self._owner}: {name}")
        self._tasks[task] = None
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.is_closed:
            self._runtime.broken(task.get_name(), error)

    def cancel(self) -> None:
        """Cancel all but the one that calls this."""
        current = asyncio.current_task()
        for task in list(self._tasks):
            if task is not current:
                task.cancel()

    async def close(self) -> None:
        """Cancel all, and wait until they are gone."""
        self.is_closed = True
        self.cancel()
        current = asyncio.current_task()
        left = [task for task in self._tasks if task is not current]
        if left:
            await asyncio.wait(left, timeout=1.0)


@contextlib.asynccontextmanager
async def at_most(seconds: float) -> AsyncIterator[None]:
    """Go on after so many seconds, whatever is awaited in the block."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        pass
