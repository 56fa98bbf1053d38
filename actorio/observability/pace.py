"""Work on the loop in slices, so that a walk over all actors holds up none of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

__all__ = ["Pace"]

T = TypeVar("T")

_SLICE = 0.0005
"""Seconds at a time; half of what is promised, since a step may be longer than the one before."""
_AT_ONCE = 32


class Pace:
    """Counts the processor time that some work takes, and lets others run whenever a slice is over."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = time.thread_time()

    async def chunks(self, items: Iterable[T]) -> AsyncIterator[list[T]]:
        """Yield the items, some at a time, with rests in between."""
        chunk: list[T] = []
        for item in items:
            chunk.append(item)
            if len(chunk) == _AT_ONCE:
                yield chunk
                chunk = []
                await self.rest()
        if chunk:
            yield chunk

    async def rest(self) -> None:
        """Let others run, if the slice is over."""
        now = time.thread_time()
        if now - self._begun < _SLICE:
            return
        self.seconds += now - self._begun
        await asyncio.sleep(0)
        self._begun = time.thread_time()

    def end(self) -> float:
        """Return the seconds that the work took, in all."""
        self.seconds += time.thread_time() - self._begun
        return self.seconds
