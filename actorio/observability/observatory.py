"""The observatory: looks at a whole system now and then, and shows what it sees.

    async with ActorSystem() as system, Observatory(system, page=0) as observatory:
        print(observatory.url)

It pulls: a census reads what the runtime counts anyway, in slices on the loop, each second while somebody looks and
each ten seconds while nobody does. A watchdog, in a thread, sees a blocked loop while it is blocked; the doors (a
socket for this user's other terminals, a page on the loopback) are in a thread of their own, so that they show it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from actorio._cell.frames import turn_frames
from actorio._core.checks import check_count, check_instance, check_some_time
from actorio._core.deadlines import Deadlines
from actorio._core.observer import Observer
from actorio._core.redaction import Redact, hide_secrets
from actorio.errors import ActorError
from actorio.inspection.rows import frames_of
from actorio.observability.census import Census
from actorio.observability.lives import Lives, TurnTimes
from actorio.observability.pace import Pace
from actorio.observability.rows import ActorRow, Blocked, Culprit, Failure, LostLetter, Overview
from actorio.observability.survey import SORTS, Survey
from actorio.observability.waiting import waits_now
from actorio.observability.watchdog import Watchdog
from actorio.system import ActorSystem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from actorio._core.deadlines import Deadline
    from actorio.observability.doors import Doors
    from actorio.observability.waiting import Cause

__all__ = ["Observatory"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FRESH = 0.2
_LOOKED_AT = 1.0
_LEAST_OFTEN_LOOKED_AT = 3.0
_SHARE_LOOKED_AT = 0.03
_UNSEEN = 10.0
_SHARE_UNSEEN = 0.005
_LOOKING = 5.0
"""Seconds after a look in which somebody is taken to look on."""
_HISTORY = 900
_LAST_PORT = 65535


class Observatory:
    """Looks at a system from inside of its block: `async with Observatory(system, page=0) as observatory`.

    Args:
        system: which has been entered, and has no observatory yet.
        page: the port of a page on the loopback, 0 for any free one; None for no page.
        socket: whether there is a socket, for the other terminals of this user (`actorio ps`, `actorio top`).
        host: the address of the page; none but those of the loopback.
        stuck_after: seconds in one turn, waiting for no actor, after which an actor is stuck.
        blocked_after: seconds without a sign of life of the loop after which it is blocked.
        timing: whether turns are timed, at two looks at the clock for each.
        values: whether the contents of messages are shown, redacted, and not their types alone.
        actions: whether actors may be suspended, resumed, stopped and killed from outside.
        redact: hides what is secret: called with each name and value, it gives what is to be shown.

    Raises:
        ValueError: `host` is not on the loopback.
    """

    def __init__(  # noqa: PLR0915 (one line a part)
        self,
        system: ActorSystem,
        *,
        page: int | None = None,
        socket: bool = True,
        host: str = "127.0.0.1",
        stuck_after: float = 5.0,
        blocked_after: float = 0.5,
        timing: bool = False,
        values: bool = False,
        actions: bool = False,
        redact: Redact = hide_secrets,
    ) -> None:
        self._system = check_instance("system", system, ActorSystem)
        if page is not None:
            check_count("page", page, least=0)
            if page > _LAST_PORT:
                raise ValueError(f"page must be a port, {_LAST_PORT} at most, not {page}")
        if host not in LOOPBACK:
            raise ValueError(
                f"host must be one of {', '.join(LOOPBACK)}, not {host!r}: the page is for this machine alone; to see "
                "it from another one, use an SSH tunnel: ssh -L PORT:127.0.0.1:PORT this-machine"
            )
        self._page = page
        self._has_socket = socket
        self.host = host
        self.stuck_after = check_some_time("stuck_after", stuck_after)
        self.blocked_after = check_some_time("blocked_after", blocked_after)
        self.values = values
        self.actions = actions
        self.redact = redact
        runtime = self.runtime = system._runtime
        self.watchdog = Watchdog(runtime, self.blocked_after, self._changed)
        self.census = Census(runtime, self.watchdog.living_time)
        self.lives = Lives(self.census, redact)
        self.times = TurnTimes() if timing else None
        self._told: list[Observer] = [self.lives] if self.times is None else [self.lives, self.times]
        self.history: deque[tuple[float, int, float, int, float, int]] = deque(maxlen=_HISTORY)
        self.survey: Survey | None = None
        self.doors: Doors | None = None
        self.on_census: Callable[[], object] | None = None
        """Called when there is a new survey, and, from another thread, while the loop is blocked."""
        self._looked = 0.0
        self._lock = asyncio.Lock()
        self._alarm: Deadline | None = None
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0

    # -- the block ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        runtime = self.runtime
        if not runtime.is_running or runtime.has_ended:
            raise ActorError(
                f"the system {runtime.name!r} is not running: enter the observatory inside of its block"
            )
        runtime.check_thread()
        if runtime.turn_clock is not None:
            raise ActorError(f"the system {runtime.name!r} has an observatory already")
        doors = self._make_doors()
        self._began = time.monotonic()
        self.timers = Deadlines(runtime.loop)
        runtime.turn_clock = self.census.turn_seconds_now
        for observer in self._told:
            runtime.observe(observer)
        try:
            await self._look()
            self.watchdog.start()
            self._plan()
            if doors is not None:
                self.doors = doors
                await doors.open()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        """Let go of the system at once, then wait for what has to end; a cancel is raised when it has."""
        runtime, task = self.runtime, self._task
        self._alarm = None
        runtime.turn_clock = None
        for observer in self._told:
            runtime.unobserve(observer)
        self.timers.close()
        self.watchdog.stop()
        left = [] if task is None else [task]
        if task is not None:
            task.cancel()
        if self.doors is not None:
            left.append(
                runtime.make_task(self.doors.close(), f"observatory of {runtime.name} closes its doors")
            )
        cancelled = None
        while not all(one.done() for one in left):
            try:
                await asyncio.wait(left)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _make_doors(self) -> Doors | None:
        if self._page is None and not self._has_socket:
            return None
        try:
            from actorio.observability.doors import Doors
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] not in {"starlette", "uvicorn", "prometheus_client"}:
                raise
            raise ImportError(
                f"the page and the socket of an observatory need {missing.name}: pip install 'actorio-py[web]'"
            ) from missing
        return Doors(self, self._page, has_socket=self._has_socket)

    # -- where its doors are -----------------------------------------------------------------------

    @property
    def url(self) -> str | None:
        """The link to the page, with the token in it; None without a page."""
        return None if self.doors is None else self.doors.url

    @property
    def port(self) -> int | None:
        """The port of the page; None without one."""
        return None if self.doors is None else self.doors.port

    @property
    def token(self) -> str | None:
        """Return the secret that opens the page, new with each observatory; None without a page."""
        return None if self.doors is None else self.doors.token

    @property
    def socket(self) -> Path | None:
        """The path of the socket; None without one."""
        return None if self.doors is None else self.doors.socket_path

    # -- what is seen ------------------------------------------------------------------------------

    async def overview(self) -> Overview:
        """Return the whole at a glance, of a census that is no older than 0.2 seconds."""
        return (await self._fresh()).overview_now()

    async def top(self, by: str = "depth", limit: int = 20) -> list[ActorRow]:
        """Return the first actors by `depth`, `rate`, `handled`, `failed`, `restarts`, `turn`, `waiters` or `time`.

        Raises:
            ValueError: another key; or `time`, and turns are not timed.
        """
        self.check_sort(by)
        check_count("limit", limit, least=0)
        survey = await self._fresh()
        return [survey.actor_row(row) for row in survey.ordered(survey.census.rows.values(), by, limit)]

    def check_sort(self, by: str) -> None:
        """Refuse a key that actors cannot be sorted by."""
        if by not in SORTS:
            raise ValueError(f"by must be one of {', '.join(SORTS)}, not {by!r}")
        if by == "time" and self.times is None:
            raise ValueError("the time of turns is known with Observatory(..., timing=True) alone")

    async def waits(self) -> list[Culprit]:
        """Return who is waited for and waits for no actor, most waiters first."""
        survey = await self._fresh()
        return [self.culprit(cause, survey) for cause in survey.waits.causes]

    def culprit(self, cause: Cause, survey: Survey) -> Culprit:
        """Describe a cause, with the line that it is at; on the loop."""
        cell = cause.cell
        row = survey.census.rows.get(cell)
        own = [frame for frame in frames_of(turn_frames(cell)) if frame.own]
        return Culprit(
            path=cell.path,
            cls="" if row is None else row.group.name,
            waiters=len(cause.waiters),
            direct=cause.direct,
            turn_seconds=None if row is None else survey.census.turn_seconds(row),
            at=own[-1] if own else None,
        )

    def failures(self) -> list[Failure]:
        """Return the last 200 failures of actors, newest first."""
        return self.lives.failures.list()

    def letters(self) -> list[LostLetter]:
        """Return the last 200 dead letters, newest first."""
        return self.lives.letters.list()

    @property
    def blocked(self) -> Blocked | None:
        """The loop's block of now; from any thread."""
        return self.watchdog.blocked

    def blocks(self) -> list[Blocked]:
        """Return the last 50 blocks of the loop, newest first."""
        return list(reversed(tuple(self.watchdog.blocks)))

    # -- looking -----------------------------------------------------------------------------------

    def looked(self) -> None:
        """Note that somebody looks: from now on, for some seconds, the census is taken often. From any thread."""
        was, self._looked = self._looked, time.monotonic()
        if self._looked - was > _LOOKING:
            self.runtime.loop.call_soon_threadsafe(self._hurry)

    def abilities(self) -> dict[str, bool]:
        """Return what the doors offer."""
        return {"actions": self.actions, "values": self.values, "timing": self.times is not None}

    def is_fresh(self) -> bool:
        """Tell whether the last census is as young as one that somebody looks at has to be; from any thread."""
        survey = self.survey
        return survey is not None and time.monotonic() - survey.at < max(
            _LEAST_OFTEN_LOOKED_AT / 2, self.census.scan_seconds / _SHARE_LOOKED_AT
        )

    async def look_again(self) -> None:
        """Take a census for who looks through a door."""
        self.looked()
        await self._look()

    async def _fresh(self) -> Survey:
        self.runtime.check_thread()
        self.looked()
        survey = self.survey
        if survey is None or time.monotonic() - survey.at > _FRESH:
            survey = await self._look()
        return survey

    async def _look(self) -> Survey:
        """Take a census, or wait for the one that is being taken."""
        asked = time.monotonic()
        async with self._lock:
            survey = self.survey
            if survey is not None and survey.at >= asked:
                return survey
            return await self._take()

    async def _take(self) -> Survey:
        census, runtime = self.census, self.runtime
        await census.take()
        pace = Pace()
        waits = await waits_now(census.waits, pace)
        survey = Survey(census, waits, self.lives, self.times, self.watchdog)
        survey.take(runtime.name, loop_name(runtime.loop), self._began, runtime.suspended, self.stuck_after)
        census.scan_seconds += pace.end()
        self.survey = survey
        overview = survey.overview
        self.history.append(
            (
                time.time(),
                overview.actors,
                overview.rate,
                overview.depth,
                overview.lag * 1000,
                overview.failures,
            )
        )
        self._changed()
        return survey

    def _plan(self) -> None:
        """Take the next census when it is time for it."""
        self._alarm = self.timers.after(self._pause(), self._begin)

    def _hurry(self) -> None:
        """Take a census now, since somebody has begun to look."""
        if self._alarm is not None and self._alarm.cancel():
            self._begin()

    def _begin(self) -> None:
        self._task = self.runtime.make_task(self._look_now_and_then(), f"observatory of {self.runtime.name}")

    async def _look_now_and_then(self) -> None:
        try:
            await self._look()
        finally:
            self._task = None
        self._plan()

    def _pause(self) -> float:
        cost = self.census.scan_seconds
        if time.monotonic() - self._looked < _LOOKING:
            return min(
                max(_LOOKED_AT, cost / _SHARE_LOOKED_AT), max(_LEAST_OFTEN_LOOKED_AT, cost / _SHARE_LOOKED_AT)
            )
        return max(min(_UNSEEN, 2 * self.stuck_after), cost / _SHARE_UNSEEN)

    def _changed(self) -> None:
        if self.on_census is not None:
            self.on_census()


def loop_name(loop: Any) -> str:
    """Return what an event loop is called for people."""
    kind = type(loop)
    return (
        "uvloop" if kind.__module__.partition(".")[0] == "uvloop" else f"{kind.__module__.partition('.')[0]}"
    )
