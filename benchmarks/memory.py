"""Resident memory: what a process holds now, what it held at its peak, and the peak of a run by itself."""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

__all__ = ["in_fresh_process", "peak_of_run", "peak_resident", "resident"]

P = ParamSpec("P")
T = TypeVar("T")

_STATUS = Path("/proc/self/status")


def resident() -> int:
    """Give the bytes of memory that this process holds now."""
    return _status("VmRSS") if _STATUS.exists() else _high_water()


def peak_resident() -> int:
    """Give the most bytes of memory that this process has held."""
    # Linux hands the high-water mark of `getrusage` down from parent to child; /proc has the process's own.
    return _status("VmHWM") if _STATUS.exists() else _high_water()


def _status(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise LookupError(f"{_STATUS} has no {field}")


def _high_water() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def in_fresh_process(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of a module in a new process; what it returns and raises comes back."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(func, *args, **kwargs).result()


def peak_of_run(workload: str, program: str, *, quick: bool, loop: str) -> int:
    """Give the bytes by which a run of a program makes a new process grow at its peak."""
    return in_fresh_process(_growth, workload, program, quick=quick, loop=loop)


def _growth(workload_name: str, program: str, *, quick: bool, loop: str) -> int:
    # Imported in the new process, and before the first reading: the modules are no part of the growth.
    from benchmarks.measure import run_once
    from benchmarks.workloads import select

    (workload,) = select([workload_name])
    before = resident()
    _, outcome = run_once(workload, program, workload.size(quick=quick), loop)
    return max(0, peak_resident() - before) if outcome.held is None else outcome.held
