"""The items of a mapping are taken as they are wanted, from an iterable or an async one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actorio import Actor, ActorSystem, AskCancelledError
from actorio.work.items import Source
from tests.guarantees.actors import Silent, soon
from tests.stage import ticks


def nobody() -> None:
    """Wake nobody."""


def source(items: Any) -> Source:
    owner: Any = None  # a plain iterable needs none
    return Source(items, owner)


def test_no_more_is_taken_than_is_wanted() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(5):
            taken.append(number)
            yield number

    items = source(numbers())
    assert items.take(2, nobody) == [0, 1]
    assert taken == [0, 1]
    assert items.take(10, nobody) == [2, 3, 4]
    assert items.is_over


def test_what_it_raises_comes_after_what_it_gave_and_once() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    items = source(numbers())
    assert items.take(5, nobody) == [1]
    with pytest.raises(ValueError, match="no"):
        items.raise_failure()
    items.raise_failure()


def test_a_source_that_was_cancelled_from_the_inside_has_failed() -> None:
    def numbers() -> Iterator[int]:
        raise asyncio.CancelledError
        yield 1

    items = source(numbers())
    assert items.take(5, nobody) == []
    with pytest.raises(AskCancelledError):
        items.raise_failure()


@pytest.mark.parametrize("wrong", [3, None, object()])
def test_what_is_no_iterable_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="iterable must be an iterable or an async one"):
        source(wrong)


async def test_an_async_one_is_read_in_a_task_of_its_owner_and_wakes_who_waits() -> None:
    closed: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(3):
                yield number
        finally:
            closed.append("closed")

    async with soon(), ActorSystem() as system:
        ref: Any = await system.spawn(Silent)
        items, woken = Source(numbers(), ref._cell), list[str]()
        assert items.take(2, lambda: woken.append("woken")) == []
        assert items.is_reading
        while not woken:
            await ticks(1)
        assert items.take(2, nobody) == [0, 1]
        items.close()
        await items.until_closed()
    assert closed == ["closed"]


async def test_an_async_one_whose_owner_has_ended_gives_nothing_and_says_why() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1

    class Short(Actor[Any]):
        async def receive(self, message: Any) -> None:
            return None

    async with soon(), ActorSystem() as system:
        ref: Any = await system.spawn(Short)
        ref.stop()
        await ref.join()
        items = Source(numbers(), ref._cell)
        assert items.take(1, nobody) == []
        with pytest.raises(Exception, match="has ended"):
            items.raise_failure()
        await items.until_closed()
