"""Where the turn of an actor stands: whether it is in one, and the frames of that, outermost first.

The stacks of asyncio end at the loop that takes the turns: a handler is stepped by hand, so that nothing awaits it. The
walk goes on through the coroutine that `suspended`, or the actor's own loop, steps.
"""

from __future__ import annotations

import gc
import sys
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any

from actorio._cell.mailbox_loop import rest
from actorio._cell.own_loop import own_loop
from actorio._cell.sender_context import suspended
from actorio._cell.states import State
from actorio._core.envelope import NO_MESSAGE
from actorio._core.whose_code import own_line

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator

    from actorio._cell.state import CellState

__all__ = ["await_chain", "in_turn", "lines_at_work", "note_stepping", "running_frames", "turn_frames"]

_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED = ("cr_await", "gi_yieldfrom", "ag_await")
_STEPPED = (CoroutineType, AsyncGeneratorType, GeneratorType)
_STEPPING = {suspended.__code__: "step", rest.__code__: "work"}
"""What yields what another coroutine awaits, and under which name it has that coroutine."""


def note_stepping(code: CodeType, name: str) -> None:
    """Walk on, from a frame of this code, to the coroutine that it has under this name."""
    _STEPPING[code] = name


def in_turn(cell: CellState) -> bool:
    """Tell whether a message, a call, submitted work or a hook of the actor has begun and not ended.

    An own loop between two messages is in no turn.
    """
    if cell.stopper is not None:
        return True
    if cell.run_queue.current is cell:
        return cell.message is not NO_MESSAGE or cell.state != State.RUNNING or not _owns_loop(cell)
    if (
        cell.task is None or cell.callback is not None
    ):  # its task awaits the cell itself: mail, or its next go
        return False
    return cell.message is not NO_MESSAGE or _is_stepped(cell.task)


def turn_frames(cell: CellState) -> list[FrameType]:
    """Return the frames of the actor's turn, outermost first, those of actorio among them; none between turns.

    A turn that runs at this moment is found on the stack of the system's thread, from wherever this is called.
    """
    if not in_turn(cell):
        return []
    if cell.run_queue.current is cell:
        return running_frames(cell.runtime.thread)
    task = cell.task if cell.stopper is None else cell.stopper
    return [] if task is None else list(await_chain(task.get_coro()))


def running_frames(thread: int) -> list[FrameType]:
    """Return the frames that run in a thread at this moment, outermost first: from the turn on, if one runs there."""
    frames = []
    frame = sys._current_frames().get(thread)
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    frames.reverse()
    turn = (number for number, one in enumerate(frames) if one.f_globals.get("__package__") == __package__)
    return frames[next(turn, 0) :]


def await_chain(awaitable: object) -> Iterator[FrameType]:
    """Yield the frames of a suspended coroutine and of all that it awaits, from the outside in."""
    thing = awaitable
    while thing is not None:
        frame = _first(thing, _FRAMES)
        if frame is None:
            thing = next((one for one in gc.get_referents(thing) if isinstance(one, _STEPPED)), None)
            continue
        yield frame
        awaited = _first(thing, _AWAITED)
        thing = awaited if awaited is not None and frame.f_code not in _STEPPING else _stepped_by(frame)


def lines_at_work(cells: Iterable[CellState]) -> Iterator[str]:
    """Yield, for these actors and all below them, each task that is at code of their own, and the line it is at."""
    left = list(cells)
    for cell in left:
        if cell.children is not None:
            left.extend(cell.children.table.values())
        for task in (cell.stopper or cell.task, *(cell.tasks or ())):
            line = None if task is None else own_line(await_chain(task.get_coro()))
            if task is not None and line is not None:
                yield f"{task.get_name()} at {line}"


def _stepped_by(frame: FrameType) -> object:
    """Return the coroutine that this frame of actorio steps by hand, if it does."""
    name = _STEPPING.get(frame.f_code) or ("run" if frame.f_code is own_loop.__code__ else None)
    return None if name is None else frame.f_locals.get(name)


def _is_stepped(task: asyncio.Task[Any]) -> bool:
    return any(frame.f_code is suspended.__code__ for frame in await_chain(task.get_coro()))


def _owns_loop(cell: CellState) -> bool:
    return cell.hooks is not None and cell.hooks.own_loop


def _first(thing: object, names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := getattr(thing, name, None)) is not None), None)
