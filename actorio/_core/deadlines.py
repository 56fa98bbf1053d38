"""One queue for all the time of a system: ask timeouts, ticks, delays, deadlines.

However many timers are pending, the event loop holds one of them: no loop iteration and no loop timer per
actorio timer. Entries that were cancelled are swept out when there are many, so a timeout that is never
reached costs a heap push and nothing later. Order is (deadline, sequence): ties fire as they were set.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

__all__ = ["RING", "Deadline", "Deadlines", "Entry"]

_FEWEST_TO_SWEEP = 100
_MOST_RINGS = 1024
"""Entries that are taken out in one go, at most, before I/O and the run queue have their turn."""
_CLOCK_EVERY = 16
"""Entries between two looks at the clock."""
_LONGEST_TURN = 0.001
"""Seconds in one go, about."""
_RESOLUTION = 1e-9
_ROUNDING = 1.0 + 1e-15
"""A clock of whole nanoseconds, or a float of a large time, is rounded: a deadline missed by that is met."""

Entry = list[Any]
"""A place in the queue: deadline, sequence, and what to call then, None once it has rung or was cancelled."""
_DEADLINE, RING = 0, 2


class Deadline:
    """One pending deadline. `ring` is called once, at or after it, unless cancelled before."""

    __slots__ = ("_entry", "_queue")

    def __init__(self, queue: Deadlines, entry: Entry) -> None:
        self._queue = queue
        self._entry = entry

    @property
    def time(self) -> float:
        """When it rings, a time of the system's clock."""
        return self._entry[_DEADLINE]  # type: ignore[no-any-return]

    def cancel(self) -> bool:
        """Make sure that it never rings; False when it has rung or was cancelled already."""
        if self._entry[RING] is None:
            return False
        self._entry[RING] = None
        self._queue.forget()
        return True

    @property
    def pending(self) -> bool:
        """Tell whether it is still to ring."""
        return self._entry[RING] is not None


class Deadlines:
    """A heap of entries behind a single timer of the event loop."""

    __slots__ = ("_armed_for", "_cancelled", "_handle", "_heap", "_loop", "_most", "_sequence")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[Entry] = []
        self._most = _FEWEST_TO_SWEEP
        self._sequence = 0
        self._cancelled = 0
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = math.inf

    def __len__(self) -> int:
        return sum(entry[RING] is not None for entry in self._heap)

    def now(self) -> float:
        """Return the time of the system's clock, in seconds."""
        return self._loop.time()

    def after(self, delay: float, ring: Callable[[], object]) -> Deadline:
        """Call `ring` after `delay` seconds."""
        return Deadline(self, self.enter(self._loop.time() + delay, ring))

    def at(self, deadline: float, ring: Callable[[], object]) -> Deadline:
        """Call `ring` at `deadline`, a time of the system's clock."""
        return Deadline(self, self.enter(deadline, ring))

    def enter(self, deadline: float, ring: Callable[[], object]) -> Entry:
        """Call `ring` at `deadline`, unless the entry's `RING` is None by then.

        An ask with a timeout has no `Deadline`: to make one, and to cancel it, takes a tenth of the ask
        (`pingpong_timeout`).
        """
        self._sequence = sequence = self._sequence + 1
        entry: Entry = [deadline, sequence, ring]
        if len(self._heap) >= self._most:
            self._sweep()
        heappush(self._heap, entry)
        if deadline < self._armed_for:
            self._arm(deadline)
        return entry

    def forget(self) -> None:
        """Count a cancelled alarm; sweep them out when they are the most of many."""
        self._cancelled += 1
        if self._cancelled > _FEWEST_TO_SWEEP and self._cancelled * 2 > len(self._heap):
            self._sweep()

    def close(self) -> None:
        """Drop every entry and the loop's timer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._armed_for = math.inf
        self._heap.clear()

    def _sweep(self) -> None:
        """Drop what will not ring; at least as many have been entered, or cancelled, since the last time."""
        self._heap = [entry for entry in self._heap if entry[RING] is not None]
        heapify(self._heap)
        self._most = max(_FEWEST_TO_SWEEP, 2 * len(self._heap))
        self._cancelled = 0

    def _arm(self, deadline: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = deadline
        self._handle = self._loop.call_at(deadline, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._armed_for = math.inf
        began = self._loop.time()
        now = began * _ROUNDING + _RESOLUTION
        left = _MOST_RINGS
        try:
            while left and self._heap and (self._heap[0][_DEADLINE] <= now or self._heap[0][RING] is None):
                entry = heappop(self._heap)
                ring, entry[RING] = entry[RING], None
                if ring is not None:
                    ring()
                left -= 1  # one that rings no more costs its place in the heap as well
                if not left % _CLOCK_EVERY and self._loop.time() - began >= _LONGEST_TURN:
                    break
        finally:  # also when one that rang raises: the others that are due have their turn in the next iteration
            # A loop may wake a little early by its clock: the deadline is looked at again, never trusted.
            # Those that are due but had no turn within the budget have theirs in the next iteration.
            # An alarm that was set by one that rang has armed the timer for itself; an earlier one may be pending.
            if self._heap and self._heap[0][_DEADLINE] < self._armed_for:
                self._arm(self._heap[0][_DEADLINE])
