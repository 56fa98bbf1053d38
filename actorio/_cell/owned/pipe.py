"""`context.pipe`: what an awaitable comes to arrives as a message, while the actor goes on with its mail.

Source: `pipeToSelf` of Akka.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actorio._cell.owned.delivery import deliver
from actorio._core.acceleration import COROUTINES
from actorio._core.checks import check_plain_function, kind_of
from actorio.errors import AskCancelledError

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["PipeFailed", "pipe"]


@dataclass(frozen=True, slots=True)
class PipeFailed:
    """The message that arrives when what was piped has failed, unless the pipe says otherwise."""

    error: Exception


def pipe(
    cell: Cell,
    awaitable: Awaitable[Any],
    value: Callable[[Any], Any] | None,
    error: Callable[[Exception], Any] | None,
) -> asyncio.Task[Any]:
    """Await it in a task of the incarnation, and send what it comes to to it, unless it has ended."""
    if not inspect.isawaitable(awaitable):
        raise TypeError(f"pipe takes an awaitable, not {kind_of(awaitable)}")
    for name, function in (("value", value), ("error", error)):
        if function is not None:
            check_plain_function(name, function)

    async def piped() -> None:
        try:
            came = await awaitable
            message = came if value is None else value(came)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise  # the incarnation ends
            cancelled = AskCancelledError("what was piped was cancelled")
            message = PipeFailed(cancelled) if error is None else error(cancelled)
        except Exception as failure:
            message = PipeFailed(failure) if error is None else error(failure)
        await deliver(cell, message)

    task = cell.start_soon(piped, (), copy_context())
    if isinstance(awaitable, COROUTINES):  # cancelled before its first step, it would never have been awaited
        task.add_done_callback(lambda _: awaitable.close())
    return task
