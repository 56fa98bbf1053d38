"""The ring of the compiled form does what a deque does."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorio._core.ring import Ring

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


@given(st.lists(STEPS, max_size=60))
def test_it_does_what_a_deque_does(steps: list[tuple[Any, ...]]) -> None:
    ring, model = Ring(), deque[Any]()
    for step in steps:
        assert outcome(ring, *step) == outcome(model, *step)
        assert (list(ring), len(ring), bool(ring)) == (list(model), len(model), bool(model))


def test_its_places_are_given_back() -> None:
    ring = Ring()
    for round_ in range(3):
        ring.extend(range(10_000))
        assert [ring.popleft() for _ in range(10_000)] == list(range(10_000)), round_
    with pytest.raises(IndexError):
        ring.popleft()
