"""The log of dead letters: the first ones at once, then so many a second, and once a minute what was left out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from actorio._cell.naming import log_fields, message_type
from actorio._core.checks import check_count, check_instance, check_some_time
from actorio._core.observer import Observer
from actorio.errors import ActorError
from actorio.system import ActorSystem

if TYPE_CHECKING:
    from types import TracebackType

    from actorio._cell.cell import Cell
    from actorio._core.deadlines import Deadline

__all__ = ["DeadLetterLog"]

logger = logging.getLogger("actorio")

_SUMMARY_AFTER = 60.0
_MOST_NAMED = 100
"""Targets of which what is left out is counted one by one."""


class DeadLetterLog(Observer):
    """Logs dead letters, at INFO, by the logger `actorio`: `async with DeadLetterLog(system)`.

    It takes the place of what the system says of them by itself, and that for good. It names the actor, the type of the
    message and the reason, and nothing of the contents. During the shutdown of the system it is silent.

    Args:
        system: which has been entered.
        burst: how many are logged at once, at least 1.
        per_second: how many a second after that, more than 0; what is left out is told once a minute.
    """

    level = "lives"

    def __init__(self, system: ActorSystem, burst: int = 10, per_second: float = 1.0) -> None:
        self._runtime = check_instance("system", system, ActorSystem)._runtime
        self._shutdown = system._shutdown
        self._burst = check_count("burst", burst, least=1)
        self._per_second = check_some_time("per_second", per_second)
        self._tokens = float(burst)
        self._filled = 0.0
        self._left_out: dict[tuple[str, str], int] = {}
        self._elsewhere = 0
        self._alarm: Deadline | None = None

    async def __aenter__(self) -> Self:
        if not self._runtime.is_running or self._runtime.has_ended:
            raise ActorError(
                f"the system {self._runtime.name!r} is not running: enter the log inside of its block"
            )
        self._runtime.observe(self)
        self._runtime.log.letters_elsewhere = True
        self._filled = self._runtime.timers.now()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runtime.unobserve(self)
        if self._alarm is not None:
            self._alarm.cancel()
        self._summarise()

    def dead_letter(self, cell: Cell, message: Any, reason: str) -> None:
        """Log one, or count it as left out."""
        if self._is_silent():
            return
        now = self._runtime.timers.now()
        self._tokens = min(float(self._burst), self._tokens + (now - self._filled) * self._per_second)
        self._filled = now
        if self._tokens >= 1:
            self._tokens -= 1
            logger.info(
                "dead letter to %s (%s): %s", cell.path, reason, message_type(message), extra=log_fields(cell)
            )
            return
        key = cell.path, reason
        if key in self._left_out or len(self._left_out) < _MOST_NAMED:
            self._left_out[key] = self._left_out.get(key, 0) + 1
        else:
            self._elsewhere += 1
        if self._alarm is None:
            self._alarm = self._runtime.timers.after(_SUMMARY_AFTER, self._summarise)

    def _is_silent(self) -> bool:
        return self._runtime.has_ended or self._shutdown.has_begun

    def _summarise(self) -> None:
        """Tell what was left out since the last time."""
        self._alarm = None
        left_out, self._left_out = self._left_out, {}
        elsewhere, self._elsewhere = self._elsewhere, 0
        if self._is_silent():
            return
        for (path, reason), count in left_out.items():
            extra = {"actor": path, "actor_class": "", "incarnation": None, "system": self._runtime.name}
            logger.info("%d more dead letters to %s (%s)", count, path, reason, extra=extra)
        if elsewhere:
            logger.info("%d more dead letters to other actors", elsewhere)
