"""Leaks of a test: tasks, timers, and failures that nobody has looked at."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from actorio._core.deadlines import Deadlines
from actorio._core.observer import Observer
from actorio._tree.forks import running
from actorio.system import ActorSystem
from actorio.testing._oracles.combined import Combined, oracles
from actorio.testing._simulation.loop import SimLoop
from actorio.testing.failures import SimulationError
from actorio.testing.virtual_time import VirtualTimeLoop

__all__ = ["Before", "check_leaks", "system_without_leaks"]

_LAST_ROUNDS = 3
_LAST_STEPS = 100_000


class Before(Observer):
    """Keeps what is on the running loop before a test: neither that is left by the test, nor what it goes on to do.

    A system or a client of a wider scope has tasks and timers of its own, and makes new ones all the time.

    Attributes:
        tasks: those that were there, and those that the systems of then have made since.
    """

    level = "lives"

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.tasks = asyncio.all_tasks()
        self._systems = [runtime for runtime in running() if runtime.loop is loop]
        self._timers = _timers(loop)
        owners = [*map(_owner_of, self._timers), *(runtime.timers for runtime in self._systems)]
        self._owners = [owner for owner in owners if owner is not None]
        for runtime in self._systems:
            runtime.observe(self)

    def task_made(self, system: ActorSystem, task: asyncio.Task[Any]) -> None:
        """It is of a system that was there."""
        self.tasks.add(task)

    def close(self) -> None:
        """Look at those systems no more."""
        for runtime in self._systems:
            runtime.unobserve(self)

    def has(self, timer: asyncio.TimerHandle) -> bool:
        """Tell whether a timer was there, belongs to somebody who had one, or wakes a task that was there."""
        owner = _owner_of(timer)
        if any(timer is one for one in self._timers) or any(owner is one for one in self._owners):
            return True
        woken = [getattr(owner, "_task", None), *(timer._args or ())]
        awaited = [getattr(task, "_fut_waiter", None) for task in self.tasks]
        known = [*self.tasks, *(future for future in awaited if future is not None)]
        return any(one is other for one in woken for other in known)


def _owner_of(timer: asyncio.TimerHandle) -> object | None:
    """Return whose method a timer calls; None for a function."""
    owner = getattr(timer._callback, "__self__", None)  # type: ignore[attr-defined]
    return None if isinstance(owner, types.ModuleType) else owner


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
    before = Before()
    broken: list[SimulationError] = []
    reports: list[dict[str, Any]] = []
    handler = loop.get_exception_handler()
    system = ActorSystem()
    if not isinstance(loop, SimLoop):  # which watches every system by itself
        system.observer = Combined(oracles(broken.append))
    if not (allowed or isinstance(loop, SimLoop)):
        loop.set_exception_handler(lambda _, report: reports.append(report))
    try:
        async with system:
            yield system
        if broken:
            raise broken[0]
        if not allowed:
            await check_leaks(before, reports)
    finally:
        before.close()
        if not (allowed or isinstance(loop, SimLoop)):
            loop.set_exception_handler(handler)


async def check_leaks(before: Before, reports: list[dict[str, Any]]) -> None:
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
    others = asyncio.all_tasks() - before.tasks - {asyncio.current_task()}
    tasks = sorted(task.get_name() for task in others if not _is_of_anyio(task))
    timers = [
        timer for timer in _timers(loop) if not (timer.cancelled() or _is_idle(timer) or before.has(timer))
    ]
    if not isinstance(loop, SimLoop) or isinstance(loop, VirtualTimeLoop):  # the simulation does so itself
        gc.collect()  # a failed task that nobody looked at is reported when it is collected
    left = [f"task {name!r}" for name in tasks]
    left += [f"timer {timer!r}" for timer in timers]
    left += [f"{report['message']}: {report.get('exception')!r}" for report in reports]
    assert not left, f"the test has left: {'; '.join(left)}"


def _is_of_anyio(task: asyncio.Task[Any]) -> bool:
    """Tell whether it is the one by which anyio's pytest plugin waits for this very look."""
    return getattr(task.get_coro(), "__qualname__", "").endswith("TestRunner._call_in_runner_task")


def _is_idle(timer: asyncio.TimerHandle) -> bool:
    """Tell whether it is that of a running system of which no timer is left: it is not cancelled with the last one."""
    owner = _owner_of(timer)
    return isinstance(owner, Deadlines) and not len(owner)


def _timers(loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
    if isinstance(loop, SimLoop):
        return [timer for _, _, timer in loop._timers]
    return list(getattr(loop, "_scheduled", ()))  # uvloop does not tell
