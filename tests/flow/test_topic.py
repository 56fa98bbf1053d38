"""Guarantee 34: topics."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorFailed, ActorSystem, Mailbox, Overflow, PriorityMailbox, Topic
from actorio.testing import explore, until
from tests.guarantees.actors import Held, Recorder, Valve, soon, started
from tests.stage import ticks


async def test_guarantee_34_everyone_who_has_subscribed_gets_each_message_once() -> None:
    logs: list[list[Any]] = [[], [], []]
    async with soon(), ActorSystem() as system:
        topic = Topic[str](system, "news")
        refs = [await system.spawn(Recorder, log) for log in logs]
        for ref, overflow in zip(refs, (Overflow.DROP_NEW, Overflow.WAIT, Overflow.FAIL), strict=True):
            topic.subscribe(ref, overflow=overflow)
        topic.subscribe(refs[0], overflow=Overflow.WAIT)
        assert await topic.publish("one") == 3
        assert topic.unsubscribe(refs[1])
        assert not topic.unsubscribe(refs[1])
        assert await Topic[str](system, "news").publish("two") == 2
        assert await Topic[str](system, "other").publish("three") == 0
        refs[2].close()
        await refs[2].join()
        assert topic.subscribers() == (refs[0],)
    assert logs == [["one", "two"], ["one"], ["one", "two"]]


async def test_guarantee_34_a_full_subscriber_misses_loses_or_holds_up_as_it_chose() -> None:
    log: list[Any] = []
    valves = {overflow: Valve() for overflow in (Overflow.DROP_NEW, Overflow.FAIL, Overflow.WAIT)}
    async with soon(), ActorSystem() as system:
        topic = Topic[int](system, "numbers")
        for overflow, valve in valves.items():
            topic.subscribe(await system.spawn(Held, valve, mailbox=Mailbox(1)), overflow=overflow)
        topic.subscribe(await system.spawn(Recorder, log))
        await topic.publish(0)
        await until(lambda: all(valve.begun for valve in valves.values()))
        await topic.publish(1)
        publishing = started(topic.publish(2))
        await ticks(5)
        assert not publishing.done()
        assert log == [0, 1, 2], "the others have it"
        assert len(topic.subscribers()) == 3
        for valve in valves.values():
            valve.open.set()
        assert await publishing == 2
        await ticks(3)
        await topic.publish(3)
    finished = [valve.finished for valve in valves.values()]
    assert finished == [[0, 1, 3], [0, 1], [0, 1, 2, 3]]


async def test_guarantee_34_a_stream_reads_from_outside_and_keeps_the_newest() -> None:
    async with soon(), ActorSystem() as system:
        topic = Topic[int](system, "numbers")
        async with topic.stream(3) as stream:
            for number in range(10):
                await topic.publish(number)
                await ticks(2)
            got = [await anext(stream) for _ in range(4)]
        assert got == [0, 7, 8, 9]
        assert topic.subscribers() == ()


async def test_guarantee_34_a_stream_ends_with_the_system() -> None:
    got: list[int] = []

    async def read(topic: Topic[int], ready: asyncio.Event) -> None:
        async with topic.stream() as stream:
            ready.set()
            async for number in stream:
                got.append(number)

    async with soon(), ActorSystem() as system:
        topic, ready = Topic[int](system, "numbers"), asyncio.Event()
        reading = started(read(topic, ready))
        await ready.wait()
        for number in range(3):
            await topic.publish(number)
    await asyncio.wait([reading])
    assert got == [0, 1, 2]
    assert reading.exception() is None


@pytest.mark.parametrize("end", ["block", "kill"])
async def test_guarantee_34_a_stream_ends_with_its_block_for_whoever_reads_it(end: str) -> None:
    async def read() -> list[int]:
        return [number async for number in stream]

    async with soon(), ActorSystem() as system:
        topic = Topic[int](system, "numbers")
        async with topic.stream() as stream:
            (subscriber,) = topic.subscribers()
            reading = started(read())
            await topic.publish(1)
            await until(lambda: subscriber.statistics().handled)
            if end == "kill":
                subscriber.kill()
                assert await reading == [1]
        assert await reading == [1]
        assert await read() == []


async def test_a_policy_that_a_sender_cannot_follow_is_refused() -> None:
    async with ActorSystem() as system:
        topic = Topic[int](system, "numbers")
        ref = await system.spawn(Recorder, [])
        with pytest.raises(ValueError, match="DROP_OLD"):
            topic.subscribe(ref, overflow=Overflow.DROP_OLD)
        with pytest.raises(TypeError, match="ActorRef"):
            topic.subscribe("ref")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="unsubscribe takes an ActorRef"):
            topic.unsubscribe(3)  # type: ignore[arg-type]


class Reader(Actor[int]):
    """Takes its time for each message, and ends by itself at the one that it is given."""

    def __init__(self, log: list[int], last: int) -> None:
        self.log = log
        self.last = last

    async def receive(self, message: int) -> None:
        self.log.append(message)
        await asyncio.sleep(0.001 * (message % 3))
        if message == self.last:
            self.context.stop()


async def _published_to_slow_ones() -> None:
    logs: dict[Overflow, list[int]] = {
        overflow: [] for overflow in (Overflow.WAIT, Overflow.DROP_NEW, Overflow.FAIL)
    }
    ending: list[int] = []
    async with ActorSystem() as system:
        topic = Topic[int](system, "numbers")
        for overflow, log in logs.items():
            topic.subscribe(await system.spawn(Reader, log, 99, mailbox=Mailbox(2)), overflow=overflow)
        topic.subscribe(await system.spawn(Reader, ending, 4, mailbox=Mailbox(9)), overflow=Overflow.WAIT)

        async def publish(numbers: range) -> None:
            for number in numbers:
                await topic.publish(number)

        await asyncio.wait([started(publish(range(0, 20, 2))), started(publish(range(1, 20, 2)))])
    assert sorted(logs[Overflow.WAIT]) == list(range(20))
    for log in logs.values():
        assert len(set(log)) == len(log), "a message came twice"
        assert [number for number in log if number % 2] == sorted(number for number in log if number % 2)
    assert ending[-1] == 4


def test_guarantee_34_holds_in_simulation() -> None:
    assert explore(_published_to_slow_ones, seeds=range(60)).distinct > 40


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_stream_ends_with_a_reader_that_is_ended_before_it_ran(end: str) -> None:
    async with soon(), ActorSystem() as system:
        topic: Topic[int] = Topic(system, "prices")
        async with topic.stream() as messages:
            (reader,) = topic.subscribers()
            getattr(reader, end)()
            assert [message async for message in messages] == []


async def test_guarantee_34_the_end_of_the_system_waits_for_no_consumer_of_a_stream() -> None:
    async def consume() -> None:
        async with topic.stream(overflow=Overflow.WAIT) as numbers:
            ready.set()
            async for number in numbers:
                read.append(number)
                await busy.wait()

    read: list[int] = []
    ready, busy = asyncio.Event(), asyncio.Event()
    async with soon():
        async with ActorSystem() as system:
            topic = Topic[int](system, "numbers")
            consumer = started(consume())
            await ready.wait()
            for number in range(3):
                await topic.publish(number)
            await until(lambda: read)
        assert read == [0]
        busy.set()
        await consumer
    assert read == [0, 1, 2]


async def test_a_stream_that_is_read_outside_of_its_block_says_so() -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(ActorError, match="async with"):
            await anext(Topic[int](system, "numbers").stream())


@pytest.mark.parametrize("overflow", [Overflow.DROP_NEW, Overflow.FAIL, Overflow.WAIT])
async def test_guarantee_34_a_subscriber_whose_priority_function_fails_keeps_nothing_from_the_others(
    overflow: Overflow,
) -> None:
    def urgency(message: Any) -> int:
        return int(message["urgency"])

    logs: dict[str, list[Any]] = {name: [] for name in "abc"}
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        topic = Topic[Any](system, "news")
        for name, log in logs.items():
            mailbox = PriorityMailbox(urgency) if name == "b" else None
            ref = await system.spawn(Recorder, log, name=name, mailbox=mailbox)
            topic.subscribe(ref, overflow=overflow)
        assert await topic.publish("no urgency") == 2
        failure = await anext(failures)
        assert (failure.ref.name, type(failure.error)) == ("b", TypeError)
        assert await topic.publish({"urgency": 1}) == 3
    assert logs == {
        "a": ["no urgency", {"urgency": 1}],
        "b": [{"urgency": 1}],
        "c": ["no urgency", {"urgency": 1}],
    }


async def test_a_stream_is_entered_once() -> None:
    """A second block would read from a mailbox that is closed, or that another reads."""
    async with soon(), ActorSystem() as system:
        topic = Topic[int](system, "numbers")
        async with topic.stream() as stream:
            with pytest.raises(ActorError, match="entered once: make a new one"):
                await stream.__aenter__()
            await topic.publish(1)
            assert await anext(stream) == 1
        with pytest.raises(ActorError, match="entered once: make a new one"):
            await stream.__aenter__()
