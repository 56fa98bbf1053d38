"""The tasks of an incarnation, beside its turns: `start_soon`, sources, interleaved calls. Its end cancels them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from actorio._cell.states import State
from actorio._cell.watch_and_link import WatchAndLink
from actorio.errors import ActorError, exit_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context as Variables

__all__ = ["Tasks"]


class Tasks(WatchAndLink):
    """A cell's tasks."""

    __slots__ = ()

    def start_soon(
        self, func: Callable[..., Any], args: tuple[Any, ...], variables: Variables, *, begun: bool = False
    ) -> asyncio.Task[Any]:
        """Start a task of this incarnation.

        One that is to be `begun` awaits `BEGIN` first, and gets there before this returns: a cancel before the first
        step of the task finds it there.
        """
        work = func(*args)
        if not inspect.isawaitable(work):
            raise TypeError(f"start_soon takes a coroutine function, not {func!r}")
        name = f"{self.path} {getattr(func, '__name__', 'task')}"
        background = self._background(work)
        if begun:
            background.send(None)
        task = self.start_task(background, name, variables)
        if isinstance(work, Coroutine):  # cancelled before its first step, it was never awaited
            task.add_done_callback(lambda _: work.close())
        task.add_done_callback(self._background_done)
        return task

    def start_task(
        self, work: Coroutine[Any, Any, Any], name: str, variables: Variables | None = None
    ) -> asyncio.Task[Any]:
        """Start a task that the end of the incarnation cancels."""
        task = self.runtime.make_task(work, name, variables)
        if self.tasks is None:
            self.tasks = {}
        self.tasks[task] = None
        return task

    async def _background(self, work: Awaitable[Any]) -> Any:
        try:
            return await work
        except (SystemExit, KeyboardInterrupt) as error:  # raised by a task, it would stop the loop at once
            self.fail_by_task(asyncio.current_task(), error)

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        error = _failure_of(task)
        if error is not None:
            self.fail_by_task(task, error)
        self.task_ended(task)

    def fail_by_task(self, task: asyncio.Task[Any] | None, error: BaseException) -> None:
        """Make the failure of a task this incarnation's; one that comes at its end or later is only told of."""
        if self.tasks is not None and task in self.tasks and self.state != State.STOPPING:
            self.fail_from_outside(error)
        else:
            self.failed += 1
            self._report(error)
            if (exit_ := exit_in(error)) is not None:
                self.runtime.end_by(exit_)

    def task_ended(self, task: asyncio.Task[Any]) -> None:
        """Forget a task, which a closed actor may have waited for."""
        if self.tasks is not None and self.tasks.pop(task, task) is None and self.mailbox.closed:
            self._poke()


def _failure_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Return what a background task has failed with; one that was cancelled, by whomever, has not."""
    if not task.cancelled():
        return task.exception()
    if task.cancelling():
        return None
    return ActorError(f"{task.get_name()} was cancelled from the inside")
