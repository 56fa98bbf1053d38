"""Clocks and randomness of the process follow the simulation while a run lasts, in its thread alone.

Not reached: what the C library asks by itself (`datetime.now`, `uuid.uuid1`), a name that was imported before
(`from time import monotonic`), and the order of sets of strings (`PYTHONHASHSEED`).
"""

from __future__ import annotations

import os
import random
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
        "sleep": loop.advance,
    }
    with ExitStack() as stack:
        for name, virtual in clocks.items():
            stack.enter_context(replaced(time, name, _at_home(loop.home, virtual, getattr(time, name))))
        yield


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
        with (
            replaced(os, "urandom", urandom),
            replaced(random, "_urandom", urandom),
            replaced(random.Random, "seed", seed),
        ):
            yield
    finally:
        random.setstate(state)


def _at_home(home: int, virtual: Callable[..., Any], real: Callable[..., Any]) -> Callable[..., Any]:
    def function(*args: Any, **options: Any) -> Any:
        return (virtual if threading.get_ident() == home else real)(*args, **options)

    return function
