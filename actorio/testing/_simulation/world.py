"""The simulated world, as those parts know it that the loop is made of: births, time, and draws from the tape."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

__all__ = ["World"]


class World(asyncio.AbstractEventLoop):
    """A loop that numbers its tasks and futures, and takes time and faults from a tape.

    It is a class and no protocol, since asyncio's tasks and futures want a loop.

    Attributes:
        now_ns: the virtual time, in nanoseconds.
    """

    now_ns: int

    @abstractmethod
    def next_task(self) -> int:
        """Return the birth number for a new task, from 1."""

    @abstractmethod
    def next_future(self) -> int:
        """Return the birth number for a new future, from 1."""

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Let time pass without running anything."""

    @abstractmethod
    def draw_fault(self, bound: int) -> int:
        """Draw a number below `bound`; 0 means no fault."""
