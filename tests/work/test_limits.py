"""The limits of a pool by themselves: a rate at which jobs begin, and a time for each."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from actorio import RateLimit
from actorio.work.limits import Limits


class Alarm:
    """One that was set."""

    def __init__(self, alarms: list[Alarm], deadline: float, call: Callable[[], None]) -> None:
        self.alarms, self.deadline, self.call = alarms, deadline, call

    @property
    def pending(self) -> bool:
        return self in self.alarms

    def cancel(self) -> None:
        self.alarms.remove(self)


class Routee:
    """As much of one as its limits look at."""

    closed = False


class Clock:
    """A clock by hand, with the alarms that were set."""

    def __init__(self) -> None:
        self.time = 0.0
        self.alarms: list[Alarm] = []

    def now(self) -> float:
        return self.time

    def at(self, deadline: float, call: Callable[[], None]) -> Alarm:
        self.alarms.append(Alarm(self.alarms, deadline, call))
        return self.alarms[-1]

    def advance(self, time: float) -> None:
        self.time = time
        for alarm in [alarm for alarm in self.alarms if alarm.deadline <= time]:
            alarm.cancel()
            alarm.call()


class Jobs:
    """Counts how often the idle ones were woken."""

    woken = 0

    def wake_idle(self) -> None:
        self.woken += 1


def limits(**given: Any) -> tuple[Limits, Clock, Jobs]:
    clock, jobs = Clock(), Jobs()
    options = {"rate": None, "job_timeout": None, "on_stuck": None} | given
    made = Limits(SimpleNamespace(_runtime=SimpleNamespace(timers=clock)), **options)
    made.jobs = jobs  # type: ignore[assignment]
    return made, clock, jobs


def begin(made: Limits, routee: Any) -> None:
    made.begins(routee, "job")


ROUTEE: Any = Routee()


def test_without_a_rate_a_job_may_always_begin() -> None:
    made, _, _ = limits()
    for _ in range(100):
        assert made.may_take()
        begin(made, ROUTEE)


def test_no_more_jobs_than_the_rate_begin_within_any_of_its_times() -> None:
    made, clock, jobs = limits(rate=RateLimit(2, 1.0))
    begin(made, ROUTEE)
    clock.advance(0.6)
    assert made.may_take()
    begin(made, ROUTEE)
    assert not made.may_take()
    clock.advance(0.9)
    assert not made.may_take()
    clock.advance(1.0)  # the first is a second old, the second not yet
    assert made.may_take()
    assert jobs.woken > 0
    begin(made, ROUTEE)
    assert not made.may_take()


def test_an_alarm_that_rings_a_digit_early_has_rung() -> None:
    made, clock, _ = limits(rate=RateLimit(1, 0.1))
    begin(made, ROUTEE)
    (alarm,) = clock.alarms
    clock.time = alarm.deadline - 1e-12
    alarm.cancel()
    alarm.call()
    assert made.may_take()


def test_a_routee_has_one_alarm_however_many_jobs_it_does() -> None:
    made, clock, _ = limits(job_timeout=1.0)
    for _ in range(10):
        begin(made, ROUTEE)
        made.done(ROUTEE)
    assert len(clock.alarms) == 1
    clock.advance(1.0)
    assert not clock.alarms


def test_a_job_that_began_later_is_looked_at_later() -> None:
    made, clock, _ = limits(job_timeout=1.0)
    begin(made, ROUTEE)
    made.done(ROUTEE)
    clock.advance(0.5)
    begin(made, ROUTEE)
    clock.advance(1.0)
    assert [alarm.deadline for alarm in clock.alarms] == [1.5]


def test_a_routee_that_is_gone_has_no_alarm() -> None:
    made, clock, _ = limits(job_timeout=1.0)
    routee: Any = Routee()
    begin(made, routee)
    routee.closed = True
    made.done(routee)
    assert not clock.alarms


@pytest.mark.parametrize("wrong", [3, "4/s", (4, 1.0)])
def test_a_rate_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="rate must be a RateLimit"):
        limits(rate=wrong)


@pytest.mark.parametrize(("count", "per"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0), (1, float("nan"))])
def test_a_rate_of_nothing_is_refused(count: int, per: float) -> None:
    with pytest.raises(ValueError, match=r"count|per"):
        RateLimit(count, per)
