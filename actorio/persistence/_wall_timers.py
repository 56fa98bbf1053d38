"""Timers of the wall clock: it may be set forward or back, so it is looked at every five seconds at least."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from actorio._core.deadlines import Deadline, Deadlines
from actorio.persistence._clock import now

__all__ = ["WallTimers"]

_LONGEST_LOOK = 5.0


class _WallClock:
    """A loop as `Deadlines` needs one, by the wall clock; a queue that is woken early looks again."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def time(self) -> float:
        return now()

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        delay = min(max(when - now(), 0.0), _LONGEST_LOOK)
        return self._loop.call_at(self._loop.time() + delay, callback)


class WallTimers:
    """Calls at times of the wall clock, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        clock: Any = _WallClock(loop)
        self._queue = Deadlines(clock)

    def __len__(self) -> int:
        return len(self._queue)

    def at(self, when: float, ring: Callable[[], object]) -> Deadline:
        """Call `ring` at that time."""
        return self._queue.at(when, ring)

    def close(self) -> None:
        """Drop all of them."""
        self._queue.close()
