"""The oracles of a cluster say what is broken: each is shown a story in which one guarantee is."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from actorio.cluster import ClusterState
from actorio.testing import GuaranteeBroken
from actorio.testing._cluster_oracles import ClusterOracles


class Thing(SimpleNamespace):
    """Has what it is given, and is itself alone."""

    __hash__ = object.__hash__


class Loop:
    """A loop that remembers what is broken."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.now = 0.0

    def break_guarantee(self, error: GuaranteeBroken) -> None:
        self.broken.append(str(error.number))

    def time(self) -> float:
        return self.now


def life(name: str, members: tuple[str, ...] = ("a", "b"), state: ClusterState = ClusterState.UP) -> Any:
    return Thing(
        incarnation=f"{name}.1",
        settings=Thing(node=name),
        state=state,
        view=Thing(members=dict.fromkeys(members)),
    )


CELL = Thing(path="/till", runtime=Thing(name="a"))
OTHER = Thing(path="/till", runtime=Thing(name="b"))

Story = Callable[[ClusterOracles, Any, Any], None]


def twice(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.taken(b, "a.1", 7, 1)
    oracles.taken(b, "a.1", 7, 1)


def out_of_order(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.taken(b, "a.1", 7, 2)
    oracles.taken(b, "a.1", 7, 1)


def two_fates(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.fated(a, 1, "unknown")
    oracles.fated(a, 1, "not taken")


def a_lie(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.fated(a, 1, "taken")


def taken_after_all(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.fated(a, 1, "not taken")
    oracles.taken(b, "a.1", 7, 1)


def no_fate(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.posted(a, CELL, 1)
    oracles._loop.now = 100.0
    oracles.check_quiet()


def an_old_token(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.claimed(a, "kind.1", 5)
    oracles.claimed(b, "kind.1", 5)


def one_name_for_two(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.named(a, "till", "a.1")
    oracles.named(b, "till", "b.1")


def two_turns_at_once(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.activated(a, ("kind", "key"), CELL, 1)
    oracles.activated(b, ("kind", "key"), OTHER, 2)
    oracles.turns.begun(CELL, "m")
    oracles.turns.begun(OTHER, "m")


def a_turn_of_one_that_was_replaced(oracles: ClusterOracles, a: Any, b: Any) -> None:
    oracles.activated(a, ("kind", "key"), CELL, 1)
    oracles.activated(b, ("kind", "key"), OTHER, 2)
    oracles.turns.begun(OTHER, "m")
    oracles.turns.ended(OTHER, "m")
    oracles.turns.begun(CELL, "m")


def a_member_that_is_not_known(oracles: ClusterOracles, a: Any, b: Any) -> None:
    b.view.members.pop("a")
    oracles.check_quiet()


def one_that_stays_away(oracles: ClusterOracles, a: Any, b: Any) -> None:
    b.state = ClusterState.DETACHED
    oracles.check_quiet()


@pytest.mark.parametrize(
    ("story", "number"),
    [
        (twice, "C3"),
        (out_of_order, "C2"),
        (two_fates, "C5"),
        (a_lie, "C5"),
        (taken_after_all, "C5"),
        (no_fate, "C4"),
        (an_old_token, "C11"),
        (one_name_for_two, "C14"),
        (two_turns_at_once, "C10"),
        (a_turn_of_one_that_was_replaced, "C10"),
        (a_member_that_is_not_known, "C12"),
        (one_that_stays_away, "C12"),
    ],
)
def test_an_oracle_sees_a_broken_guarantee(story: Story, number: str) -> None:
    loop, a, b = Loop(), life("a"), life("b")
    oracles = ClusterOracles(loop, lambda: [a, b])
    oracles.joined(a, "a.1")
    oracles.joined(b, "b.1")
    story(oracles, a, b)
    assert number in loop.broken


def test_the_oracles_are_silent_where_all_is_well() -> None:
    loop, a, b = Loop(), life("a"), life("b")
    oracles = ClusterOracles(loop, lambda: [a, b])
    oracles.joined(a, "a.1")
    oracles.joined(b, "b.1")
    for serial in (1, 2, 3):
        oracles.posted(a, CELL, serial)
        oracles.taken(b, "a.1", 7, serial)
        oracles.fated(a, serial, "taken")
    oracles.claimed(a, "kind.1", 5)
    oracles.claimed(b, "kind.1", 6)
    oracles.named(a, "till", "a.1")
    oracles.unnamed(a, "till", "a.1")
    oracles.named(b, "till", "b.1")
    oracles.activated(a, ("kind", "key"), CELL, 1)
    oracles.turns.begun(CELL, "m")
    oracles.turns.ended(CELL, "m")
    oracles.activated(b, ("kind", "key"), OTHER, 2)
    oracles.turns.begun(OTHER, "m")
    loop.now = 100.0
    oracles.check_quiet()
    assert loop.broken == []
