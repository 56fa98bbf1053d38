"""Closing what is iterated over: a generator cleans up, another iterator has nothing to close."""

from __future__ import annotations

from collections.abc import AsyncIterator

from actorio._core.iterators import close_iterator


async def test_a_generator_runs_its_finally() -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append(True)

    items = numbers()
    assert await anext(items) == 1
    await close_iterator(items)
    assert closed == [True]


async def test_an_iterator_without_aclose_is_left_as_it_is() -> None:
    class Ones:
        def __aiter__(self) -> Ones:
            return self

        async def __anext__(self) -> int:
            return 1

    ones = Ones()
    await close_iterator(ones)
    assert await anext(ones) == 1
