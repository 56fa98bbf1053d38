"""Garbage collection at fixed moments of a run: a finaliser that runs whenever is a choice off the tape."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["steady_heap"]

_FULL_GC_EVERY = 32
"""Runs between two full collections, which take as long as what exists besides is large."""
_runs = itertools.count(1)


@contextmanager
def steady_heap() -> Iterator[None]:
    """Keep garbage of before out of what runs inside, and collect automatically only after it.

    What exists already is set aside (unless the program has done so itself), garbage and all, so that the
    collections of a run cost as little as the run is small: 1 ms instead of 30 under a test runner. What a run
    has left is looked at after some more: the collections within runs keep the automatic ones in between from ever
    getting so far. Inside another steady heap, or where automatic collection is off anyway, the garbage goes and
    that is all.
    """
    if not gc.isenabled():
        gc.collect()
        yield
        return
    ours = not gc.get_freeze_count()  # it counts one by one: 1 ms, too much for each run of an exploration
    gc.disable()
    if ours:
        gc.freeze()
    else:
        gc.collect()
    try:
        yield
    finally:
        if ours:
            gc.unfreeze()
            if not next(_runs) % _FULL_GC_EVERY:
                gc.collect()
        gc.enable()
