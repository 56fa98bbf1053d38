"""Whether a generator that waits is in its last cleaning up, or somewhere that a cancel may cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from actorio._cell.finishing import is_finishing

Numbers = Callable[[asyncio.Event], AsyncIterator[int]]


async def cleans_up_last(event: asyncio.Event) -> AsyncIterator[int]:
    try:
        yield 1
    finally:
        await event.wait()


async def waits_before_it_yields(event: asyncio.Event) -> AsyncIterator[int]:
    yield 1
    await event.wait()
    yield 2


async def cleans_up_and_goes_on(event: asyncio.Event) -> AsyncIterator[int]:
    for number in range(3):
        try:
            yield number
        finally:
            await event.wait()


async def leaves_a_block(event: asyncio.Event) -> AsyncIterator[int]:
    class Block:
        async def __aenter__(self) -> None:
            return None

        async def __aexit__(self, *error: object) -> None:
            await event.wait()

    async with Block():
        yield 1


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (cleans_up_last, True),
        (leaves_a_block, True),
        (waits_before_it_yields, False),
        (cleans_up_and_goes_on, False),
    ],
)
async def test_a_generator_that_waits_is_told_by_what_follows(numbers: Numbers, expected: bool) -> None:
    event = asyncio.Event()
    items = numbers(event)
    assert await anext(items) >= 0
    ahead = asyncio.get_running_loop().create_task(anext(items, None))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert is_finishing(items) is expected
    event.set()
    await ahead
    await items.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("other", [None, iter([1]), 3])
def test_other_kinds_are_not_finishing(other: Any) -> None:
    assert not is_finishing(other)


async def test_a_generator_that_has_ended_is_not_finishing() -> None:
    items = cleans_up_last(asyncio.Event())
    await items.aclose()  # type: ignore[attr-defined]
    assert not is_finishing(items)
