"""`pool.map` over processes beside the same work without actorio: `python -m benchmarks.programs.pool_map`.

The work is the demo's: parse every source file of a tree, by default the standard library. Three ways, in
turns, so that a noisy machine disturbs all of them alike; what counts are the ratios of one round:

- one after the other, in this process;
- `concurrent.futures.ProcessPoolExecutor.map` with the same number of processes and the same chunks;
- `pool.map` with `Worker(runner="process")` routees.

Processes are started before the clock is, in both ways.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from actorio import ActorSystem, Worker
from actorio.cli.survey import FileFacts, Survey, Unparsed, find_sources, reason_of, survey_file

Outcome = FileFacts | Unparsed


def survey_or_reason(path: str) -> Outcome:
    """Survey a file; a failure is an outcome too, alike in all three ways."""
    try:
        return survey_file(path)
    except Exception as error:
        return Unparsed(path, reason_of(error))


def one_after_the_other(paths: list[str]) -> tuple[float, Survey]:
    """Do the work in this process."""
    survey, started = Survey(), time.perf_counter()
    for path in paths:
        survey.add(survey_or_reason(path))
    return time.perf_counter() - started, survey


def executor_map(paths: list[str], processes: int, chunk: int) -> tuple[float, Survey]:
    """Do the work by the standard library's pool."""
    survey = Survey()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as executor:
        list(executor.map(time.sleep, [0.2] * processes))  # they are there now
        started = time.perf_counter()
        for outcome in executor.map(survey_or_reason, paths, chunksize=chunk):
            survey.add(outcome)
        return time.perf_counter() - started, survey


def pool_map(paths: list[str], processes: int, chunk: int) -> tuple[float, Survey]:
    """Do the work by actorio's pool."""

    async def main() -> tuple[float, Survey]:
        survey = Survey()
        async with ActorSystem() as system:
            pool = await system.spawn_pool(partial(Worker, runner="process"), size=processes)
            async for _ in pool.map(time.sleep, [0.2] * processes):  # they are there now
                pass
            started = time.perf_counter()
            async for outcome in pool.map(survey_or_reason, paths, chunk=chunk):
                survey.add(outcome)
            return time.perf_counter() - started, survey

    return asyncio.run(main())


def rounds(paths: list[str], count: int, processes: int, chunk: int) -> list[tuple[float, float, float]]:
    """Measure all three ways `count` times; they must agree to the last count.

    The processor time in brackets, of this process and its children, their start included, depends less on
    what else the machine does.

    Raises:
        AssertionError: they do not.
    """
    ways: list[Callable[[], tuple[float, Survey]]] = [
        partial(one_after_the_other, paths),
        partial(executor_map, paths, processes, chunk),
        partial(pool_map, paths, processes, chunk),
    ]
    measured: list[tuple[float, float, float]] = []
    for _ in range(count):
        outcomes, used = [], []
        for way in ways:
            before = os.times()
            outcomes.append(way())
            used.append(sum(os.times()[:4]) - sum(before[:4]))
        assert outcomes[0][1] == outcomes[1][1] == outcomes[2][1], "the three ways do not agree"
        sequential, executor, pool = (seconds for seconds, _ in outcomes)
        measured.append((sequential, executor, pool))
        print(
            f"sequential {sequential:6.2f} s ({used[0]:.2f})   executor {executor:6.2f} s ({used[1]:.2f})   "
            f"pool.map {pool:6.2f} s ({used[2]:.2f})"
        )
    return measured


def main() -> None:
    """Measure, and print the medians of the rounds' ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--chunk", type=int, default=16)
    parser.add_argument("--every", type=int, default=1, help="take every n-th file only")
    options = parser.parse_args()
    paths = find_sources(options.root)[0][:: options.every]
    print(f"{len(paths)} files under {options.root}, Python {sys.version.split()[0]}")
    measured = rounds(paths, options.rounds, options.processes, options.chunk)
    faster = statistics.median(sequential / pool for sequential, _, pool in measured)
    beside = statistics.median(pool / executor for _, executor, pool in measured)
    print(f"pool.map is {faster:.2f} times as fast as one after the other")
    print(f"pool.map takes {beside:.2f} times as long as ProcessPoolExecutor.map")


if __name__ == "__main__":
    main()
