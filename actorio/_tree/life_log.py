"""The log of the lives of actors for an operator, at sensible levels, and not more than can be read.

DEBUG starts and ends; INFO dead letters; WARNING restarts; ERROR failures, and a supervisor that gives up. What comes
again and again within a second is held back, and counted: the next record, or the end, says how much it was.
"""

from __future__ import annotations

import logging
import weakref
from typing import Any

from actorio._cell.actor_log import log_of
from actorio._cell.naming import log_fields, message_type
from actorio._core.log import is_logged, log
from actorio._core.observer import Observer
from actorio.errors import ExitReason, describe

__all__ = ["LifeLog", "StartLog"]

_EVERY = 1.0
"""Seconds between two records of one kind."""
_BURST = 10
"""Dead letters that are logged at once, before one in a second is."""

Key = tuple[Any, ...]


class LifeLog(Observer):
    """Logs what goes wrong with actors and their messages.

    Args:
        contents: whether the contents of messages are logged, and not their types alone.
    """

    level = "lives"

    def __init__(self, *, contents: bool) -> None:
        self._contents = contents
        self._logged: dict[Key, tuple[float, int, dict[str, Any]]] = {}
        """When a record was logged last, how many were held back since, and whose they are; the oldest first."""
        self._letters = float(_BURST)
        self._letter_at = 0.0
        self._letters_held = 0
        self.letters_elsewhere = False
        """Whether somebody has taken over the dead letters of the system, to log them in a way of its own."""

    # -- failures ----------------------------------------------------------------------------------

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """Log a failure, unless that actor has failed in the same way within the last second."""
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            return
        held = self._held(cell, type(error), _line_of(error))
        if held is None:
            return
        what = "" if message is None else f" while it handled {self._named(message)}"
        more = f"; {held} more like it were not logged" if held else ""
        text = "%s (incarnation %d) has failed%s%s"
        log_of(cell, logging.ERROR, text, cell.path, cell.incarnation, what, more, error=error)

    def restarts(self, cell: Any, pause: float, count: int, limit: int, within: float) -> None:
        """Log that an actor is to be restarted, and what is left of its budget."""
        held = self._held(cell, "restarts")
        if held is None:
            return
        when = f" in {pause:.3g} s" if pause > 0 else ""
        more = f"; {held} restarts more were not logged" if held else ""
        text = "%s is restarted%s: restart %d of at most %d within %g s%s"
        log_of(cell, logging.WARNING, text, cell.path, when, count, limit, within, more)

    # -- dead letters ------------------------------------------------------------------------------

    def dead_letter(self, cell: Any, message: Any, reason: str) -> None:
        """Log a dead letter, so many at once and then one in a second, for all of the system."""
        if self.letters_elsewhere or not is_logged(logging.INFO):
            return
        now = cell.runtime.timers.now()
        self._letters = min(_BURST, self._letters + (now - self._letter_at) / _EVERY)
        self._letter_at = now
        if self._letters < 1:
            self._letters_held += 1
            return
        self._letters -= 1
        held, self._letters_held = self._letters_held, 0
        more = f"; {held} more dead letters were not logged" if held else ""
        log_of(
            cell, logging.INFO, "dead letter to %s (%s): %s%s", cell.path, reason, self._named(message), more
        )

    # -- what was held back ------------------------------------------------------------------------

    def left(self, system: Any) -> None:
        """Say at the end what was held back and not told of since."""
        self._forget_before(float("inf"))
        if self._letters_held:
            log(logging.INFO, "%d more dead letters were not logged", self._letters_held, system=system.name)
            self._letters_held = 0

    def _held(self, cell: Any, *kind: Any) -> int | None:
        """Return how many like this were held back before it, None if it is to be held back too."""
        now = cell.runtime.timers.now()
        key = (weakref.ref(cell), *kind)
        at, held, fields = self._logged.get(key, (None, 0, {}))
        if at is not None and now - at < _EVERY:
            self._logged[key] = (at, held + 1, fields or log_fields(cell))
            return None
        self._logged.pop(key, None)
        self._forget_before(now - _EVERY)
        self._logged[key] = (now, 0, {})
        return held

    def _forget_before(self, time: float) -> None:
        while self._logged:
            key, (at, held, fields) = next(iter(self._logged.items()))
            if at > time:
                return
            del self._logged[key]
            if held:
                what = key[1].__name__ if isinstance(key[1], type) else key[1]
                log(logging.ERROR, "%s: %d more of %s were not logged", fields["actor"], held, what, **fields)

    def _named(self, message: Any) -> str:
        if self._contents:
            return describe(message)
        return message_type(message)


class StartLog(Observer):
    """Logs starts and ends; an observer of its own, since without it a start tells nobody."""

    level = "lives"

    def started(self, cell: Any) -> None:
        """Log that an actor has started."""
        log_of(cell, logging.DEBUG, "%s has started", cell.path)

    def restarted(self, cell: Any) -> None:
        """Log that a further incarnation has started."""
        log_of(cell, logging.DEBUG, "%s has started again (incarnation %d)", cell.path, cell.incarnation)

    def ended_for_good(self, cell: Any, reason: ExitReason) -> None:
        """Log that an actor has ended."""
        log_of(cell, logging.DEBUG, "%s has ended (%s)", cell.path, reason.value)


def _line_of(error: BaseException) -> tuple[str, int] | None:
    """Return the line that has raised an exception."""
    traceback = error.__traceback__
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
