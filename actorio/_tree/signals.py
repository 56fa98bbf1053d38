"""Signals of the process: the first ends a system in order, the second at once, the third exits."""

from __future__ import annotations

import logging
import os
import signal
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

from actorio._cell.states import Intent
from actorio.errors import ActorError

if TYPE_CHECKING:
    from actorio._tree.runtime import Runtime

__all__ = ["Signals"]

logger = logging.getLogger("actorio")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """What SIGINT and SIGTERM do while a system runs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._signalled = 0

    def check(self) -> None:
        """Refuse another thread than the main one."""
        if current_thread() is not main_thread():
            raise ActorError("handle_signals=True needs the main thread")

    def catch(self) -> None:
        """Begin to handle them."""
        for number in _SIGNALS:
            self._runtime.loop.add_signal_handler(number, self._on_signal, number)

    def release(self) -> None:
        """Give them back."""
        for number in _SIGNALS:
            self._runtime.loop.remove_signal_handler(number)

    def _on_signal(self, number: int) -> None:
        self._signalled += 1
        if self._signalled == 1:
            logger.info("%s ends by signal %d", self._runtime.name, number)
            self._runtime.end_by(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number))
        elif self._signalled == 2:
            self._runtime.shutdown.begin(Intent.KILL)
        else:
            os._exit(128 + number)
