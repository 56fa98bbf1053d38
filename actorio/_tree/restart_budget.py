"""How often a child, or a group, may be restarted, and after which pause: `max_restarts`, `within`, `backoff`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio._cell.protocols import System
    from actorio.policy import Supervision

__all__ = ["RestartBudget"]


class _Restarted:
    """When a child, or a group, was restarted of late."""

    __slots__ = ("in_a_row", "resumed", "times")

    def __init__(self) -> None:
        self.times: deque[float] = deque()
        self.in_a_row = 0
        self.resumed = 0.0


class RestartBudget:
    """Counts the restarts of each child of a supervisor, and under the key None those of its group."""

    __slots__ = ("_limits", "_restarted", "_system")

    def __init__(self, limits: Supervision, system: System) -> None:
        self._limits = limits
        self._system = system
        self._restarted: dict[Cell | None, _Restarted] = {}

    def take(self, key: Cell | None) -> bool:
        """Count a restart; False when it is one too many."""
        restarted = self._restarted.get(key)
        if restarted is None:
            restarted = self._restarted[key] = _Restarted()
        now = self._system.timers.now()
        restarted.times.append(now)
        while restarted.times[0] < now - self._limits.within:
            restarted.times.popleft()
        backoff = self._limits.backoff
        if backoff is not None and restarted.in_a_row and now - restarted.resumed >= backoff.maximum:
            restarted.in_a_row = 0
        return len(restarted.times) <= self._limits.max_restarts

    def used(self, key: Cell | None) -> int:
        """Return how many restarts count at this moment."""
        return len(self._restarted[key].times)

    def pause_before(self, key: Cell | None) -> float:
        """Return the seconds of backoff before the restart that was counted last."""
        backoff = self._limits.backoff
        if backoff is None:
            return 0.0
        restarted = self._restarted[key]
        pause = backoff.delay(restarted.in_a_row, self._system.random)
        restarted.in_a_row += 1
        restarted.resumed = self._system.timers.now() + pause
        return pause

    def forget(self, cell: Cell) -> None:
        """Drop what was counted of a child that has ended for good."""
        self._restarted.pop(cell, None)
