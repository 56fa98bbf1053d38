"""`actorio.run`: a program from its first coroutine on, on the faster loop where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVarTuple, Unpack, cast

from actorio._core.checks import check_callable
from actorio._core.typevar import TypeVar
from actorio.errors import describe

__all__ = ["run"]

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


def run(main: Callable[[Unpack[Ts]], Coroutine[Any, Any, R]], *args: Unpack[Ts]) -> R:
    """Run `main(*args)` as `asyncio.run` does, on uvloop where it is installed.

    Raises:
        TypeError: `main` is not a coroutine function.
        RuntimeError: an event loop is running here already.
    """
    given: object = main
    if asyncio.iscoroutine(given):
        check_callable("run", given)
    work = _called(main, args)
    if not isinstance(work, Coroutine):
        raise TypeError(f"run takes a coroutine function and its arguments, not {describe(main)}")
    if asyncio._get_running_loop() is not None:
        work.close()
        name = getattr(main, "__name__", "main")
        raise RuntimeError(
            f"run begins an event loop, and one is running here already: `await {name}(...)` instead, in a notebook too"
        )
    try:
        import uvloop
    except ImportError:
        return cast("R", asyncio.run(work))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return cast("R", runner.run(work))


def _called(main: object, args: tuple[object, ...]) -> object:
    return main(*args) if callable(main) else None
