"""The observatory as the doors see it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from actorio._core.redaction import Redact
    from actorio.observability.census import Census
    from actorio.observability.lives import Lives, TurnTimes
    from actorio.observability.rows import Culprit
    from actorio.observability.survey import Survey
    from actorio.observability.waiting import Cause
    from actorio.observability.watchdog import Watchdog

__all__ = ["Seen"]


class Seen(Protocol):
    """The observatory, for what shows its surveys: lists, streams and metrics."""

    runtime: Any
    values: bool
    stuck_after: float
    times: TurnTimes | None
    redact: Redact
    census: Census
    lives: Lives
    watchdog: Watchdog
    survey: Survey | None
    history: deque[tuple[float, int, float, int, float, int]]

    def looked(self) -> None:
        """Note that somebody looks."""

    def abilities(self) -> dict[str, bool]:
        """Return what the doors offer."""
        ...

    def culprit(self, cause: Cause, survey: Survey) -> Culprit:
        """Describe a cause."""
        ...
