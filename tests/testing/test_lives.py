"""The oracle of ends: what asks an actor to end is done, its children are gone before it, and `on_stop` runs once."""

from __future__ import annotations

from typing import Any

import pytest

from actorio import ExitReason
from actorio._cell.states import Intent
from actorio.testing._oracles.lives import Lives
from tests.testing.cells import Story, broken, cell, mail, siblings

END = ExitReason.NORMAL


def a_turn_after_a_stop(oracle: Any) -> None:
    oracle.requested(one := cell(), Intent.STOP)
    oracle.begun(one, mail())


def a_call_beside_after_a_kill(oracle: Any) -> None:
    oracle.requested(one := cell(), Intent.KILL)
    oracle.begun_beside(one, mail())


def a_new_life_after_a_stop(oracle: Any) -> None:
    oracle.requested(one := cell(), Intent.STOP)
    oracle.constructed(one)


def a_child_that_outlives_its_parent(oracle: Any) -> None:
    oracle.spawned(cell("/till/child", siblings(owner=(parent := cell()))))
    oracle.stopped(parent, END)


def a_hook_while_there_is_a_child(oracle: Any) -> None:
    oracle.spawned(cell("/till/child", siblings(owner=(parent := cell()))))
    oracle.last_hook(parent, "on_undelivered")


def on_stop_after_a_kill(oracle: Any) -> None:
    oracle.requested(one := cell(), Intent.KILL)
    oracle.last_hook(one, "on_stop")


def on_stop_twice(oracle: Any) -> None:
    one = cell()
    oracle.last_hook(one, "on_stop")
    oracle.last_hook(one, "on_stop")


@pytest.mark.parametrize(
    ("story", "number"),
    [
        (a_turn_after_a_stop, 8),
        (a_call_beside_after_a_kill, 8),
        (a_new_life_after_a_stop, 8),
        (a_child_that_outlives_its_parent, 12),
        (a_hook_while_there_is_a_child, 12),
        (on_stop_after_a_kill, 13),
        (on_stop_twice, 13),
    ],
)
def test_an_end_that_is_out_of_order_is_seen(story: Story, number: int) -> None:
    assert broken(Lives, story) == [number]


def test_ends_in_order_are_not_blamed() -> None:
    def story(oracle: Any) -> None:
        parent = cell()
        child = cell("/till/child", siblings(owner=parent))
        oracle.spawned(parent)
        oracle.spawned(child)
        oracle.requested(parent, Intent.CLOSE)  # what was accepted is handled
        oracle.begun(parent, mail())
        oracle.requested(parent, Intent.RESTART)
        oracle.stopped(child, END)
        oracle.ended_for_good(child, END)
        oracle.last_hook(parent, "on_undelivered")
        oracle.last_hook(parent, "on_stop")
        oracle.stopped(parent, END)
        parent.incarnation += 1
        oracle.constructed(parent)
        oracle.begun(parent, mail())
        oracle.last_hook(parent, "on_stop")
        oracle.stopped(parent, END)
        oracle.ended_for_good(parent, END)
        assert [*oracle._children, *oracle._ending, *oracle._cleaned] == [], "nobody is kept"

    assert broken(Lives, story) == []
