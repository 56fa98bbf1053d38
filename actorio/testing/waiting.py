"""Waiting in tests for what is certain to come, without a guess at how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import PurePath

from actorio._cell.cell import Cell
from actorio._cell.owned.interleave import runs_interleaved
from actorio._cell.states import State
from actorio._core.checks import check_duration, check_instance, check_plain_function
from actorio.system import ActorSystem
from actorio.testing._words import in_short
from actorio.testing.probe import PATIENCE

__all__ = ["settled", "until"]

_PATIENT_TICKS = 100
_PAUSE = 0.001


async def until(condition: Callable[[], object], *, timeout: float = PATIENCE) -> None:
    """Wait until `condition()` is true; looks at once, then whenever others have run.

    Raises:
        AssertionError: it was not true within `timeout` seconds.
        TypeError, ValueError: an argument is not of its kind.
    """
    check_plain_function("condition", condition)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + check_duration("timeout", timeout)
    ticks = 0
    while not condition():
        if loop.time() >= deadline:
            raise AssertionError(f"still not true after {timeout:g} s: {_name(condition)}")
        ticks += 1
        await asyncio.sleep(0 if ticks < _PATIENT_TICKS else _PAUSE)


def _name(condition: Callable[[], object]) -> str:
    """Return the name of a condition and where it is written, never an address, which differs between runs."""
    code = getattr(condition, "__code__", None)
    where = "" if code is None else f" ({PurePath(code.co_filename).name}:{code.co_firstlineno})"
    return f"{in_short(condition)}{where}"


async def settled(system: ActorSystem, *, timeout: float = PATIENCE) -> None:
    """Wait until every actor of the system waits for its next message, and none is on its way.

    Timers and background tasks do not count: an actor that waits for a tick has settled. One that waits for
    something else inside a handler, be it an interleaved one, has not.

    Raises:
        AssertionError: some had not within `timeout` seconds; it names them.
        TypeError, ValueError: an argument is not of its kind.
    """
    check_instance("system", system, ActorSystem)
    try:
        await until(lambda: not _busy(system), timeout=timeout)
    except AssertionError:
        busy = ", ".join(cell.path for cell in _busy(system))
        raise AssertionError(f"these actors had not settled after {timeout:g} s: {busy}") from None


def _busy(system: ActorSystem) -> list[Cell]:
    cells = list(system._runtime.root.table.values())
    for cell in cells:
        if cell.children is not None:
            cells.extend(cell.children.table.values())
    return [cell for cell in cells if not _idle(cell)]


def _idle(cell: Cell) -> bool:
    at_rest = cell.state == State.RUNNING and cell.is_asleep and not cell.mailbox.items
    return at_rest and not runs_interleaved(cell)
