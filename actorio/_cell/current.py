"""Whose code runs here: the actor in whose turn, hook or owned task it does, or whose worker's thread this is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from actorio._cell.owned.interleave import InterleavedCall
from actorio._cell.turn import Turn

if TYPE_CHECKING:
    from actorio._cell.state import CellState

__all__ = ["current_cell", "in_thread_of", "owner_of"]

R = TypeVar("R")


class _Thread(threading.local):
    """Whom this thread works for."""

    cell: Any = None


_thread = _Thread()


def current_cell() -> CellState | None:
    """Return the actor whose turn, hook, owned task or worker's thread runs this code; None anywhere else."""
    loop = asyncio._get_running_loop()
    if loop is None:
        return _thread.cell  # type: ignore[no-any-return]
    task = asyncio.current_task(loop)
    run_queue = getattr(loop, "actorio_run_queue", None)
    running: Any = None if run_queue is None else run_queue.current
    if running is not None and task in (
        running.task,
        running.stopper,
    ):  # not one that it makes, begun at once
        return running.cell if isinstance(running, InterleavedCall) else running  # type: ignore[no-any-return]
    owner = None if task is None else owner_of(task)
    return _thread.cell if owner is None else owner


def owner_of(task: asyncio.Task[Any]) -> CellState | None:
    """Return the actor that owns a task: it says so itself, in the frame of its outermost coroutine."""
    coroutine = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None or frame.f_code not in _OWNED:
        return None
    owner = frame.f_locals.get("self")
    return owner.cell if isinstance(owner, InterleavedCall) else owner  # type: ignore[no-any-return]


def in_thread_of(cell: CellState, work: Callable[[], R]) -> R:
    """Do work in a thread that the actor has sent it to."""
    _thread.cell = cell
    try:
        return work()
    finally:
        _thread.cell = None


_OWNED = frozenset({Turn._background.__code__, InterleavedCall._live.__code__})
