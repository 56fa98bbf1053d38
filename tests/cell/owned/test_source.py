"""Guarantee 36: an actor drains its sources one item at a time, and they end with the incarnation."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorExit,
    ActorFailed,
    ActorSystem,
    DeadLetter,
    Mailbox,
    PriorityMailbox,
    StateMachine,
    state,
)
from actorio.testing import explore, until
from tests.guarantees.actors import Valve, outcome, soon
from tests.stage import ticks

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


class Numbers:
    """A source that says how far it was read, and whether it was closed."""

    def __init__(self, count: int, failure: BaseException | None = None) -> None:
        self.count = count
        self.failure = failure
        self.given: list[int] = []
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            for number in range(self.count):
                self.given.append(number)
                await asyncio.sleep(0)
                yield number
            if self.failure is not None:
                raise self.failure
            if self.count == 0:
                await asyncio.Event().wait()
        finally:
            self.closed += 1


class Drain(Actor[Any]):
    """Drains the sources that it is given, as far as its valve lets it."""

    def __init__(self, *sources: Any, valve: Valve | None = None, **options: Any) -> None:
        self.sources = sources
        self.options = options
        self.valve = valve or Valve()

    async def on_start(self) -> None:
        if not self.context.incarnation:
            self.readers = [self.context.add_source(source, **self.options) for source in self.sources]

    async def receive(self, message: Any) -> Any:
        self.valve.begun.append(message)
        self.valve.entered.set()
        if message == "crash":
            raise ValueError(message)
        if not isinstance(message, str):
            await self.valve.open.wait()
        self.valve.finished.append(message)
        return message

    async def take_back(self) -> None:
        self.readers[0].cancel()


def drain(*sources: Any, valve: Valve | None = None, **options: Any) -> Any:
    """Return a factory."""
    return lambda: Drain(*sources, valve=valve, **options)


def opened() -> Valve:
    valve = Valve()
    valve.open.set()
    return valve


# --- one at a time --------------------------------------------------------------------------------


async def test_guarantee_36_the_items_of_a_source_are_handled_in_their_order() -> None:
    numbers, valve = Numbers(5), opened()
    async with soon(), ActorSystem() as system:
        await system.spawn(drain(numbers, valve=valve, end=lambda: "end"))
        await until(lambda: "end" in valve.finished)
    assert valve.finished == [0, 1, 2, 3, 4, "end"]
    assert numbers.closed == 1


async def test_guarantee_36_the_next_item_is_asked_for_when_the_one_before_was_handled() -> None:
    numbers, valve = Numbers(5), Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(drain(numbers, valve=valve))
        await valve.entered.wait()
        await ticks(5)
        assert numbers.given == [0]
        assert ref.statistics().depth == 0
        valve.open.set()
        await until(lambda: len(valve.finished) == 5)


@pytest.mark.real_loop("a fair loop")
async def test_guarantee_36_mail_and_other_sources_have_their_turns_between() -> None:
    valve = opened()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(drain(Numbers(50), Numbers(50), valve=valve, item=lambda number: number))
        await until(lambda: valve.begun)
        assert await ref.ask("mail") == "mail"
        assert len(valve.begun) < 20
        await until(lambda: len(valve.begun) == 101)
    assert [item for item in valve.begun if item != "mail"][:4] == [0, 0, 1, 1]


async def test_guarantee_36_an_item_goes_into_a_full_mailbox_as_a_tick_does() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(drain(Numbers(1), valve=valve), mailbox=Mailbox(1))
        ref.send(10)
        sending = [asyncio.ensure_future(ref.send(number)) for number in (11, 12)]
        await ticks(5)
        assert ref.statistics().depth <= 2
        valve.open.set()
        await asyncio.wait(sending)
    assert sorted(valve.finished) == [0, 10, 11, 12]


async def test_guarantee_36_with_priorities_an_item_has_its_lane() -> None:
    valve = Valve()

    async def number() -> AsyncIterator[int]:
        await valve.entered.wait()
        yield 0

    async with soon(), ActorSystem() as system:
        mailbox: Mailbox[Any] = PriorityMailbox(lambda message: 0 if isinstance(message, str) else 1)
        actor = await system.spawn(drain(number(), valve=valve), mailbox=mailbox)
        actor.send_nowait(7)
        await until(lambda: actor.statistics().depth == 1 and valve.begun)
        actor.send_nowait("overtakes the number")
        valve.open.set()
        await until(lambda: len(valve.finished) == 3)
    assert valve.finished == [7, "overtakes the number", 0]


async def test_guarantee_36_an_own_loop_is_handed_the_items() -> None:
    class Own(Actor[Any]):
        async def run(self) -> None:
            self.context.add_source(numbers)
            try:
                while True:
                    taken.append(await self.recv())
                    given.append(len(numbers.given))
                    await ticks(3)
            except ActorExit:
                taken.append("exit")

    numbers = Numbers(3)
    taken: list[Any] = []
    given: list[int] = []
    async with soon(), ActorSystem() as system:
        own = await system.spawn(Own)
        await until(lambda: numbers.closed)
        own.close()
    assert taken == [0, 1, 2, "exit"]
    assert given == [1, 2, 3]


async def test_guarantee_36_a_stashed_item_holds_the_source_up() -> None:
    class Stashing(Drain):
        async def receive(self, message: Any) -> Any:
            if message == "open":
                self.valve.open.set()
                self.context.unstash_all()
            elif not self.valve.open.is_set():
                self.context.stash(message)
            else:
                await super().receive(message)

    numbers, valve = Numbers(3), Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(lambda: Stashing(numbers, valve=valve))
        await ticks(10)
        assert numbers.given == [0]
        await ref.send("open")
        await until(lambda: len(valve.finished) == 3)
    assert valve.finished == [0, 1, 2]


async def test_guarantee_36_a_state_machine_has_items_as_events() -> None:
    class Machine(StateMachine[str, Any]):
        initial_state = "even"

        async def on_start(self) -> None:
            await super().on_start()
            self.context.add_source(Numbers(4), end=self.context.stop)

        @state("even")
        def even(self, event: int) -> str:
            seen.append(("even", event))
            return "odd"

        @state("odd")
        def odd(self, event: int) -> str:
            seen.append(("odd", event))
            return "even"

    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        await system.spawn(Machine)
        await until(lambda: len(seen) == 4)
    assert seen == [("even", 0), ("odd", 1), ("even", 2), ("odd", 3)]


async def test_guarantee_36_an_item_comes_in_the_contextvars_of_who_added_the_source() -> None:
    class Asking(Drain):
        async def on_start(self) -> None:
            WHO.set("actor")
            await super().on_start()

        async def receive(self, message: Any) -> Any:
            seen.append(WHO.get())
            WHO.set("changed")

    seen: list[str] = []
    async with soon(), ActorSystem() as system:
        await system.spawn(lambda: Asking(Numbers(2)))
        await until(lambda: len(seen) == 2)
    assert seen == ["actor", "actor"]


async def test_guarantee_36_a_stream_of_another_actor_is_a_source() -> None:
    class Table(Actor[None]):
        async def rows(self, count: int) -> AsyncIterator[int]:
            try:
                for number in range(count):
                    given.append(number)
                    yield number
            finally:
                given.append("closed")

    given: list[Any] = []
    valve = Valve()
    async with soon(), ActorSystem() as system:
        table = await system.spawn(Table)
        ref = await system.spawn(drain(table.stream(Table.rows, 10**6).buffered(2), valve=valve))
        await valve.entered.wait()
        await ticks(9)
        assert len(given) <= 4
        valve.open.set()
        await until(lambda: len(valve.finished) > 5)
        ref.stop()
        await ref.join()
        await until(lambda: given[-1] == "closed")
    assert valve.finished == list(range(len(valve.finished)))


# --- its end --------------------------------------------------------------------------------------


async def test_guarantee_36_what_a_source_raises_is_the_actors_failure() -> None:
    error = ValueError("source")
    numbers, valve = Numbers(2, error), opened()
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        ref = await system.spawn(drain(numbers, valve=valve, end=lambda: "end"))
        assert (await anext(failures)).error is error
        await ref.ask("after")
        assert ref.statistics().restarts == 1
    assert valve.finished == [0, 1, "after"]


async def test_guarantee_36_a_source_that_is_cancelled_from_the_inside_fails_the_actor() -> None:
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        await system.spawn(drain(Numbers(1, asyncio.CancelledError()), valve=opened()))
        assert isinstance((await anext(failures)).error, ActorError)


async def test_guarantee_36_a_function_that_makes_messages_and_raises_fails_the_actor() -> None:
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        await system.spawn(drain(Numbers(1), valve=opened(), item=lambda number: 1 // number))
        assert isinstance((await anext(failures)).error, ZeroDivisionError)


@pytest.mark.parametrize("end", ["close", "stop", "kill", "crash"])
async def test_guarantee_36_a_source_is_closed_with_its_incarnation(end: str) -> None:
    endless, valve = Numbers(0), Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(drain(endless, valve=valve))
        await ticks(3)
        assert endless.closed == 0
        if end == "crash":
            await ref.send("crash")
            assert await ref.ask("after") == "after"
        else:
            getattr(ref, end)()
            await ref.join()
        assert endless.closed == 1
    assert valve.begun == (["crash", "after"] if end == "crash" else [])


@pytest.mark.parametrize("end", ["close", "stop", "kill"])
async def test_guarantee_36_an_item_in_hand_has_its_fate(end: str) -> None:
    numbers, valve = Numbers(9), Valve()
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(drain(numbers, valve=valve))
        await valve.entered.wait()
        getattr(ref, end)()
        await ticks(1)
        valve.open.set()
        await ref.join()
        assert numbers.closed == 1
    lost = [(letter.message, letter.reason) async for letter in letters]
    assert len(numbers.given) == len(valve.finished) + len(lost)
    assert valve.finished == ([] if end == "kill" else [0])
    if end == "kill":
        assert lost == [(0, "interrupted")]


@pytest.mark.parametrize("end", ["stop", "crash"])
async def test_guarantee_36_a_queued_item_is_a_dead_letter_and_never_reaches_a_later_incarnation(
    end: str,
) -> None:
    numbers, valve = Numbers(9), Valve()
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(drain(valve=valve))
        ref.send(10)  # held
        if end == "crash":
            ref.send("crash")
        await valve.entered.wait()
        instance: Any = ref._cell.instance
        instance.context.add_source(numbers)
        await until(lambda: numbers.given)
        await ticks(5)
        if end == "stop":
            ref.stop()
        valve.open.set()
        letter = await anext(letters)
        assert (letter.message, letter.reason) == (0, "stopped")
        if end == "crash":
            assert await ref.ask("after") == "after"
    assert numbers.given == [0]
    assert 0 not in valve.begun


class Connection:
    """A source that is open before it is read."""

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> "Connection":
        return self

    async def __anext__(self) -> int:
        await asyncio.Event().wait()
        return 0

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


@pytest.mark.parametrize("end", ["stop", "kill", "crash", "take back"])
async def test_guarantee_36_a_source_that_was_never_read_is_closed_all_the_same(end: str) -> None:
    class Hasty(Actor[Any]):
        async def receive(self, message: Any) -> None:
            task = self.context.add_source(connection)
            if end == "take back":
                task.cancel()
            elif end == "stop":
                self.context.stop()
            elif end == "kill":
                self.context.ref.kill()
            else:
                raise ValueError(message)

    connection = Connection()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Hasty)
        await ref.send("begin")
        await until(lambda: connection.closed)
        ref.stop()
        await ref.join()
    assert connection.closed == 1


async def test_guarantee_36_cancelling_the_task_takes_the_source_back() -> None:
    endless = Numbers(0)
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(drain(endless))
        await ticks(3)
        await ref.call(Drain.take_back)
        await until(lambda: endless.closed)
        assert await ref.ask("after") == "after"
        assert ref.statistics().restarts == 0


async def test_a_source_is_an_async_iterable_and_its_functions_are_plain() -> None:
    async def item(number: int) -> int:
        return number

    async with soon(), ActorSystem() as system:
        with pytest.raises(TypeError, match="async iterable"):
            await system.spawn(drain([1, 2]))
        with pytest.raises(TypeError, match="item must be a plain function"):
            await system.spawn(drain(Numbers(1), item=item))
        assert isinstance(await outcome(system.spawn(drain(Numbers(1), end=3))), TypeError)


# --- in simulation --------------------------------------------------------------------------------


async def _drained_over_crashes() -> None:
    log: list[Any] = []
    sources = []

    class Draining(Actor[Any]):
        async def on_start(self) -> None:
            sources.append(numbers := Numbers(30))
            self.context.add_source(numbers, item=lambda number: (self.context.incarnation, number))

        async def receive(self, message: Any) -> Any:
            if message == "crash":
                raise ValueError(message)
            if isinstance(message, tuple):
                assert message[0] == self.context.incarnation, "it came from an earlier incarnation"
                log.append(message)
            await asyncio.sleep(0)

    async with ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Draining, mailbox=Mailbox(3))
        for message in (1, 2, "crash", 3, 4, "crash", 5):
            await ref.send(message)
        await ref.ask("asked")
        assert ref.statistics().restarts == 2
    lost = [letter.message async for letter in letters]
    for incarnation, numbers in enumerate(sources):
        seen = [number for which, number in log if which == incarnation]
        assert seen == list(range(len(seen)))
        mine = [message for message in lost if message[0] == incarnation]
        assert len(mine) <= 1
        assert len(seen) <= len(numbers.given) <= len(seen) + len(mine) + 1  # one may be on its way to us
        assert numbers.closed == bool(numbers.given)  # not when it was never begun


def test_guarantee_36_holds_in_simulation() -> None:
    assert explore(_drained_over_crashes, seeds=range(80)).distinct > 60
