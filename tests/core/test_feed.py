"""Whatever is iterated over, by one task at a time: streams, mappings, feeds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest

from actorio import Actor, ActorStarted, ActorSystem, Topic, Worker
from tests.guarantees.actors import Recorder, cancelled, outcome, soon, started
from tests.stage import ticks

Readable: TypeAlias = "tuple[Any, asyncio.Event]"
"""What is read, and how to have an item come."""


class Table(Actor[Any]):
    """Streams a number once it may."""

    def __init__(self, may: asyncio.Event) -> None:
        self.may = may

    async def rows(self) -> AsyncIterator[int]:
        await self.may.wait()
        yield 1
        yield 2


@asynccontextmanager
async def a_stream(system: ActorSystem) -> AsyncIterator[Readable]:
    may = asyncio.Event()
    async with (await system.spawn(Table, may)).stream(Table.rows) as stream:
        yield stream, may


@asynccontextmanager
async def a_mapping(system: ActorSystem) -> AsyncIterator[Readable]:
    may = asyncio.Event()

    async def work(_: int) -> None:
        await may.wait()

    async with (await system.spawn_pool(Worker, size=1)).map(work, range(2)) as mapping:
        yield mapping, may


@asynccontextmanager
async def an_event_stream(system: ActorSystem) -> AsyncIterator[Readable]:
    may = asyncio.Event()
    async with system.events.subscribe(ActorStarted) as stream:
        doing = started(_spawn_twice(system, may))
        yield stream, may
        await doing


@asynccontextmanager
async def a_monitor(system: ActorSystem) -> AsyncIterator[Readable]:
    may = asyncio.Event()
    async with system.groups.monitor("group") as monitor:
        doing = started(_spawn_twice(system, may))
        yield monitor, may
        await doing


@asynccontextmanager
async def a_topic_stream(system: ActorSystem) -> AsyncIterator[Readable]:
    may = asyncio.Event()
    topic = Topic[int](system, "numbers")

    async def publish() -> None:
        await may.wait()
        await topic.publish(1)
        await topic.publish(2)

    async with topic.stream() as stream:
        doing = started(publish())
        yield stream, may
        await doing


async def _spawn_twice(system: ActorSystem, may: asyncio.Event) -> None:
    await may.wait()
    for _ in range(2):
        system.groups.join("group", await system.spawn(Recorder, []))


@pytest.mark.parametrize("readable", [a_stream, a_mapping, an_event_stream, a_monitor, a_topic_stream])
async def test_a_second_reader_is_refused_at_once_and_harms_nobody(readable: Any) -> None:
    async with soon(), ActorSystem() as system, readable(system) as (items, may):
        first = started(anext(items))
        await ticks()
        error = await outcome(anext(items))
        assert isinstance(error, RuntimeError)
        assert "one at a time" in str(error)
        assert await cancelled(first), "it has waited all the time"
        next_one = started(anext(items))
        await ticks()
        may.set()
        await next_one
        await anext(items)
