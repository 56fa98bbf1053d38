"""Signals of the process: the first ends a system in order, the second at once, the third exits.

The count is kept by the handler of the signal itself, which runs between any two steps of the main thread: it needs
no event loop, which a handler that computes without awaiting holds up.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, ClassVar

from actorio._cell.states import Intent
from actorio._core.log import log
from actorio.errors import ActorError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from actorio._tree.runtime import Runtime

__all__ = ["SignalHandler", "Signals"]

_NAMES = ("SIGINT", "SIGTERM", "SIGBREAK")
"""The last is there on Windows alone: Ctrl-Break, which other processes can send too; no SIGTERM comes there."""


class SignalHandler:
    """A handler of one signal, which is taken out again in any order with others of its kind.

    What was there before, `below`, is there again when the last of those above it is out.

    Args:
        signals: the module `signal`, or what a simulated loop has in its place.
        number: of the signal.
        function: what is called, as `signal.signal` does; None hands on to `below`.
    """

    _installed: ClassVar[list[SignalHandler]] = []

    def __init__(
        self, signals: Any, number: int, function: Callable[[int, FrameType | None], object]
    ) -> None:
        self._signals = signals
        self._number = number
        self._function: Callable[[int, FrameType | None], object] | None = function
        self.below: Any = signals.signal(number, self)
        self._installed.append(self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._function is not None:
            self._function(number, frame)
        else:  # whoever has put it back kept it from while it was in
            self.hand_on(number, frame)

    def hand_on(self, number: int, frame: FrameType | None) -> None:
        """Call what was there before."""
        if callable(self.below):
            self.below(number, frame)

    def remove(self) -> None:
        """Take it out, and put back what was there before."""
        self._installed.remove(self)
        self._function = None
        if self._signals.getsignal(self._number) is self:
            # None stands for one that was not installed by Python, and cannot be put back.
            self._signals.signal(self._number, signal.SIG_DFL if self.below is None else self.below)
            return
        for other in self._installed:
            if other.below is self:
                other.below = self.below


class Signals:
    """Handles SIGINT and SIGTERM, on Windows Ctrl-Break too, while a system runs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._signalled = self._acted = 0
        self._handlers: list[SignalHandler] = []

    def check(self) -> None:
        """Refuse another thread than the main one."""
        if current_thread() is not main_thread():
            raise ActorError("handle_signals=True needs the main thread")

    def catch(self) -> None:
        """Begin to handle them."""
        signals = getattr(self._runtime.loop, "actorio_signals", signal)
        numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
        self._handlers = [SignalHandler(signals, number, self._on_signal) for number in numbers]

    def release(self) -> None:
        """Put back what was there before."""
        handlers, self._handlers = self._handlers, []
        for handler in handlers:
            handler.remove()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._signalled += 1
        if self._signalled > 2:
            os._exit(128 + number)
        with contextlib.suppress(RuntimeError):  # the loop is closed: there is nothing left to end
            self._runtime.loop.call_soon_threadsafe(self._act, number)

    def _act(self, number: int) -> None:
        self._acted += 1
        if self._acted == 1:
            name = self._runtime.name
            log(logging.INFO, "%s ends by signal %d", name, number, system=name)
            self._runtime.end_by(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number))
        else:
            self._runtime.shutdown.begin(Intent.KILL)
