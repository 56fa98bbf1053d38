"""The log of failures: a record for each, but no more than one a second of one actor.

It names the type of the message, and has nothing of its contents.
"""

from __future__ import annotations

import logging
import weakref
from typing import Any

from actorio._cell.naming import log_fields, message_type
from actorio._core.observer import Observer

__all__ = ["FailureLog"]

logger = logging.getLogger("actorio")

_EVERY = 1.0
"""Seconds between two log records of failures of one actor: a crash loop must not flood the log."""


class FailureLog(Observer):
    """Logs what fails actors."""

    level = "lives"

    def __init__(self) -> None:
        self._logged: dict[weakref.ref[Any], float] = {}
        """The actors with a record within the last second, the oldest record first."""

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """Log a failure unless that actor had one within the last second."""
        now = cell.runtime.timers.now()
        self._forget_before(now - _EVERY)
        actor = weakref.ref(cell)
        if actor in self._logged or isinstance(error, (SystemExit, KeyboardInterrupt)):
            return
        self._logged[actor] = now
        what = "" if message is None else f" while it handled {message_type(message)}"
        logger.error(
            "%s (incarnation %d) has failed%s",
            cell.path,
            cell.incarnation,
            what,
            exc_info=error,
            extra=log_fields(cell),
        )

    def _forget_before(self, time: float) -> None:
        while self._logged:
            oldest = next(iter(self._logged))
            if self._logged[oldest] > time:
                return
            del self._logged[oldest]
