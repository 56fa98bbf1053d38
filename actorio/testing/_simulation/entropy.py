"""Clocks and randomness of the process follow the simulation while a run lasts, in its thread alone.

Not reached: what the C library asks by itself (`datetime.now`, `uuid.uuid1`), a name that was imported before
(`from time import monotonic`), and the order of sets of strings (`PYTHONHASHSEED`).
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from actorio.testing._simulation.loop import SimLoop
from actorio.testing._simulation.outside import replaced

__all__ = ["virtual_clocks", "virtual_randomness"]

_EPOCH_NS = 1_700_000_000 * 10**9
"""What `time.time` says when a run begins: 14 November 2023."""


@contextmanager
def virtual_clocks(loop: SimLoop) -> Iterator[None]:
    """Make the functions of `time` tell the loop's time, and `time.sleep` advance it."""
    clocks: dict[str, Callable[..., Any]] = {
        "time": lambda: (_EPOCH_NS + loop.now_ns) / 1e9,
        "time_ns": lambda: _EPOCH_NS + loop.now_ns,
        "monotonic": loop.time,
        "monotonic_ns": lambda: loop.now_ns,
        "perf_counter": loop.time,
        "perf_counter_ns": lambda: loop.now_ns,
        "sleep": lambda seconds: _sleep(loop, seconds),
        "process_time": loop.time,
        "process_time_ns": lambda: loop.now_ns,
        "thread_time": loop.time,
        "thread_time_ns": lambda: loop.now_ns,
        "clock_gettime": lambda clock: _clock(loop, clock) / 1e9,
        "clock_gettime_ns": lambda clock: _clock(loop, clock),
        **_calendar(loop),
    }
    with ExitStack() as stack:
        for name in clocks.keys() & vars(time).keys():  # not every system has them all
            virtual = clocks[name]
            stack.enter_context(replaced(time, name, _at_home(loop.home, virtual, getattr(time, name))))
        yield


def _sleep(loop: SimLoop, seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    loop.advance(seconds)


def _clock(loop: SimLoop, clock: int) -> int:
    """Return the nanoseconds of a clock of the system: the time of day, or one that begins with the run."""
    return loop.now_ns + (_EPOCH_NS if clock == getattr(time, "CLOCK_REALTIME", None) else 0)


def _calendar(loop: SimLoop) -> dict[str, Callable[..., Any]]:
    """Return the functions that ask for the time of day by themselves when they are given none."""
    localtime, gmtime, ctime, asctime, strftime = (
        time.localtime,
        time.gmtime,
        time.ctime,
        time.asctime,
        time.strftime,
    )

    def now() -> float:
        return (_EPOCH_NS + loop.now_ns) / 1e9

    return {
        "localtime": lambda seconds=None: localtime(now() if seconds is None else seconds),
        "gmtime": lambda seconds=None: gmtime(now() if seconds is None else seconds),
        "ctime": lambda seconds=None: ctime(now() if seconds is None else seconds),
        "asctime": lambda when=None: asctime(localtime(now()) if when is None else when),
        "strftime": lambda form, when=None: strftime(form, localtime(now()) if when is None else when),
    }


@contextmanager
def virtual_randomness(loop: SimLoop) -> Iterator[None]:
    """Seed the module `random` and unseeded generators, `secrets`, `uuid4`, ... from the tape."""
    state = random.getstate()
    random.seed(loop.random.getrandbits(64))
    source = random.Random(loop.random.getrandbits(64))
    urandom = _at_home(loop.home, source.randbytes, os.urandom)
    reseed = random.Random.seed

    def seed(generator: random.Random, a: Any = None, version: int = 2) -> None:
        reseed(generator, urandom(32) if a is None else a, version)

    try:
        with ExitStack() as stack:
            stack.enter_context(replaced(os, "urandom", urandom))
            stack.enter_context(replaced(random, "_urandom", urandom))
            stack.enter_context(replaced(random.Random, "seed", seed))
            stack.enter_context(replaced(tempfile, "_name_sequence", None))  # a new one draws its seed anew
            if hasattr(os, "getrandom"):
                stack.enter_context(replaced(os, "getrandom", lambda size, flags=0: urandom(size)))
            yield
    finally:
        random.setstate(state)


def _at_home(home: int, virtual: Callable[..., Any], real: Callable[..., Any]) -> Callable[..., Any]:
    def function(*args: Any, **options: Any) -> Any:
        return (virtual if threading.get_ident() == home else real)(*args, **options)

    return function
