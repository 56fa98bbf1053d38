"""Leaks of a test: tasks, timers, and failures that nobody has looked at."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from actorio.system import ActorSystem
from actorio.testing._oracles.combined import Combined, oracles
from actorio.testing._simulation.loop import SimLoop
from actorio.testing.failures import SimulationError

__all__ = ["check_leaks", "system_without_leaks"]

Tasks = set[asyncio.Task[Any]]

_LAST_ROUNDS = 3
_LAST_STEPS = 100_000


@asynccontextmanager
async def system_without_leaks(*, allowed: bool) -> AsyncIterator[ActorSystem]:
    """Run an actor system on any loop, under oracles, and see that the block leaves nothing.

    Args:
        allowed: leave out the look at the loop.

    Raises:
        GuaranteeBroken: actorio has not kept a promise.
        WrongReply: an `Ask[R]` was answered by something else than an R.
        AssertionError: something was left.
    """
    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()
    broken: list[SimulationError] = []
    reports: list[dict[str, Any]] = []
    handler = loop.get_exception_handler()
    system = ActorSystem()
    if not isinstance(loop, SimLoop):  # which watches every system by itself
        system.observer = Combined(oracles(broken.append))
        loop.set_exception_handler(lambda _, report: reports.append(report))
    try:
        async with system:
            yield system
        if broken:
            raise broken[0]
        if not allowed:
            await check_leaks(before, reports)
    finally:
        if not isinstance(loop, SimLoop):
            loop.set_exception_handler(handler)


async def check_leaks(before: Tasks, reports: list[dict[str, Any]]) -> None:
    """Fail if there are more tasks than before, a timer, or an unhandled failure.

    Raises:
        AssertionError: it names all of them.
    """
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    if isinstance(loop, SimLoop):
        loop.calm(_LAST_STEPS)  # in whose order it might not come to that, however often this one waits
    for _ in range(
        _LAST_ROUNDS
    ):  # what was cancelled at the very end takes its last steps; a generator is closed
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - before - {asyncio.current_task()}
    tasks = sorted(task.get_name() for task in others if not _is_of_anyio(task))
    timers = [timer for timer in _timers(loop) if not timer.cancelled()]
    if not isinstance(loop, SimLoop):  # which does so itself
        gc.collect()  # a failed task that nobody looked at is reported when it is collected
    left = [f"task {name!r}" for name in tasks]
    left += [f"timer {timer!r}" for timer in timers]
    left += [f"{report['message']}: {report.get('exception')!r}" for report in reports]
    assert not left, f"the test has left: {'; '.join(left)}"


def _is_of_anyio(task: asyncio.Task[Any]) -> bool:
    """Tell whether it is the one by which anyio's pytest plugin waits for this very look."""
    return getattr(task.get_coro(), "__qualname__", "").endswith("TestRunner._call_in_runner_task")


def _timers(loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
    if isinstance(loop, SimLoop):
        return [timer for _, _, timer in loop._timers]
    return list(getattr(loop, "_scheduled", ()))  # uvloop does not tell
