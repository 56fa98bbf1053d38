"""The `Worker`: an actor whose messages are functions, run on the loop, in a thread or in a process.

Source: `Worker` of the *Python Cookbook*, recipe 12.10.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal

import anyio
import anyio.to_thread

from actorio._cell.current import in_thread_of
from actorio._core.scopes import shielded
from actorio.actor import Actor
from actorio.work.process import Process

__all__ = ["Worker"]

Runner = Literal["loop", "thread", "process"]


class Worker(Actor[Any]):
    """Runs what is submitted to it, one at a time: `result = worker.submit(func, *args)`.

    Coroutine functions always run on the loop. Plain functions run where `runner` says:

    - `loop`: in the actor's turn; they hold up the loop while they run.
    - `thread`: in a thread of anyio's pool. One that was cancelled runs to its end, and the next one waits for it.
      A kill of the worker does not wait: the thread goes on, and is named in the log and in `system.report`.
    - `process`: in a process of this worker's own, made when first needed, replaced when it dies. Cancelling
      the `Result` of running work kills the process. It ends with the worker, killed if it does not end in half a
      second, and with the main process, however that ends. The cause (`__cause__`) of an exception that it raises
      is the text of the traceback there.

    Args:
        runner: where plain functions run.
    """

    def __init__(self, runner: Runner = "loop") -> None:
        if runner not in ("loop", "thread", "process"):
            raise ValueError(f"runner must be 'loop', 'thread' or 'process', not {runner!r}")
        self._runner = runner
        self._process: Process | None = None

    def on_submit(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a function where the runner says, a coroutine function on the loop.

        Raises:
            WorkerError: when awaited: the function, an argument or the result cannot be sent between
                processes, or the process died.
        """
        if self._runner == "loop" or inspect.iscoroutinefunction(func):
            return func(*args, **kwargs)
        if self._runner == "thread":
            return self._in_thread(functools.partial(func, *args, **kwargs))
        if self._process is None:
            self._process = Process()
            # Not the submitter's contextvars: it lives as long as the incarnation.
            contextvars.Context().run(self.context.start_soon, self._end_process, self._process)
        return self._process.run(func, args, kwargs)

    async def _end_process(self, process: Process) -> None:
        """End the process with the incarnation, however that ends: there is no `on_stop` after a kill."""
        try:
            await asyncio.Event().wait()
        finally:
            await process.close()

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        """Run in a thread. A thread cannot be stopped: a first cancel waits for its end, a second gives it up."""
        value = None
        exits: list[BaseException] = []
        cell = self.context._own()
        runtime, here = cell.runtime, functools.partial(in_thread_of, cell, call)
        work = runtime.make_task(
            _call_in_thread(here, exits), f"{cell.path} thread", contextvars.copy_context()
        )
        work.add_done_callback(_look_at)  # a cancel leaves nobody who would
        try:
            value = await asyncio.shield(work)
        except asyncio.CancelledError:
            try:
                with shielded():
                    await asyncio.wait([work])
            except asyncio.CancelledError:
                runtime.abandon(work, "a thread cannot be stopped")
            if not exits:
                raise
        if exits:
            raise exits[0]
        return value


def _look_at(work: asyncio.Task[Any]) -> None:
    """Look at a failure that nobody waits for any more, or asyncio would tell of it."""
    if not work.cancelled():
        work.exception()


async def _call_in_thread(call: Callable[[], Any], exits: list[BaseException]) -> Any:
    try:
        return await anyio.to_thread.run_sync(call, limiter=anyio.CapacityLimiter(1))
    except (SystemExit, KeyboardInterrupt) as error:  # raised by this task, it would stop the loop at once
        exits.append(error)
