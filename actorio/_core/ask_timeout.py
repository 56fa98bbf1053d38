"""The timeout of an ask: when its deadline is set, and what comes of it.

An ask is given a place among the deadlines at the end of the pass of the run queue that it began in, and most have been
answered by then.
"""

from __future__ import annotations

from actorio._core.ask_core import AskCore
from actorio._core.envelope import ANSWERED, QUEUED
from actorio.errors import AskTimeoutError

__all__ = ["AskTimeout"]


class AskTimeout(AskCore):
    """A `Request`, as its time sees it."""

    __slots__ = ()

    def limit(self, timeout: float | None) -> None:
        """Limit it to so many seconds, None for no limit."""
        if timeout is not None and self.state < ANSWERED:
            self.timeout = timeout
            self.cell.run_queue.limit(self)

    def set_alarm(self) -> None:
        """Set its deadline, unless it has ended: most have by the end of a pass of the run queue."""
        if self.state < ANSWERED:
            self.alarm = self.cell.runtime.timers.enter(self.deadline, self.expire)

    def expire(self) -> None:
        """End by timeout: not run when still queued; a handler that has begun goes on unharmed."""
        queued = self.state == QUEUED
        self.fail(AskTimeoutError(self.cell.ref, self.timeout, started=self.cell.has_begun(self)))
        if queued:
            self._leave_mailbox()

    def _leave_mailbox(self) -> None:
        """Give room and payload up: it will not be handled."""
        self.message = None
        if not self.cell.mailbox.leave_line(self):
            self.cell.mailbox.give_room_up()
