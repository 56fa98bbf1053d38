"""The ring of the compiled form, and the store of a few items, do what a deque does."""

from __future__ import annotations

import gc
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorio._core.ring import Few, Ring

STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers()),
    st.tuples(st.just("appendleft"), st.integers()),
    st.tuples(st.just("extend"), st.lists(st.integers(), max_size=9)),
    st.tuples(st.just("extendleft"), st.lists(st.integers(), max_size=9)),
    st.tuples(st.sampled_from(["popleft", "popleft", "clear"])),
    st.tuples(st.sampled_from(["__getitem__", "__delitem__"]), st.integers(-12, 12)),
)


def outcome(store: Any, name: str, *arguments: Any) -> Any:
    try:
        return getattr(store, name)(*arguments)
    except IndexError:
        return IndexError


@pytest.mark.parametrize("store", [Ring, Few])
@given(steps=st.lists(STEPS, max_size=60))
def test_it_does_what_a_deque_does(store: type[Any], steps: list[tuple[Any, ...]]) -> None:
    ring, model = store(), deque[Any]()
    for step in steps:
        if store is Few and step[0] == "appendleft":
            continue
        assert outcome(ring, *step) == outcome(model, *step)
        assert (list(ring), len(ring), bool(ring)) == (list(model), len(model), bool(model))


def test_its_places_are_given_back() -> None:
    ring = Ring()
    for round_ in range(3):
        ring.extend(range(10_000))
        assert [ring.popleft() for _ in range(10_000)] == list(range(10_000)), round_
    with pytest.raises(IndexError):
        ring.popleft()


class Late:
    """Puts something into a ring when it goes."""

    def __init__(self, ring: Any, went: list[int]) -> None:
        self.ring = ring
        self.went = went

    def __del__(self) -> None:
        self.ring.append("late")
        self.went.append(1)


def test_what_is_dropped_by_clear_finds_the_ring_empty_and_may_use_it() -> None:
    for count in (1, 3, 900):
        ring, went = Ring(), list[int]()
        ring.extend(Late(ring, went) for _ in range(count))
        ring.clear()
        assert (list(ring), len(went)) == (["late"] * count, count)


def test_nothing_is_lost_when_a_finaliser_puts_something_in_while_the_ring_grows_or_shrinks() -> None:
    ring, went, taken, spare = Ring(), list[int](), list[Any](), list[Any]()
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for number in range(1_500):
            gc.disable()
            late: Any = Late(ring, went)
            late.itself = late
            del late
            spare.extend([] for _ in range(90))  # or CPython uses an old list again, which wakes no collector
            gc.enable()  # what is made next has the collector run, as the ring's new list is
            ring.append(number)
            if number % 700 == 699:
                while ring:
                    taken.append(ring.popleft())
    finally:
        gc.set_threshold(*before)
        gc.enable()
    del spare
    gc.collect()
    taken.extend(ring)
    assert [item for item in taken if item != "late"] == list(range(1_500))
    assert taken.count("late") == len(went) == 1_500
