"""The timers of an actor: a message to itself, once or every so often."""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from actorio._core.checks import check_duration
from actorio._core.envelope import ENDED, QUEUED, Tick
from actorio._core.hints import check_message

if TYPE_CHECKING:
    from actorio._cell.watch_and_link import WatchAndLink
    from actorio._core.deadlines import Deadline

__all__ = ["Timer"]


class Timer:
    """A pending message, or a train of them. It dies with the incarnation that set it.

    Made by `Context.send_after` and `send_every`; `start` is for the runtime.
    """

    __slots__ = ("_alarm", "_cell", "_context", "_interval", "_key", "_message", "_tick")

    def __init__(self, cell: WatchAndLink, interval: float | None, message: Any, key: object) -> None:
        self._cell = cell
        self._interval = interval
        self._message = message
        self._key: object = self if key is None else key
        self._context: Context | None = copy_context() or None
        self._tick: Tick | None = None
        self._alarm: Deadline | None = None

    @classmethod
    def start(
        cls, cell: WatchAndLink, delay: float, message: Any, key: object, *, again: bool = False
    ) -> Timer:
        """Set a timer of an actor, in place of the one with the same key."""
        check_message("send_every" if again else "send_after", message, cell.instance)
        delay = check_duration("interval" if again else "delay", delay)
        if again and delay == 0:
            raise ValueError("interval must be more than 0 seconds")
        timer = cls(cell, delay if again else None, message, key)
        replaced = None if cell.owned is None else cell.owned.get(timer._key)
        if replaced is not None:
            replaced.cancel()
        cell.own(timer._key, timer)
        timer._alarm = cell.runtime.timers.after(delay, timer._ring)
        return timer

    def cancel(self) -> bool:
        """Make sure that no tick is seen any more, not even one that is queued.

        Returns:
            Whether one was still to be seen.

        Raises:
            WrongThreadError: from another thread or event loop.
        """
        self._cell.runtime.check_thread()
        pending = self._tick is not None and self._tick.state == QUEUED
        if pending and self._tick is not None:
            self._tick.state = ENDED
        if self._alarm is not None:
            pending = self._alarm.cancel() or pending
        self._forget()
        return pending

    @property
    def remaining(self) -> float | None:
        """Seconds until the next tick is due, None when none will be."""
        if self._alarm is None or not self._alarm.pending:
            return None
        return max(0.0, self._alarm.time - self._cell.runtime.timers.now())

    def _ring(self) -> None:
        if self._tick is None or self._tick.state != QUEUED:
            # A single tick stays known until it is taken, so that whatever cancels the timer finds it queued.
            taken = self._forget if self._interval is None else None
            context = None if self._context is None else self._context.copy()
            tick = Tick(self._message, context, taken)
            try:
                posted = self._cell.post_tick(tick)
            except BaseException as error:  # a priority function's: not the loop's to handle
                self._cell.fail_from_outside(error)
                posted = False
            if not posted:
                self._forget()
                return
            self._tick = tick
        if self._interval is not None:
            self._again(self._interval)

    def _again(self, interval: float) -> None:
        """Keep to the grid of the first deadline; what a blocked loop has missed is left out."""
        timers = self._cell.runtime.timers
        alarm = self._alarm
        if alarm is None:
            return
        due, now = alarm.time + interval, timers.now()
        if due <= now:
            due += interval * ((now - due) // interval + 1)
        self._alarm = timers.at(due, self._ring)

    def _forget(self) -> None:
        owned = self._cell.owned
        if owned is not None and owned.get(self._key) is self:
            self._cell.let_go(self._key)
