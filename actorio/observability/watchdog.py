"""A thread that sees when the loop runs nothing but one piece of code, while that lasts, and whose code it is.

It asks the loop for a sign of life a few times a second. Code that holds the interpreter itself (a C function that
does not let go of it) stops this thread too: that block is seen when it has ended, without its line.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from actorio._cell.current import owner_of
from actorio._cell.frames import running_frames
from actorio._cell.owned.interleave import InterleavedCall
from actorio.inspection.rows import frames_of
from actorio.observability.rows import Blocked

if TYPE_CHECKING:
    from collections.abc import Callable

    from actorio._tree.runtime import Runtime
    from actorio.inspection import Frame

__all__ = ["Watchdog"]

logger = logging.getLogger("actorio")

_MOST_BLOCKS = 50
_BETWEEN_ASKING = 0.2
_BETWEEN_LOOKS = 0.05


class Watchdog:
    """Watches the loop of one system from a thread.

    Args:
        runtime: whose loop it is.
        after: seconds without a sign of life that are a block.
        changed: called, in its thread, when a block is seen, a few times a second while it lasts, and at its end.
    """

    def __init__(self, runtime: Runtime, after: float, changed: Callable[[], object]) -> None:
        self._runtime = runtime
        self._after = after
        self._changed = changed
        self._over = threading.Event()
        self._answered = threading.Event()
        self._asked = 0.0
        self._thread = threading.Thread(
            target=self._watch, name=f"actorio watchdog of {runtime.name}", daemon=True
        )
        self.lag = 0.0
        self.count = 0
        self.seconds = 0.0
        """Seconds blocked in all, without those of now."""
        self.blocked: Blocked | None = None
        self.blocks: deque[Blocked] = deque(maxlen=_MOST_BLOCKS)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for that; called on the loop's thread, which it never waits for."""
        self._over.set()
        self._answered.set()
        if self._thread.ident is not None:  # else it was never started
            self._thread.join()

    def living_time(self) -> float:
        """Return a time that stands still while the loop is blocked: in that time nobody else is to blame."""
        now, blocked = time.monotonic(), self.blocked
        return now - self.seconds - (0.0 if blocked is None else blocked.seconds)

    def _watch(self) -> None:
        pause = min(_BETWEEN_ASKING, self._after / 2)
        while not self._over.is_set():
            self._answered.clear()
            self._asked = time.monotonic()
            try:
                self._runtime.loop.call_soon_threadsafe(self._answer, self._asked)
            except RuntimeError:  # the loop is closed
                return
            if not self._answered.wait(self._after):
                self._see_block()
            elif self.lag >= self._after:
                self._see_held(self.lag)
            rested = time.monotonic()
            self._over.wait(pause)
            late = time.monotonic() - rested - pause
            if late >= self._after:
                self._see_held(late)

    def _answer(self, asked: float) -> None:
        self.lag = time.monotonic() - asked
        self._answered.set()

    def _see_held(self, seconds: float) -> None:
        """Note a time in which this thread could not look: something held the interpreter."""
        if not self._over.is_set():
            self._note(Blocked(seconds, "", [], time.time() - seconds))
            self._warn(seconds, "", [])
            self._changed()

    def _see_block(self) -> None:
        asked, began = self._asked, time.time() - self._after
        path, frames = self._whose()
        if self._answered.is_set():  # it goes on at this very moment, and what was seen is no longer so
            self._see_held(self.lag)
            return
        self.blocked = Blocked(time.monotonic() - asked, path, frames, began)
        self._warn(self.blocked.seconds, path, frames)
        self._changed()
        told = time.monotonic()
        while not self._answered.wait(_BETWEEN_LOOKS):
            now = time.monotonic()
            self.blocked = Blocked(now - asked, path, frames, began)
            if now - told >= 1.0:
                told = now
                self._changed()
        seconds = max(self.blocked.seconds, 0.0 if self._over.is_set() else self.lag)
        self._note(Blocked(seconds, path, frames, began))
        self.blocked = None
        self._changed()

    def _note(self, block: Blocked) -> None:
        self.blocks.append(block)
        self.count += 1
        self.seconds += block.seconds

    def _whose(self) -> tuple[str, list[Frame]]:
        """Return whose code runs on the loop's thread, and where it stands, from the handler on."""
        cell: Any = self._runtime.run_queue.current
        if cell is None:
            task = asyncio.current_task(self._runtime.loop)
            cell = None if task is None else owner_of(task)
        elif isinstance(cell, InterleavedCall):
            cell = cell.cell
        frames = frames_of(running_frames(self._runtime.thread))
        own = next((number for number, frame in enumerate(frames) if frame.own), 0)
        return "" if cell is None else cell.path, frames[own:]

    @staticmethod
    def _warn(seconds: float, path: str, frames: list[Frame]) -> None:
        innermost = next((frame for frame in reversed(frames) if frame.own), frames[-1] if frames else None)
        where = "" if innermost is None else f", at {innermost.file}:{innermost.line} ({innermost.function})"
        logger.warning("the loop was blocked for %.1f s and more by %s%s", seconds, path or "no actor", where)
