"""The metrics of a system, for OpenTelemetry: read from a census when they are collected, by class, never by path.

A collection may come from any thread. It waits for a census of the loop; while that is blocked it has the last one,
and says by how much the loop is late. The duration of turns is measured as they happen, one in 64.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from threading import get_ident
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation

from actorio._core.deadlines import Deadline, Deadlines
from actorio.observability.census import Census
from actorio.observability.lives import Lives
from actorio.observability.survey import class_rows, senders_of, states_of, stuck_of
from actorio.observability.turn_durations import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Meter

    from actorio._tree.runtime import Runtime
    from actorio.observability.turn_durations import Told

__all__ = ["Metrics", "duration_histogram"]

_FRESH = 0.2
_PATIENCE = 1.0
"""Seconds that a collection waits for the loop."""
_BEAT = 0.2
_BLOCKED_AFTER = 0.5
_STUCK_AFTER = 5.0

Figures = dict[str, list[Observation]]


class Pulse:
    """How late the loop is: it looks at the clock a few times a second."""

    def __init__(self, runtime: Runtime) -> None:
        self._timers = Deadlines(runtime.loop)  # of its own: those of the system are counted
        self._due = 0.0
        self._lag = self._blocked = 0.0
        self._alarm: Deadline | None = None

    def start(self) -> None:
        """Begin to look."""
        self._due = time.monotonic() + _BEAT
        self._alarm = self._timers.after(_BEAT, self._beat)

    def stop(self) -> None:
        """End that."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._timers.close()

    def _beat(self) -> None:
        self._lag = self._late()
        if self._lag >= _BLOCKED_AFTER:
            self._blocked += self._lag
        self.start()

    def _late(self) -> float:
        return max(0.0, time.monotonic() - self._due)

    def lag(self) -> float:
        """Return how late the loop is, or was when it last looked; from any thread."""
        return max(self._lag, self._late())

    def blocked(self) -> float:
        """Return for how many seconds it was blocked in all; from any thread."""
        late = self._late()
        return self._blocked + (late if late >= _BLOCKED_AFTER else 0.0)

    def living_time(self) -> float:
        """Return a time that stands still while the loop is blocked."""
        return time.monotonic() - self.blocked()


class Metrics:
    """Registers the instruments, and has figures for them."""

    def __init__(self, runtime: Runtime, meter: Meter) -> None:
        self._runtime = runtime
        self._pulse = Pulse(runtime)
        self._census = Census(runtime, self._pulse.living_time)
        self._lives = Lives(self._census)
        self._taking: asyncio.Future[None] | None = None
        self._figures: Figures = {}
        self._at = 0.0
        self._read_since: dict[str, None] = {}
        self._is_on = False
        self._register(meter)

    async def start(self) -> None:
        """Begin to count."""
        self._runtime.observe(self._lives)
        self._pulse.start()
        self._is_on = True

    async def stop(self) -> None:
        """Read all once more, for the last collection, which may come after the block, and end."""
        try:
            await self._look()
        finally:
            self._is_on = False
            self._pulse.stop()
            self._runtime.unobserve(self._lives)

    def _register(self, meter: Meter) -> None:
        for name, unit, description in (
            ("actorio.messages.handled", "{message}", "Messages handled to the end."),
            ("actorio.actor.failures", "{failure}", "What has raised."),
            ("actorio.actor.restarts", "{restart}", "Restarts."),
            ("actorio.dead_letters", "{message}", "Messages that will not be handled."),
            ("actorio.loop.blocked", "s", "For how long the loop was blocked."),
        ):
            meter.create_observable_counter(name, [self._reader(name)], unit, description)
        for name, unit, description in (
            ("actorio.mailbox.depth", "{message}", "Messages that wait."),
            ("actorio.mailbox.deepest", "{message}", "Most messages in one mailbox."),
            ("actorio.mailbox.senders", "{sender}", "Senders that wait for room."),
            ("actorio.actors.stuck", "{actor}", "Actors in one turn for 5 s, waiting for no actor."),
            ("actorio.loop.lag", "s", "How late the loop was."),
        ):
            meter.create_observable_gauge(name, [self._reader(name)], unit, description)
        name = "actorio.actors"
        meter.create_observable_up_down_counter(name, [self._reader(name)], "{actor}", "Actors.")

    def _reader(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: self._read(name)

    # -- collections, from any thread --------------------------------------------------------------

    def _read(self, name: str) -> list[Observation]:
        """Return the figures of one instrument; one that is read again begins another collection."""
        if self._is_on and (name in self._read_since or time.monotonic() - self._at > _FRESH):
            self._read_since.clear()
            if get_ident() == self._runtime.thread:
                self._look_at_once()
            else:
                self._look_from_outside()
        self._read_since[name] = None
        return {**self._figures, **self._of_loop()}.get(name, [])

    def _look_from_outside(self) -> None:
        with contextlib.suppress(
            RuntimeError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError
        ):
            looking = self._look()
            try:
                future = asyncio.run_coroutine_threadsafe(looking, self._runtime.loop)
            except RuntimeError:  # the loop is closed
                looking.close()
                raise
            future.result(_PATIENCE)

    def _look_at_once(self) -> None:
        """Take a census in one go: the loop itself waits for the collection."""
        if self._taking is None:
            taking = self._census.take()
            with contextlib.suppress(StopIteration):
                while True:
                    taking.send(None)
            self._note()

    async def _look(self) -> None:
        if self._taking is not None:
            await asyncio.shield(self._taking)
            return
        self._taking = self._runtime.loop.create_future()
        try:
            await self._census.take()
            self._note()
        finally:
            taking, self._taking = self._taking, None
            taking.set_result(None)

    # -- figures -----------------------------------------------------------------------------------

    def _note(self) -> None:
        """Make the figures of a census; they are replaced as a whole."""
        census, system = self._census, self._runtime.name
        rows = class_rows(census)
        kept = {row.cls for row in rows}
        figures: Figures = {
            name: [Observation(getattr(row, field), _of(system, row.cls)) for row in rows]
            for name, field in (
                ("actorio.messages.handled", "handled"),
                ("actorio.actor.failures", "failed"),
                ("actorio.actor.restarts", "restarts"),
                ("actorio.mailbox.depth", "depth"),
                ("actorio.mailbox.deepest", "deepest"),
            )
        }
        figures["actorio.actors"] = [
            Observation(count, {**_of(system, cls), "actorio.actor.state": state})
            for (cls, state), count in states_of(census, kept).items()
        ]
        for name, counts in (
            ("actorio.mailbox.senders", senders_of(census, kept)),
            ("actorio.actors.stuck", stuck_of(census, kept, _STUCK_AFTER)),
        ):
            figures[name] = [Observation(count, _of(system, cls)) for cls, count in counts.items()]
        self._figures = figures
        self._at = time.monotonic()

    def _of_loop(self) -> Figures:
        """Return what is known without a census."""
        system = {"actorio.system": self._runtime.name}
        return {
            "actorio.loop.lag": [Observation(self._pulse.lag() if self._is_on else 0.0, system)],
            "actorio.loop.blocked": [Observation(self._pulse.blocked(), system)],
            "actorio.dead_letters": [
                Observation(count, {**system, "actorio.reason": reason})
                for reason, count in tuple(self._lives.letters.by_reason.items())
            ],
        }


def duration_histogram(system: str, meter: Meter) -> Told:
    """Register the histogram of the durations of turns, and return what is to be told of each."""
    histogram = meter.create_histogram(
        "actorio.turn.duration",
        "s",
        "How long turns take; one in 64 is measured.",
        explicit_bucket_boundaries_advisory=BOUNDS,
    )

    def record(seconds: float, cls: str, kind: str, error: str) -> None:
        attributes = {**_of(system, cls), "actorio.message.kind": kind}
        histogram.record(seconds, {**attributes, "error.type": error} if error else attributes)

    return record


def _of(system: str, cls: str) -> dict[str, str]:
    return {"actorio.system": system, "actorio.actor.class": cls}
