"""The event log of a run: its digest tells runs apart, its tail is what a failure shows."""

from __future__ import annotations

import hashlib
from collections import deque

__all__ = ["EventLog"]


class EventLog:
    """One line for each step.

    Args:
        keep: how many of the last lines to keep; None: all of them.
    """

    __slots__ = ("_digest", "_kept")

    def __init__(self, keep: int | None) -> None:
        self._digest = hashlib.blake2b(digest_size=16)
        self._kept: deque[tuple[int, int, str]] = deque(maxlen=keep)

    def write(self, step: int, now: int, text: str) -> None:
        """Add a line: the number of the step, the time in nanoseconds, what happens."""
        self._digest.update(f"{step} {now} {text}\n".encode())
        self._kept.append((step, now, text))

    @property
    def digest(self) -> str:
        """Hexadecimal, the same for the same lines."""
        return self._digest.hexdigest()

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that were kept, to be read by people."""
        return tuple(f"{step:>7} {now / 1e9:>12.6f} s  {text}" for step, now, text in self._kept)
