"""One queue for all the time of a system: ask timeouts, ticks, delays, deadlines.

However many timers are pending, the event loop holds one of them: no loop iteration and no loop timer per
actorio timer. Entries that were cancelled are swept out when they are more than half, so a timeout that is
never reached costs a heap push and nothing later. Order is (deadline, sequence): ties fire as they were set.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush

__all__ = ["Alarm", "TimerQueue"]

_FEWEST_TO_SWEEP = 100
_RESOLUTION = 1e-9
_ROUNDING = 1.0 + 1e-15
"""A clock of whole nanoseconds, or a float of a large time, is rounded: a deadline missed by that is met."""


class Alarm:
    """One pending deadline. `ring` is called once, at or after it, unless cancelled before."""

    __slots__ = ("_queue", "deadline", "ring")

    def __init__(self, queue: TimerQueue, deadline: float, ring: Callable[[], object]) -> None:
        self._queue = queue
        self.deadline = deadline
        self.ring: Callable[[], object] | None = ring

    def cancel(self) -> bool:
        """Make sure that it never rings; False when it has rung or was cancelled already."""
        if self.ring is None:
            return False
        self.ring = None
        self._queue.forget()
        return True

    @property
    def pending(self) -> bool:
        """Whether it is still to ring."""
        return self.ring is not None


class TimerQueue:
    """A heap of alarms behind a single timer of the event loop."""

    __slots__ = ("_armed_for", "_cancelled", "_handle", "_heap", "_loop", "_sequence")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Alarm]] = []
        self._sequence = 0
        self._cancelled = 0
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = 0.0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def now(self) -> float:
        """Return the time of the system's clock, in seconds."""
        return self._loop.time()

    def after(self, delay: float, ring: Callable[[], object]) -> Alarm:
        """Have `ring` called after `delay` seconds."""
        return self.at(self._loop.time() + delay, ring)

    def at(self, deadline: float, ring: Callable[[], object]) -> Alarm:
        """Have `ring` called at `deadline`, a time of the system's clock."""
        alarm = Alarm(self, deadline, ring)
        self._sequence += 1
        heappush(self._heap, (deadline, self._sequence, alarm))
        if self._handle is None or deadline < self._armed_for:
            self._arm(deadline)
        return alarm

    def forget(self) -> None:
        """Count a cancelled alarm; sweep them out when they are the most of many."""
        self._cancelled += 1
        if self._cancelled > _FEWEST_TO_SWEEP and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].ring is not None]
            heapify(self._heap)
            self._cancelled = 0

    def close(self) -> None:
        """Drop every alarm and the loop's timer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._heap.clear()
        self._cancelled = 0

    def _arm(self, deadline: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = deadline
        self._handle = self._loop.call_at(deadline, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._armed_for = math.inf
        now = self._loop.time() * _ROUNDING + _RESOLUTION
        try:
            while self._heap and (self._heap[0][0] <= now or self._heap[0][2].ring is None):
                _, _, alarm = heappop(self._heap)
                ring, alarm.ring = alarm.ring, None
                if ring is None:
                    self._cancelled -= 1
                else:
                    ring()
        finally:  # also when one that rang raises: the others that are due have their turn in the next iteration
            # A loop may wake a little early by its clock: the deadline is looked at again, never trusted.
            # An alarm that was set by one that rang has armed the timer for itself; an earlier one may be pending.
            if self._heap and self._heap[0][0] < self._armed_for:
                self._arm(self._heap[0][0])
