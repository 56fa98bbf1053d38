"""Where a suspended task waits: its whole chain of awaits, and what stands at the end of it.

`Task.get_stack` shows the outermost coroutine only; the line that matters is the innermost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

from actorio._cell.frames import await_chain
from actorio._core.request import Request

__all__ = ["describe_waits"]

_MOST_TASKS = 40


def describe_waits(tasks: Iterable[asyncio.Task[Any]]) -> str:
    """Return a line for each task, the oldest first: its name, its awaits from the outside in, its target."""
    ordered = sorted(tasks, key=lambda task: (getattr(task, "birth", 0), task.get_name()))
    lines = [f"  {task.get_name()}: {_describe_wait(task)}" for task in ordered[:_MOST_TASKS]]
    if len(ordered) > _MOST_TASKS:
        lines.append(f"  and {len(ordered) - _MOST_TASKS} more")
    return "\n".join(lines)


def _describe_wait(task: asyncio.Task[Any]) -> str:
    chain = " > ".join(_await_chain(task.get_coro())) or "not started"
    target = _describe_target(getattr(task, "_fut_waiter", None))
    return f"{chain}, waits for {target}" if target else chain


def _await_chain(awaitable: object) -> Iterator[str]:
    for frame in await_chain(awaitable):
        code = frame.f_code
        yield f"{code.co_qualname} ({PurePath(code.co_filename).name}:{frame.f_lineno})"


def _describe_target(future: object) -> str:
    if isinstance(future, asyncio.Task):
        return f"task {future.get_name()}"
    if isinstance(future, Request):
        return f"the reply of {future.cell.path}"
    children = [_describe_target(child) for child in getattr(future, "_children", ()) if not child.done()]
    return f"all of: {', '.join(filter(None, children))}" if any(children) else ""
