"""The last hooks of an incarnation, `on_undelivered` and `on_stop`, and the wait for what it has left running.

Each hook is a task of its own, which no cancel of the actor reaches, and has the actor's shutdown time.
"""

from __future__ import annotations

import asyncio
import inspect
from contextvars import Context as Variables
from functools import partial
from typing import TYPE_CHECKING, Any

from actorio._cell.sender_context import hook
from actorio._cell.state import KILL_GRACE
from actorio._cell.states import State, Verdict
from actorio._cell.turn import Turn
from actorio.errors import ExitReason, exit_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actorio._core.deadlines import Deadline

__all__ = ["LastHooks", "cancel_all", "run_hook"]


class LastHooks(Turn):
    """A cell's last hooks."""

    __slots__ = ()

    async def _call_last_hooks(self, reason: ExitReason, verdict: int) -> None:
        """Call those that the actor overrides: `on_undelivered` with what is left in its mailbox, then `on_stop`."""
        hooks = self.hooks
        if self.instance is None or hooks is None or self.options.shutdown == 0:
            return
        if verdict == Verdict.END and hooks.on_undelivered and reason is not ExitReason.KILLED:
            left = self._undelivered()
            if left:
                await self._last_hook("on_undelivered", left, reason)
        if hooks.on_stop and not self.must_end_at_once():
            await self._last_hook("on_stop", reason)

    async def _last_hook(self, name: str, *args: Any) -> None:
        """Run a hook in a task of its own, which no cancel of the actor reaches, within the shutdown time.

        Only a kill ends the wait; a failure is reported and becomes the actor's, if it had none.
        """
        function = getattr(self.instance, name)
        if (tell := self.observers.last_hook) is not None:
            tell(self, name)
        task = self.runtime.make_task(self._last_turn(function, args), f"{self.path} {name}", Variables())
        self.stopper = task
        late = await self._until_over([task])
        self.stopper = None
        if self.state == State.ENDED:
            return  # it was given up for dead meanwhile
        error = _outcome_of(task) or task.result()
        if late and isinstance(error, asyncio.CancelledError):
            error = TimeoutError(
                f"{name} of {self.path} took longer than shutdown={self.options.shutdown:g} s"
            )
        if error is not None and not (self.must_end_at_once() and isinstance(error, asyncio.CancelledError)):
            self.failed += 1
            self._report(error)
            self.error = error
            if (exit_ := exit_in(error)) is not None:
                self.runtime.end_by(exit_)

    async def _last_turn(self, function: Callable[..., Any], args: tuple[Any, ...]) -> BaseException | None:
        """Run a last hook as a turn of the actor, and return what it raised, as `run_hook` does."""
        self.run_queue.current = self
        try:
            return await run_hook(partial(hook, self, function, *args))
        finally:
            self._end_turn()

    async def _until_over(self, tasks: list[asyncio.Task[Any]]) -> bool:
        """Wait for tasks of the cell, and return whether its shutdown time was over first.

        Then they are cancelled, and twice the grace later those that are left are given up. The list is used up.
        Cancels are not passed on to them, but for those of a kill.
        """
        for task in tasks:
            task.add_done_callback(lambda _: self.wake())
        timers, limit = self.runtime.timers, self.options.shutdown
        alarm: Deadline | None = None
        is_late = False

        def late() -> None:  # the grace begins now: with a loop that was blocked, all would be over at once
            nonlocal alarm, is_late
            is_late = True
            cancel_all(tasks)
            alarm = timers.after(2 * KILL_GRACE, self.wake)

        alarm = None if limit is None else timers.after(limit, late)
        try:
            while _any_left(tasks) and self.state != State.ENDED and (alarm is None or alarm.pending):
                try:
                    await self
                except asyncio.CancelledError:
                    if self.must_end_at_once():
                        cancel_all(tasks)
        finally:
            if alarm is not None:
                alarm.cancel()
        if self.state != State.ENDED:  # otherwise they were named as it was given up
            self._abandon(tasks)
        return is_late

    def _abandon(self, tasks: Iterable[asyncio.Task[Any] | None]) -> None:
        for task in tasks:
            if task is not None and not task.done():
                self.runtime.abandon(task)


async def run_hook(function: Callable[..., Any], args: tuple[Any, ...] = ()) -> BaseException | None:
    """Run a hook that may be a plain function, and return what it raised.

    A task that raises SystemExit or KeyboardInterrupt stops the loop in the middle of everything.
    """
    try:
        outcome = function(*args)
        if inspect.isawaitable(outcome):
            await outcome
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return error
    return None


def _outcome_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Return what a task has raised, or that it does not end."""
    if not task.done():
        return TimeoutError(f"{task.get_name()} does not end, and was abandoned")
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _any_left(tasks: list[asyncio.Task[Any]]) -> bool:
    """Drop those at the end of the list that are done, and say whether any are left; thousands may end one by one."""
    while tasks and tasks[-1].done():
        tasks.pop()
    return bool(tasks)
