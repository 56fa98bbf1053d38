"""Ctrl-C where a system does not handle signals: `KeyboardInterrupt` comes out where it loses nothing.

Python raises it between any two steps of the main thread. Raised in the middle of a wake-up it loses that, and a
task that is never woken again keeps `asyncio.run` from ending, however often Ctrl-C is pressed. So while a system
runs, one that comes in the middle of the machinery, this package's or the event loop's, is raised a moment later:
from the loop, before its next step. In your own code it comes out at once, as ever.

Source: the protection of trio from `KeyboardInterrupt`.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

from actorio._core.whose_code import is_machinery, is_standard
from actorio._tree.signals import SignalHandler

if TYPE_CHECKING:
    from types import FrameType

    from actorio._tree.runtime import Runtime

__all__ = ["InterruptGuard", "is_in_machinery"]

_PATIENCE = 0.25
"""Seconds for the loop to get to it; if the loop is held up, the next Ctrl-C comes out wherever it is."""
_LOOP = tuple(str(Path(asyncio.__file__).with_name(name)) for name in ("base_events.py", "events.py"))


class InterruptGuard:
    """Holds a SIGINT back while the machinery is at work."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._handler: SignalHandler | None = None
        self._held_since: float | None = None

    def check(self) -> None:
        """Refuse nothing: where a handler cannot be replaced, none is."""

    def catch(self) -> None:
        """Stand before what is there for SIGINT, if that is a function, and may be replaced from here."""
        simulated = hasattr(self._runtime.loop, "actorio_signals")
        if not simulated and current_thread() is main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self._handler = SignalHandler(signal, signal.SIGINT, self._on_interrupt)

    def release(self) -> None:
        """Put back what was there before."""
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.remove()

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        handler = self._handler
        if handler is None:
            return
        loop = self._runtime.loop
        waits = self._held_since is not None and time.monotonic() - self._held_since < _PATIENCE
        if waits or (self._held_since is None and is_in_machinery(frame) and not loop.is_closed()):
            self._held_since = self._held_since or time.monotonic()
            loop.call_soon_threadsafe(self._let_out, handler, number)
        else:
            handler.hand_on(number, frame)

    def _let_out(self, handler: SignalHandler, number: int) -> None:
        self._held_since = None
        handler.hand_on(number, None)


def is_in_machinery(frame: FrameType | None) -> bool:
    """Tell whether an exception raised here would come out in the middle of this package, or of the loop's own steps.

    What this package calls of the standard library counts as itself, what your code calls of it as yours.
    """
    if frame is not None and frame.f_code.co_filename in _LOOP:
        return True
    while frame is not None:
        file = frame.f_code.co_filename
        if is_machinery(file) or not is_standard(file):
            return is_machinery(file)
        frame = frame.f_back
    return False
