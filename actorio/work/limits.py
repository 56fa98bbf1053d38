"""The limits of a pool: how many jobs may begin within a time, and how long one may take."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actorio._cell.naming import log_fields, message_type
from actorio._cell.states import Intent
from actorio._core.checks import check_count, check_instance, check_plain_function, check_some_time
from actorio._core.envelope import payload
from actorio._core.log import log
from actorio.work.job_queue import JobQueue, JobWatcher
from actorio.work.routee_mailbox import RouteeMailbox

if TYPE_CHECKING:
    from actorio._core.deadlines import Deadline, Deadlines
    from actorio._core.store import Item
    from actorio.address import Address

__all__ = ["Limits", "RateLimit", "StuckJob"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` jobs begin within any `per` seconds."""

    count: int
    per: float = 1.0

    def __post_init__(self) -> None:
        check_count("count", self.count, least=1)
        check_some_time("per", self.per)


@dataclass(frozen=True, slots=True)
class StuckJob:
    """A routee that was at one job longer than `job_timeout`.

    Attributes:
        ref: the routee, which is killed; another one takes its place.
        job: the message, method or function it was at.
        seconds: how long.
    """

    ref: Address
    job: object
    seconds: float


class Limits(JobWatcher):
    """Holds the jobs of a pool to a rate, and its routees to a time for each job."""

    jobs: JobQueue

    def __init__(
        self,
        system: Any,
        rate: RateLimit | None,
        job_timeout: float | None,
        on_stuck: Callable[[StuckJob], object] | None,
    ) -> None:
        if rate is not None:
            check_instance("rate", rate, RateLimit)
        if on_stuck is not None:
            check_plain_function("on_stuck", on_stuck)
        self._timers: Deadlines = system._runtime.timers
        self._rate = rate
        self._begun: deque[float] = deque(maxlen=rate.count if rate is not None else 0)
        self._opening: Deadline | None = None
        self._rung = -1.0
        """The deadline of the last alarm that rang: that time has come, whatever the clock's last digit says."""
        self._job_timeout = job_timeout
        self._on_stuck = on_stuck
        self._current: dict[RouteeMailbox, tuple[Item, float]] = {}
        self._deadlines: dict[RouteeMailbox, Deadline] = {}

    def may_take(self) -> bool:
        """Tell whether the rate allows for one more job now."""
        rate, begun = self._rate, self._begun
        if rate is None or len(begun) < rate.count:
            return True
        return max(self._timers.now(), self._rung) >= begun[0] + rate.per

    def begins(self, routee: RouteeMailbox, item: Item) -> None:
        """Count the job, and begin to measure its time."""
        if self._rate is not None:
            self._begun.append(self._timers.now())
            if self._opening is None or not self._opening.pending:
                self._await_opening()
        if self._job_timeout is not None:
            self._current[routee] = (item, self._timers.now())
            if (
                routee not in self._deadlines
            ):  # one alarm at a time for each routee, however many jobs it does
                self._look_at_later(routee, self._timers.now() + self._job_timeout)

    def done(self, routee: RouteeMailbox) -> None:
        """Stop measuring."""
        self._current.pop(routee, None)
        if routee.closed and routee in self._deadlines:
            self._deadlines.pop(routee).cancel()

    def _await_opening(self) -> None:
        """Let jobs begin; if the rate does not allow for one, when it does."""
        if self._rate is None or self.may_take():
            self.jobs.wake_idle()
            return
        deadline = self._begun[0] + self._rate.per
        self._opening = self._timers.at(deadline, lambda: self._opens(deadline))

    def _opens(self, deadline: float) -> None:
        self._rung = deadline
        self._await_opening()  # others may have begun since the alarm was set

    def _look_at_later(self, routee: RouteeMailbox, deadline: float) -> None:
        self._deadlines[routee] = self._timers.at(deadline, lambda: self._look_at(routee, deadline))

    def _look_at(self, routee: RouteeMailbox, now: float) -> None:
        del self._deadlines[routee]
        if routee not in self._current or self._job_timeout is None:
            return
        item, since = self._current[routee]
        if now < since + self._job_timeout:
            self._look_at_later(routee, since + self._job_timeout)
        else:
            self._report(StuckJob(routee.ref, payload(item), now - since))

    def _report(self, stuck: StuckJob) -> None:
        log(
            logging.WARNING,
            "%s is at one job for %.3g s, and is replaced: %s",
            stuck.ref.path,
            stuck.seconds,
            message_type(stuck.job),
            error=None,
            **log_fields(stuck.ref._cell),
        )
        stuck.ref._cell.request(Intent.KILL)
        if self._on_stuck is not None:
            try:
                self._on_stuck(stuck)
            except BaseException as error:  # the loop, which called this, is not to have it
                self.jobs.fail(error)
