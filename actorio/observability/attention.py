"""Causes that somebody should look at, worst first. What hangs on a cause is folded into it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actorio._cell.states import State
from actorio.observability.rows import Attention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actorio._cell.cell import Cell
    from actorio.observability.census import Census, Row
    from actorio.observability.rows import Blocked
    from actorio.observability.waiting import Cause, WaitsNow

__all__ = ["Restarts", "attention_of"]

_MOST = 50
_ORDER = ("blocked", "stuck", "full", "restarting", "suspended")


class Restarts:
    """The restarts of late, by class: some of one class in a row are a loop of crashes."""

    WITHIN = 60.0
    ENOUGH = 3
    _MOST_CLASSES = 1000
    _MOST_TIMES = 100

    def __init__(self) -> None:
        self._of: dict[str, deque[tuple[float, str]]] = {}

    def note(self, cls: str, path: str, now: float) -> None:
        """Note a restart."""
        times = self._of.get(cls)
        if times is None:
            if len(self._of) >= self._MOST_CLASSES:
                del self._of[next(iter(self._of))]
            times = self._of[cls] = deque(maxlen=self._MOST_TIMES)
        times.append((now, path))

    def loops(self, now: float) -> Iterator[tuple[str, str, int, float]]:
        """Yield each class that restarts again and again: its name, its last actor, how often, since when."""
        for cls, times in tuple(self._of.items()):
            while times and times[0][0] < now - self.WITHIN:
                times.popleft()
            if not times:
                del self._of[cls]
            elif len(times) >= self.ENOUGH:
                yield cls, times[-1][1], len(times), now - times[0][0]


def attention_of(
    census: Census,
    waits: WaitsNow,
    restarts: Restarts,
    suspended: dict[Cell, None],
    blocked: Blocked | None,
    stuck_after: float,
    now: float,
) -> list[Attention]:
    """Return what to look at, 50 at most."""
    stuck = _stuck(census, waits, stuck_after)
    folded = {cell for cell, (_, cause) in stuck.items() for cell in (cell, *_waiters(cause))}
    lines = [
        *([] if blocked is None else [blocked_line(blocked, census)]),
        *(_stuck_line(row, cause, census) for row, cause in stuck.values()),
        *(_full_line(row, waits, census) for row in census.filled if row.cell not in folded),
        *(
            Attention(
                "restarting", path, cls, f"{count} restarts within {Restarts.WITHIN:g} s", seconds, 0, 0
            )
            for cls, path, count, seconds in restarts.loops(now)
        ),
        *(_suspended_line(cell, waits, census, now) for cell in suspended),
    ]
    lines.sort(key=lambda line: (_ORDER.index(line.kind), -line.waiters, -line.seconds))
    return lines[:_MOST]


def blocked_line(blocked: Blocked, census: Census) -> Attention:
    """Return the line of a blocked loop."""
    row = (
        next((row for row in census.rows.values() if row.path == blocked.path), None)
        if blocked.path
        else None
    )
    at = next((frame for frame in reversed(blocked.frames) if frame.own), None)
    where = "" if at is None else f" at {at.file.rpartition('/')[2]}:{at.line}"
    text = f"the loop is blocked for {duration(blocked.seconds)}{where}"
    return Attention(
        "blocked", blocked.path, "" if row is None else row.group.name, text, blocked.seconds, 0, 0
    )


def _stuck(census: Census, waits: WaitsNow, stuck_after: float) -> dict[Cell, tuple[Row, Cause | None]]:
    """Return those in one turn for long who wait for no actor, each with who waits for it."""
    causes = {cause.cell: cause for cause in waits.causes}
    found: dict[Cell, tuple[Row, Cause | None]] = {}
    for row in census.turns:
        seconds = census.turn_seconds(row)
        cell = row.cell
        if (
            seconds is not None
            and seconds >= stuck_after
            and cell.waits_on is None
            and cell.state != State.ENDED
        ):
            found[cell] = row, causes.get(cell)
    return found


def _waiters(cause: Cause | None) -> Any:
    return () if cause is None else cause.waiters


def _stuck_line(row: Row, cause: Cause | None, census: Census) -> Attention:
    waiters, seconds = len(_waiters(cause)), census.turn_seconds(row) or 0.0
    behind = row.depth + sum(_depth(census, cell) for cell in _waiters(cause))
    text = f"in one turn for {duration(seconds)}{_hanging(waiters, behind)}"
    return Attention("stuck", row.path, row.group.name, text, seconds, waiters, behind)


def _full_line(row: Row, waits: WaitsNow, census: Census) -> Attention:
    waiters = waits.sizes.get(row.cell, 0)
    behind = row.depth + sum(_depth(census, cell) for cell in waits.direct.get(row.cell, ()))
    senders = len(row.cell.mailbox.waiting or ())
    text = f"its mailbox holds {row.depth:,} of {row.capacity:,} messages"
    if senders:
        text += f"; {senders:,} senders wait for room"
    return Attention("full", row.path, row.group.name, text, 0.0, waiters, behind)


def _suspended_line(cell: Cell, waits: WaitsNow, census: Census, now: float) -> Attention:
    errands, row = cell.errands, census.rows.get(cell)
    seconds = 0.0 if errands is None else max(0.0, cell.runtime.timers.now() - errands.since)
    waiters = waits.sizes.get(cell, 0)
    behind = _depth(census, cell) + sum(_depth(census, one) for one in waits.direct.get(cell, ()))
    text = f"suspended for {duration(seconds)}{_hanging(waiters, behind)}"
    return Attention(
        "suspended", cell.path, "" if row is None else row.group.name, text, seconds, waiters, behind
    )


def _hanging(waiters: int, behind: int) -> str:
    text = (
        f"; {waiters:,} actor{'' if waiters == 1 else 's'} wait{'s' if waiters == 1 else ''} for it"
        if waiters
        else ""
    )
    return f"{text}; {behind:,} message{'' if behind == 1 else 's'} behind it" if behind else text


def _depth(census: Census, cell: Cell) -> int:
    row = census.rows.get(cell)
    return 0 if row is None else row.depth


def duration(seconds: float) -> str:
    """Return a time for people."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
