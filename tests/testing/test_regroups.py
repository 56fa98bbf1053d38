"""The oracle of restarts: groups stop in reverse order and start in order, and restarts keep to their budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actorio import ExitReason, Restart, Strategy, Supervision
from actorio._cell.states import Intent, Options, Verdict
from actorio.testing._oracles.regroups import Regroups
from tests.testing.cells import broken, cell, siblings

CRASH, END = ExitReason.CRASHED, ExitReason.NORMAL

Group = list[Any]


def up(oracle: Any, strategy: Strategy = Strategy.ONE_FOR_ALL) -> Group:
    """Start a group of three."""
    among = siblings(supervision=Supervision(strategy, max_restarts=1, within=5.0))
    group = [cell(f"/{name}", among) for name in "abc"]
    for one in group:
        oracle.constructed(one)
    return group


def down(oracle: Any, group: Group) -> None:
    """Stop a group in order, as its restart does."""
    oracle.group_restarts(group)
    for one in reversed(group):
        oracle.requested(one, Intent.RESTART)
        oracle.stopped(one, END)


def the_first_is_stopped_first(oracle: Any) -> None:
    group = up(oracle)
    oracle.group_restarts(group)
    oracle.stopped(group[2], END)
    oracle.requested(group[0], Intent.RESTART)


def the_last_is_started_first(oracle: Any) -> None:
    down(oracle, group := up(oracle))
    oracle.constructed(group[0])
    oracle.restarted(group[0])
    oracle.constructed(group[2])


def one_is_started_while_another_is_up(oracle: Any) -> None:
    group = up(oracle)
    oracle.group_restarts(group)
    oracle.stopped(group[0], END)
    oracle.stopped(group[1], END)
    oracle.constructed(group[0])


def a_temporary_one_is_restarted(oracle: Any) -> None:
    oracle.decided(cell(options=Options(Restart.TEMPORARY)), CRASH, Verdict.RESTART)


def a_transient_one_is_restarted_after_a_normal_end(oracle: Any) -> None:
    oracle.decided(cell(), END, Verdict.RESTART)


def the_budget_is_exceeded(oracle: Any) -> None:
    one = cell(among=siblings(supervision=Supervision(max_restarts=1, within=5.0)))
    oracle.decided(one, CRASH, Verdict.RESTART)
    oracle.decided(one, CRASH, Verdict.RESTART)


def the_budget_of_a_group_is_exceeded(oracle: Any) -> None:
    first, second, _ = up(oracle)
    oracle.decided(first, CRASH, Verdict.WAIT)
    oracle.group_restarts([first])  # it begins, so that the next failure is one more
    oracle.restarted(first)
    oracle.decided(second, CRASH, Verdict.WAIT)


BREACHES: list[Callable[[Any], None]] = [
    the_first_is_stopped_first,
    the_last_is_started_first,
    one_is_started_while_another_is_up,
    a_temporary_one_is_restarted,
    a_transient_one_is_restarted_after_a_normal_end,
    the_budget_is_exceeded,
    the_budget_of_a_group_is_exceeded,
]


@pytest.mark.parametrize("story", BREACHES)
def test_a_restart_out_of_order_or_beyond_its_budget_is_seen(story: Callable[[Any], None]) -> None:
    assert set(broken(Regroups, story)) == {10}


def a_group_in_order(oracle: Any) -> None:
    group = up(oracle)
    oracle.decided(group[1], CRASH, Verdict.WAIT)
    oracle.decided(group[2], CRASH, Verdict.WAIT)  # a bystander, that is not counted
    down(oracle, group)
    for one in group:
        oracle.constructed(one)
        oracle.restarted(one)


def those_before_it_are_left_alone(oracle: Any) -> None:
    group = up(oracle, Strategy.REST_FOR_ONE)
    oracle.decided(group[1], CRASH, Verdict.WAIT)
    down(oracle, group[1:])
    for one in group[1:]:
        oracle.constructed(one)
        oracle.restarted(one)


def each_has_a_budget_of_its_own(oracle: Any) -> None:
    for one in up(oracle, Strategy.ONE_FOR_ONE):
        oracle.decided(one, CRASH, Verdict.RESTART)


def a_budget_is_free_again_after_its_time(oracle: Any) -> None:
    (one, *_), clock = up(oracle, Strategy.ONE_FOR_ONE), [0.0]
    one.runtime.timers.now = lambda: clock[0]
    oracle.decided(one, CRASH, Verdict.RESTART)
    clock[0] = 5.1
    oracle.decided(one, CRASH, Verdict.RESTART)


def an_end_is_no_restart(oracle: Any) -> None:
    for one in up(oracle):
        oracle.decided(one, END, Verdict.END)
        oracle.stopped(one, END)
        oracle.ended_for_good(one, END)


@pytest.mark.parametrize(
    "story",
    [
        a_group_in_order,
        those_before_it_are_left_alone,
        each_has_a_budget_of_its_own,
        a_budget_is_free_again_after_its_time,
        an_end_is_no_restart,
    ],
)
def test_restarts_that_keep_the_rules_are_not_blamed(story: Callable[[Any], None]) -> None:
    assert broken(Regroups, story) == []
