"""Give computing to other processes: by an executor, and by workers of actorio.

The programs of class C are the same but for who takes the calls. Making the processes belongs to the figure.
"""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import cycle
from typing import Any, Protocol, TypeVar

from actorio import ActorSystem, Worker
from benchmarks.harness.workload import Outcome, Program

__all__ = ["PROCESSES", "Submit", "offloaded_programs"]

S = TypeVar("S")
T = TypeVar("T")

PROCESSES = 2


class Submit(Protocol):
    """Hands a call to a process; gives what to await for its result."""

    def __call__(self, func: Callable[..., T], /, *args: Any) -> Awaitable[T]: ...


Play = Callable[[S, Submit], Awaitable[Any]]


async def with_executor(play: Play[S], size: S) -> Outcome[Any]:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as executor:
        return Outcome(await play(size, partial(loop.run_in_executor, executor)), actors=PROCESSES)


async def with_workers(play: Play[S], size: S) -> Outcome[Any]:
    async with ActorSystem() as system:
        workers = cycle([await system.spawn(Worker, "process") for _ in range(PROCESSES)])

        def submit(func: Callable[..., T], /, *args: Any) -> Awaitable[T]:
            return next(workers).submit(func, *args)

        return Outcome(await play(size, submit), actors=PROCESSES)


def offloaded_programs(play: Play[S]) -> Mapping[str, Program[S, Any]]:
    """Make the two programs of a protocol; `play` gets the size and what to submit calls with."""
    return {"queue": partial(with_executor, play), "actorio": partial(with_workers, play)}
