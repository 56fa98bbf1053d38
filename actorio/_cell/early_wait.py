"""A start that has begun before its task had a step, and waits: what becomes of what it awaits meanwhile."""

from __future__ import annotations

import asyncio
import types
from asyncio.tasks import _enter_task, _leave_task
from contextvars import Context
from typing import TYPE_CHECKING, Any

from actorio._cell.mailbox_loop import rest
from actorio._core.run_queue import Waiter

if TYPE_CHECKING:
    from collections.abc import Generator

    from actorio._cell.sender_context import Steps
    from actorio._core.run_queue import RunQueue

__all__ = ["EarlyWait", "in_task"]


class EarlyWait:
    """The steps of a start, and what they await.

    A future stays done until its task looks. A `Waiter` of ours only wakes who waits for it at that moment: until the
    task does, this stands in.
    """

    __slots__ = ("_awaited", "_is_woken", "_steps", "cancelled")

    def __init__(self, steps: Steps, awaited: Any) -> None:
        self._steps = steps
        self._awaited = awaited
        self._is_woken = False
        self.cancelled: asyncio.CancelledError | None = None
        """The cancel that the task was shown in its first step."""
        if isinstance(awaited, Waiter):
            awaited.add_done_callback(self._woken, context=Context())

    def _woken(self, seen: asyncio.Future[None]) -> None:
        self._is_woken = True

    @types.coroutine
    def rest(self) -> Generator[Any, Any, None]:
        """Run the rest of the start, in its task."""
        steps, awaited = self._steps, self._awaited
        cancelled, self.cancelled = self.cancelled, None
        if isinstance(awaited, Waiter):
            awaited.callback = None
        try:
            if cancelled is not None:
                awaited = steps.throw(cancelled)
            elif self._is_woken:
                awaited = steps.send(None)
        except StopIteration:
            return
        finally:
            cancelled = None  # or the traceback and this frame would keep each other alive
        yield from rest(steps, awaited)


class in_task:  # noqa: N801 (as a context manager that is a function is called; half the time of that)
    """A block in which `current_task()` is another task, and nobody's turn runs."""

    __slots__ = ("_current", "_outer", "_run_queue", "_task")

    def __init__(self, run_queue: RunQueue, task: asyncio.Task[Any]) -> None:
        self._run_queue = run_queue
        self._task = task

    def __enter__(self) -> None:
        run_queue = self._run_queue
        loop = run_queue.loop
        self._current, run_queue.current = run_queue.current, None
        outer = self._outer = asyncio.current_task(loop)
        if outer is not None:
            _leave_task(loop, outer)
        _enter_task(loop, self._task)

    def __exit__(self, *error: object) -> None:
        run_queue = self._run_queue
        loop = run_queue.loop
        run_queue.current = self._current
        _leave_task(loop, self._task)
        if self._outer is not None:
            _enter_task(loop, self._outer)
