"""Pauses in work on very many things, so that timers and I/O have their turn after about a millisecond of it."""

from __future__ import annotations

import asyncio

__all__ = ["Pace"]

_MOST = 256
"""Things in one go, at most."""
_CLOCK_EVERY = 16
"""Things between two looks at the clock."""
_LONGEST_TURN = 0.001
"""Seconds in one go, about."""


class Pace:
    """Says after each thing that was done whether it is time for a rest: `if pace.is_up(): await pace.rest()`."""

    __slots__ = ("_done", "_loop", "_until")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._done = 0
        self._until = loop.time() + _LONGEST_TURN

    def is_up(self) -> bool:
        """Count one thing more, and say whether the time of this go is up."""
        self._done += 1
        return self._done >= _MOST or (not self._done % _CLOCK_EVERY and self._loop.time() >= self._until)

    async def rest(self) -> None:
        """Let the loop go round, and begin the next go."""
        await asyncio.sleep(0)
        self._done = 0
        self._until = self._loop.time() + _LONGEST_TURN
