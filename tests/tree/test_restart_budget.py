"""How often a child may be restarted, and after which pause."""

from random import Random
from types import SimpleNamespace
from typing import Any

from actorio import Backoff, Supervision
from actorio._tree.restart_budget import RestartBudget


class Clock:
    """Is set by hand."""

    time = 0.0

    def now(self) -> float:
        return self.time


def budget(**limits: Any) -> tuple[RestartBudget, Clock, Any]:
    clock = Clock()
    system: Any = SimpleNamespace(timers=clock, random=Random(1))
    return RestartBudget(Supervision(**limits), system), clock, object()


def test_one_more_than_the_budget_is_refused() -> None:
    limits, _, child = budget(max_restarts=2, within=5.0)
    assert [limits.take(child) for _ in range(3)] == [True, True, False]


def test_a_restart_at_the_edge_of_the_window_counts_and_one_before_it_does_not() -> None:
    limits, clock, child = budget(max_restarts=1, within=5.0)
    assert limits.take(child)
    clock.time = 5.0
    assert not limits.take(child)
    clock.time = 10.5
    assert limits.take(child)
    assert limits.used(child) == 1


def test_each_child_and_the_group_have_a_count_of_their_own() -> None:
    limits, _, child = budget(max_restarts=1)
    assert limits.take(child)
    assert limits.take(None)
    assert not limits.take(child)


def test_a_child_that_has_ended_for_good_is_forgotten() -> None:
    limits, _, child = budget(max_restarts=1)
    limits.take(child)
    limits.forget(child)
    limits.forget(child)
    assert limits.take(child)


def test_without_backoff_there_is_no_pause() -> None:
    limits, _, child = budget()
    limits.take(child)
    assert limits.pause_before(child) == 0.0


def test_pauses_grow_until_a_child_has_lasted_longer_than_the_longest() -> None:
    limits, clock, child = budget(max_restarts=100, backoff=Backoff(0.1, 0.4, jitter=0.0))
    pauses = []
    for _ in range(4):
        limits.take(child)
        pauses.append(limits.pause_before(child))
    assert pauses == [0.1, 0.2, 0.4, 0.4]
    clock.time = 0.4 + 0.3  # resumed after its pause, it has not lasted 0.4 s yet
    limits.take(child)
    assert limits.pause_before(child) == 0.4
    clock.time += 0.4 + 0.5
    limits.take(child)
    assert limits.pause_before(child) == 0.1
