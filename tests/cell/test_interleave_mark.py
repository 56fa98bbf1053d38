"""The mark of methods that may run beside the turns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actorio import Actor, interleave
from actorio._cell.interleave_mark import interleaved_methods


class Table(Actor[Any]):
    @interleave
    async def count(self) -> int:
        return 1

    @interleave
    async def size(self) -> int:
        return 2

    async def plain(self) -> int:
        return 3


class Lower(Table):
    async def count(self) -> int:
        return 4


def test_marked_methods_are_known_also_those_of_a_base() -> None:
    assert interleaved_methods(Table) == {"count", "size"}


def test_a_method_that_overrides_a_marked_one_says_anew_what_it_is() -> None:
    assert interleaved_methods(Lower) == {"size"}


@pytest.mark.parametrize("wrong", [3, "count", None, Table])
def test_what_is_no_function_cannot_be_marked(wrong: Any) -> None:
    with pytest.raises(TypeError, match="interleave takes a method"):
        interleave(wrong)


def test_a_generator_cannot_be_marked() -> None:
    async def rows(self: Any) -> AsyncIterator[int]:
        yield 1

    def columns(self: Any) -> Iterator[int]:
        yield 1

    for function in (rows, columns):
        with pytest.raises(TypeError, match="has a yield in it"):
            interleave(function)
