"""How any value is described: short, whatever its size, and whatever its `repr` does."""

import dataclasses
from collections import deque
from typing import Any

import pytest

from actorio.describing import describe

LIMIT = 200


@dataclasses.dataclass(frozen=True)
class Parcel:
    label: str
    content: object
    secret: str = dataclasses.field(default="", repr=False)


@dataclasses.dataclass(repr=False)
class Terse:
    content: object

    def __repr__(self) -> str:
        return "<terse>"


SMALL: list[Any] = [
    None,
    1.5,
    "text",
    b"bytes",
    bytearray(b"b"),
    [],
    [1, "two"],
    (),
    (1,),
    (1, 2),
    set(),
    {1},
    frozenset(),
    frozenset({1}),
    {},
    {"a": [1, {2: (3,)}]},
    deque(),
    deque([1, 2]),
    Parcel("a", [1]),
    Terse(1),
    int,
]


@pytest.mark.parametrize("value", SMALL, ids=repr)
def test_what_is_small_is_described_by_its_repr(value: object) -> None:
    assert describe(value) == repr(value)


class Costly:
    """Counts how often it is shown."""

    def __init__(self) -> None:
        self.shown = 0

    def __repr__(self) -> str:
        self.shown += 1
        return "costly"


@pytest.mark.parametrize(
    "kind", [list, tuple, deque, lambda many: dict(enumerate(many)), lambda many: Parcel("a", many)]
)
def test_what_is_large_is_looked_at_only_as_far_as_it_is_shown(kind: Any) -> None:
    one = Costly()
    text = describe(kind([one] * 1_000))
    assert (len(text), text[-3:]) == (LIMIT, "...")
    assert 10 < one.shown <= LIMIT


@pytest.mark.parametrize(
    "value", ["x" * 10_000_000, b"x" * 10_000_000, Parcel("a", "x" * 10_000_000)], ids=type
)
def test_text_and_bytes_are_cut(value: Any) -> None:
    assert describe(value) == repr(value)[: LIMIT - 3] + "..."


def test_a_number_of_many_digits_is_not_written_out() -> None:
    assert describe(1 << 1_000_000) == "<int of 1,000,001 bits>"


def test_what_holds_itself_has_an_end() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert len(describe(ring)) == LIMIT


def test_a_repr_that_raises_hides_nothing() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise KeyError("no")

    assert describe([1, Hostile()]) == "<list, whose repr raised KeyError>"
