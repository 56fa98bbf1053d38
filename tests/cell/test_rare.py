"""The rare parts of a cell: read as fields, made with the first that is not what all have."""

from __future__ import annotations

import pytest

from actorio._cell.rare import NOTHING_RARE, Rare, rare_part
from actorio._cell.state import CellState
from actorio.errors import ExitReason

NAMES = Rare.__slots__


class Holder:
    def __init__(self) -> None:
        self.rare = NOTHING_RARE

    failure = rare_part("failure")
    failed = rare_part("failed")


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_has_a_field_for_each(name: str) -> None:
    field = "_alarm" if name == "alarm" else name
    assert isinstance(vars(CellState)[field], property)


def test_what_was_not_set_is_what_all_have() -> None:
    holder = Holder()
    assert holder.failure is None
    assert holder.failed == 0
    assert NOTHING_RARE.ending is ExitReason.NORMAL


def test_setting_what_it_is_already_makes_nothing() -> None:
    holder = Holder()
    holder.failure = None
    holder.failed = 0
    assert holder.rare is NOTHING_RARE


def test_one_that_is_set_is_of_its_holder_alone() -> None:
    one, other = Holder(), Holder()
    one.failed += 1
    assert (one.failed, other.failed, NOTHING_RARE.failed) == (1, 0, 0)
    one.failed = 0
    assert one.failed == 0
