"""Runs inside a peer's environment: takes jobs, runs the peer's programs and prints what they took.

It imports the standard library only, for no more than the peer is installed where it runs. A program gets
a clock and starts it when its system is up: what a peer's system costs to start and stop is not held
against it.
"""

import asyncio
import gc
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from time import perf_counter
from types import TracebackType
from typing import Any

__all__ = ["Clock", "perform"]


class Clock:
    """Times the block it is the context of."""

    __slots__ = ("_start", "seconds")

    def __init__(self) -> None:
        self._start = 0.0
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._start = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = perf_counter() - self._start


def perform(programs: Mapping[str, Callable[..., Any]]) -> None:
    """Run the jobs that the command was given; print a line of JSON for each when it is done."""
    for job in json.loads(sys.argv[1]):
        name = job["workload"]
        if name not in programs:
            report(workload=name, skipped="the library has no way to do it")
            continue
        try:
            report(workload=name, **run(programs[name], job["size"], job["repetitions"]))
        except Exception as error:  # one program that fails keeps no other from running
            report(workload=name, failed=f"{type(error).__name__}: {error}")


def run(program: Callable[..., Any], size: dict[str, int], repetitions: int) -> dict[str, Any]:
    """Run a program so many times; give the seconds of each time, and the answers."""
    seconds, answers = [], []
    for _ in range(repetitions):
        gc.collect()
        clock = Clock()
        answer = program(clock, **size)
        if inspect.isawaitable(answer):
            answer = asyncio.run(awaited(answer))
        seconds.append(clock.seconds)
        answers.append(answer)
    return {"seconds": seconds, "answers": answers}


async def awaited(answer: Any) -> Any:
    """Give what a program is still to give."""
    return await answer


def report(**found: Any) -> None:
    """Print a line of JSON."""
    print(json.dumps(found), flush=True)
