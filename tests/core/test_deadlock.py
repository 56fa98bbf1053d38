"""The graph of who waits for whom: which waits are refused, by fakes of four members."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from actorio import DeadlockError
from actorio._core.deadlock import WaitForMany, chain_of, check_no_cycle, check_not_within, wait_of_current

SYSTEM = SimpleNamespace(name="shop")


class Node:
    """An actor that waits for `waits_on`."""

    task = stopper = None

    def __init__(self, path: str, waits_on: Any = None, runtime: Any = SYSTEM) -> None:
        self.path = path
        self.waits_on = waits_on
        self.runtime = runtime


def nodes(*paths: str) -> list[Node]:
    return [Node(path) for path in paths]


def test_a_wait_for_one_who_waits_for_nobody_is_allowed() -> None:
    a, b = nodes("/a", "/b")
    check_no_cycle(a, b)


def test_a_wait_for_oneself_is_refused() -> None:
    (a,) = nodes("/a")
    with pytest.raises(DeadlockError) as refused:
        check_no_cycle(a, a)
    assert refused.value.path == ("/a", "/a")


def test_a_cycle_is_refused_with_its_paths() -> None:
    a, b, c = nodes("/a", "/b", "/c")
    a.waits_on, b.waits_on = b, c
    with pytest.raises(DeadlockError) as refused:
        check_no_cycle(c, a)
    assert refused.value.path == ("/c", "/a", "/b", "/c")


def test_a_long_chain_that_ends_is_no_cycle() -> None:
    chain = nodes(*(f"/{number}" for number in range(1_000)))
    for one, following in itertools.pairwise(chain):
        one.waits_on = following
    check_no_cycle(Node("/new"), chain[0])


def test_the_paths_of_several_systems_have_their_names_before_them() -> None:
    a, b = Node("/a"), Node("/b", runtime=SimpleNamespace(name="bank"))
    b.waits_on = a
    with pytest.raises(DeadlockError) as refused:
        check_no_cycle(a, b)
    assert refused.value.path == ("shop:/a", "bank:/b", "shop:/a")


def test_a_wait_for_all_of_several_is_refused_when_one_of_them_cannot_go_on() -> None:
    a, b, c = nodes("/a", "/b", "/c")
    b.waits_on = a
    with pytest.raises(DeadlockError):
        check_no_cycle(a, WaitForMany(lambda: (b, c), every=True))


def test_a_wait_for_any_of_several_is_allowed_while_one_of_them_can_go_on() -> None:
    a, b, c = nodes("/a", "/b", "/c")
    b.waits_on = a
    check_no_cycle(a, WaitForMany(lambda: (b, c), every=False))
    c.waits_on = b
    with pytest.raises(DeadlockError):
        check_no_cycle(a, WaitForMany(lambda: (b, c), every=False))


def test_somebody_who_is_no_actor_can_always_go_on() -> None:
    a, b = nodes("/a", "/b")
    b.waits_on = a
    check_no_cycle(a, WaitForMany(lambda: (b, None), every=False))
    with pytest.raises(DeadlockError):
        check_no_cycle(a, WaitForMany(lambda: (b, None), every=True))


def test_a_wait_for_nobody_left_is_allowed() -> None:
    (a,) = nodes("/a")
    check_no_cycle(a, WaitForMany(lambda: (), every=True))


def test_a_wait_for_several_is_named_by_whom_it_stands_for() -> None:
    a, b, pool = nodes("/a", "/b", "/pool")
    b.waits_on = a
    with pytest.raises(DeadlockError) as refused:
        check_no_cycle(a, WaitForMany(lambda: (b,), every=False, stands_for=pool))
    assert refused.value.path == ("/a", "/pool", "/b", "/a")


def test_a_wait_for_the_end_of_one_above_is_refused() -> None:
    top = SimpleNamespace(path="/top", siblings=SimpleNamespace(path="", owner=None))
    below: Any = SimpleNamespace(path="/top/child", siblings=SimpleNamespace(path="/top", owner=top))
    with pytest.raises(DeadlockError):
        check_not_within(below, top)
    other: Any = SimpleNamespace(path="/other", siblings=SimpleNamespace(path="", owner=None))
    check_not_within(below, other)


def test_a_recorded_wait_is_removed_by_its_release_alone() -> None:
    a, b, c = nodes("/a", "/b", "/c")
    release = wait_of_current(SimpleNamespace(current=lambda: a), b)
    assert release is not None
    assert a.waits_on is b
    a.waits_on = c  # a later wait has taken its place
    release()
    assert a.waits_on is c


def test_outside_of_a_turn_nothing_is_recorded() -> None:
    (b,) = nodes("/b")
    assert wait_of_current(SimpleNamespace(current=lambda: None), b) is None


def test_a_wait_that_ends_by_itself_may_close_a_cycle() -> None:
    a, b = nodes("/a", "/b")
    b.waits_on = a
    assert wait_of_current(SimpleNamespace(current=lambda: a), b, ends_by_itself=True) is not None


def test_the_chain_of_a_wait_goes_to_its_end_and_stops_at_a_cycle() -> None:
    a, b, c = nodes("/a", "/b", "/c")
    a.waits_on, b.waits_on = b, WaitForMany(lambda: (c,), every=True)
    assert chain_of(a) == [b, c]
    c.waits_on = b
    assert chain_of(a) == [b, c]
