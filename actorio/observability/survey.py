"""Surveys: the knowledge of one moment, made of a census, for the loop's own callers and for the doors' thread.

A survey is made on the loop and read from anywhere; it is replaced as a whole.
"""

from __future__ import annotations

import heapq
import os
import platform
import time
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from actorio._cell.states import State
from actorio._core.acceleration import core_is_compiled
from actorio._core.deadlock import chain_of
from actorio.observability.attention import attention_of, blocked_line
from actorio.observability.rows import ActorRow, ClassRow, Overview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actorio.observability.census import Census, Row
    from actorio.observability.lives import Lives, TurnTimes
    from actorio.observability.waiting import WaitsNow
    from actorio.observability.watchdog import Watchdog

__all__ = ["MOST_CLASSES", "OTHERS", "SORTS", "Survey", "class_rows", "senders_of", "states_of", "stuck_of"]

OTHERS = "(others)"
MOST_CLASSES = 200

_PLAIN = {
    "depth": attrgetter("depth"),
    "rate": attrgetter("delta"),
    "handled": attrgetter("handled"),
    "failed": attrgetter("failed"),
    "restarts": attrgetter("restarts"),
}
"""Keys that are read without a call of Python for each of a hundred thousand rows."""
SORTS = (*_PLAIN, "turn", "waiters", "time")


class Survey:
    """A census with the graph of waits and what needs attention.

    Args:
        census: as it is now.
        waits: of the same moment.
        lives: what was told.
        times: of the turns, where they are timed.
        watchdog: of the loop.
    """

    def __init__(
        self, census: Census, waits: WaitsNow, lives: Lives, times: TurnTimes | None, watchdog: Watchdog
    ) -> None:
        self.census: Census = census
        self.waits: WaitsNow = waits
        self.times: TurnTimes | None = times
        self._lives = lives
        self._watchdog = watchdog
        self.at = census.at

    def take(
        self, name: str, loop: str, began: float, suspended: dict[Any, None], stuck_after: float
    ) -> None:
        """Make the overview, on the loop."""
        census = self.census
        classes = class_rows(census)
        self.overview = Overview(
            name=name,
            pid=os.getpid(),
            python=platform.python_version(),
            loop=loop,
            uptime=time.monotonic() - began,
            age=0.0,
            scan_seconds=census.scan_seconds,
            actors=len(census.rows),
            rate=census.rate,
            depth=census.depth,
            in_turn=len(census.turns),
            failures=self._lives.failures.count,
            restarts=sum(row.restarts for row in classes),
            dead_letters=self._lives.letters.count,
            lag=self._watchdog.lag,
            blocked=None,
            blocks=self._watchdog.count,
            classes=classes,
            attention=attention_of(
                census, self.waits, self._lives.restarts, suspended, None, stuck_after, time.monotonic()
            ),
            core="compiled" if core_is_compiled else "pure",
        )

    def overview_now(self) -> Overview:
        """Return the overview with its age, and with what the watchdog sees at this moment; from any thread."""
        overview, blocked = self.overview, self._watchdog.blocked
        age = time.monotonic() - self.at
        attention = overview.attention
        if blocked is not None:
            attention = [blocked_line(blocked, self.census), *attention][:50]
        return replace(
            overview,
            age=age,
            uptime=overview.uptime + age,
            lag=overview.lag if blocked is None else blocked.seconds,
            blocked=blocked,
            blocks=self._watchdog.count,
            attention=attention,
        )

    # -- rows of actors ----------------------------------------------------------------------------

    def ordered(self, rows: Iterable[Row], by: str, limit: int) -> list[Row]:
        """Return the first rows by a key, the greatest first."""
        plain = _PLAIN.get(by)
        key: Callable[[Row], Any] = getattr(self, f"_{by}") if plain is None else plain
        return heapq.nlargest(limit, rows, key=key)

    def _turn(self, row: Row) -> float:
        return self.census.turn_seconds(row) or 0.0

    def _waiters(self, row: Row) -> int:
        return self.waits.sizes.get(row.cell, 0)

    def _time(self, row: Row) -> float:
        return 0.0 if self.times is None else self.times.total(row.cell)

    def actor_row(self, row: Row) -> ActorRow:
        """Describe an actor."""
        cell = row.cell
        chain = chain_of(cell) if cell.waits_on is not None else []
        mean, longest = (None, None) if self.times is None else self.times.of(cell)
        return ActorRow(
            path=row.path,
            cls=row.group.name,
            state=row.state,
            depth=row.depth,
            capacity=row.capacity,
            rate=self.census.per_second(row.delta),
            handled=row.handled,
            failed=row.failed,
            restarts=row.restarts,
            turn_seconds=self.census.turn_seconds(row),
            waiters=self.waits.sizes.get(cell, 0),
            waits_for=chain[0].path if chain else "",
            mean_seconds=mean,
            max_seconds=longest,
        )


def class_rows(census: Census) -> list[ClassRow]:
    """Return all classes, those of the most actors and messages first: 200, and the others as one."""
    groups = sorted(
        census.classes.values(), key=lambda group: (-group.delta, -group.actors, -group.handled, group.name)
    )
    rows = [
        ClassRow(
            group.name,
            group.actors,
            census.per_second(group.delta),
            group.depth,
            group.deepest,
            group.handled,
            group.failed,
            group.restarts,
        )
        for group in groups
    ]
    kept, others = rows[:MOST_CLASSES], rows[MOST_CLASSES:]
    if others:
        kept.append(
            ClassRow(
                OTHERS,
                sum(row.actors for row in others),
                sum(row.rate for row in others),
                sum(row.depth for row in others),
                max(row.deepest for row in others),
                sum(row.handled for row in others),
                sum(row.failed for row in others),
                sum(row.restarts for row in others),
            )
        )
    return kept


def states_of(census: Census, kept: set[str]) -> dict[tuple[str, str], int]:
    """Count the actors of each class in each state; those of classes that are not kept as others."""
    counts: dict[tuple[str, str], int] = {}
    for group in tuple(census.classes.values()):
        name = group.name if group.name in kept else OTHERS
        unusual = dict(group.unusual)
        running = group.actors - sum(unusual.values())
        for state, count in ((State.RUNNING, running), *unusual.items()):
            counts[name, state] = counts.get((name, state), 0) + max(0, count)
    return counts


def senders_of(census: Census, kept: set[str]) -> dict[str, int]:
    """Count the senders that wait for room, by class of whom they send to."""
    waiting = ((row.group.name, len(row.cell.mailbox.waiting or ())) for row in census.filled)
    return _summed(waiting, kept)


def stuck_of(census: Census, kept: set[str], stuck_after: float) -> dict[str, int]:
    """Count the actors that are in one turn for so many seconds, and wait for no actor."""
    return _summed(
        (
            (row.group.name, 1)
            for row in census.turns
            if row.cell.waits_on is None and (census.turn_seconds(row) or 0.0) >= stuck_after
        ),
        kept,
    )


def _summed(counts: Iterable[tuple[str, int]], kept: set[str]) -> dict[str, int]:
    sums = dict.fromkeys(kept, 0)
    for cls, count in counts:
        sums[cls if cls in kept else OTHERS] += count
    return sums
