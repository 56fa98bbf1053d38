"""Streams of events by type: bounded, the oldest dropped, and free when nobody has subscribed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import ActorFailed, ActorStarted, ActorStopped, ActorSystem, DeadLetter, EventBus, ExitReason
from tests.guarantees.actors import Failing, Silent, soon


def bus() -> tuple[EventBus, list[bool]]:
    changes: list[bool] = []
    return EventBus(lambda: None, lambda: changes.append(True)), changes


async def test_a_bus_wants_what_somebody_has_subscribed_to_until_that_is_closed() -> None:
    events, changes = bus()
    stream = events.subscribe(DeadLetter)
    assert events.wants(DeadLetter)
    assert not events.wants(ActorStarted)
    stream.close()
    stream.close()
    assert not events.wants(DeadLetter)
    assert len(changes) == 2


async def test_a_stream_gives_only_the_events_of_its_types_all_if_none_is_named() -> None:
    events, _ = bus()
    some, every = events.subscribe(ActorStopped), events.subscribe()
    ref: Any = None
    published = [ActorStarted(ref), ActorStopped(ref, ExitReason.NORMAL, None)]
    for event in published:
        events.publish(event)
    events.close()
    assert [event async for event in some] == published[1:]
    assert [event async for event in every] == published


async def test_a_stream_that_is_not_read_drops_the_oldest_and_counts_them() -> None:
    events, _ = bus()
    stream = events.subscribe(DeadLetter, limit=2)
    ref: Any = None
    for number in range(5):
        events.publish(DeadLetter(ref, number, "stopped"))
    events.close()
    assert [event.message async for event in stream] == [3, 4]
    assert stream.dropped == 3


async def test_a_stream_that_is_made_after_the_end_ends_at_once() -> None:
    events, _ = bus()
    events.close()
    assert [event async for event in events.subscribe()] == []


async def test_what_is_no_event_and_what_is_no_limit_is_refused() -> None:
    events, _ = bus()
    with pytest.raises(TypeError, match="not a type of event"):
        events.subscribe(int)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="limit must be at least 1"):
        events.subscribe(limit=0)
    assert not events.wants(DeadLetter)


async def test_a_failed_start_is_told_as_a_failure_and_not_as_an_end() -> None:
    class Broken(Silent):
        async def on_start(self) -> None:
            raise ValueError("no")

    async with soon(), ActorSystem() as system, system.events.subscribe() as stream:
        with pytest.raises(ValueError, match="no"):
            await system.spawn(Broken)
        ref = await system.spawn(Failing, [])
        ref.stop()
        await ref.join()
        told = [type(await anext(stream)) for _ in range(2)]
        while told[-1] is not ActorStopped:
            told.append(type(await anext(stream)))
    assert told.count(ActorStopped) == 1
    assert told.count(ActorStarted) == 1
    assert ActorFailed not in told[1:]


async def test_the_stream_of_a_system_ends_with_it() -> None:
    async with soon(), ActorSystem() as system:
        stream = system.events.subscribe(ActorStarted)
        await system.spawn(Silent)
    async with asyncio.timeout(5):
        assert len([event async for event in stream]) == 1
