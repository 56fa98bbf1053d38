"""The mailbox by itself, as the `asyncio.Queue` that it is, and its priorities."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorStoppedError,
    ActorSystem,
    Mailbox,
    MailboxFullError,
    Overflow,
    PriorityMailbox,
)
from actorio._core.ring import FirstStore, Ring
from actorio._core.store import Line
from tests.guarantees.actors import Held, Valve, cancelled, outcome, soon, started
from tests.stage import ticks

# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_capacity_below_one_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity must be at least 1"):
        Mailbox(capacity)


@pytest.mark.parametrize("capacity", [True, 1.5, "10", float("nan")])
def test_a_capacity_that_is_no_whole_number_is_refused(capacity: Any) -> None:
    with pytest.raises(TypeError, match="capacity must be a whole number"):
        Mailbox(capacity)


@pytest.mark.parametrize("overflow", ["wait", None, 1])
def test_an_overflow_that_is_none_is_refused(overflow: Any) -> None:
    with pytest.raises(TypeError, match="overflow must be an Overflow"):
        Mailbox(overflow=overflow)


def test_a_priority_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="priority must be a plain function"):
        PriorityMailbox(3)  # type: ignore[arg-type]


def test_a_fresh_mailbox_has_the_same_settings_and_nothing_in_it() -> None:
    mailbox = PriorityMailbox(len, 7, overflow=Overflow.FAIL)
    mailbox.put_nowait("message")
    fresh = mailbox.fresh()
    assert isinstance(fresh, PriorityMailbox)
    assert (fresh.capacity, fresh.overflow, fresh.priority) == (7, Overflow.FAIL, len)
    assert fresh.empty()


def test_a_mailbox_is_an_asyncio_queue_and_says_what_it_holds() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    assert isinstance(mailbox, asyncio.Queue)
    assert (mailbox.maxsize, mailbox.qsize(), mailbox.empty(), mailbox.full()) == (2, 0, True, False)
    mailbox.put_nowait(1)
    mailbox.put_nowait(2)
    assert (mailbox.qsize(), mailbox.empty(), mailbox.full()) == (2, False, True)
    assert repr(mailbox) == str(mailbox) == f"{mailbox}" == "<Mailbox 2 of 2>"
    assert Mailbox(None).maxsize == 0
    assert repr(Mailbox(None)) == "<Mailbox 0 of unbounded>"


def test_what_only_a_queue_of_finished_work_can_is_refused() -> None:
    mailbox: Mailbox[int] = Mailbox()
    with pytest.raises(NotImplementedError, match="close and join its actor"):
        mailbox.task_done()


async def test_join_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="close and join its actor"):
        await Mailbox().join()


# -- putting in and taking out ---------------------------------------------------------------------


async def test_first_in_is_first_out() -> None:
    mailbox: Mailbox[Any] = Mailbox(None)
    for message in (1, None, "", 4):
        await mailbox.put(message)
    assert [await mailbox.get() for _ in range(4)] == [1, None, "", 4]
    with pytest.raises(asyncio.QueueEmpty):
        mailbox.get_nowait()


@pytest.mark.parametrize("overflow", [Overflow.WAIT, Overflow.FAIL])
def test_put_nowait_into_a_full_mailbox_gives_the_message_back(overflow: Overflow) -> None:
    mailbox: Mailbox[int] = Mailbox(1, overflow=overflow)
    mailbox.put_nowait(1)
    with pytest.raises(MailboxFullError) as caught:
        mailbox.put_nowait(2)
    assert caught.value.undelivered == 2
    assert mailbox.get_nowait() == 1
    assert mailbox.empty()


@pytest.mark.parametrize(("overflow", "kept"), [(Overflow.DROP_NEW, [1, 2]), (Overflow.DROP_OLD, [2, 3])])
async def test_a_mailbox_that_drops_never_waits(overflow: Overflow, kept: list[int]) -> None:
    mailbox: Mailbox[int] = Mailbox(2, overflow=overflow)
    for message in (1, 2, 3):
        await mailbox.put(message)
    assert [mailbox.get_nowait() for _ in range(2)] == kept
    assert mailbox.empty()


async def test_put_waits_for_room_and_keeps_its_place() -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    mailbox.put_nowait(0)
    putting = [started(mailbox.put(number)) for number in (1, 2, 3)]
    await ticks(2)
    assert mailbox.get_nowait() == 0
    with pytest.raises(MailboxFullError):
        mailbox.put_nowait(9)  # the one that waits has got the room
    async with soon():
        assert [await mailbox.get() for _ in range(3)] == [1, 2, 3]
        await asyncio.wait(putting)


async def test_a_put_that_is_cancelled_as_room_is_made_puts_nothing_in() -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    mailbox.put_nowait(0)
    putting = [started(mailbox.put(number)) for number in (1, 2)]
    await ticks(2)
    putting[0].cancel()
    assert mailbox.get_nowait() == 0
    async with soon():
        await asyncio.wait(putting)
    assert [putting[0].cancelled(), mailbox.get_nowait(), mailbox.empty()] == [True, 2, True]


async def test_a_put_that_is_cancelled_puts_nothing_in() -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    mailbox.put_nowait(0)
    putting = [started(mailbox.put(number)) for number in (1, 2)]
    await ticks(2)
    assert await cancelled(putting[0])
    assert [mailbox.get_nowait(), await mailbox.get()] == [0, 2]
    await putting[1]
    assert mailbox.empty()


async def test_get_waits_for_a_message() -> None:
    mailbox: Mailbox[int] = Mailbox()
    getting = started(mailbox.get())
    await ticks(2)
    mailbox.put_nowait(1)
    async with soon():
        assert await getting == 1


async def test_a_get_cancelled_at_any_tick_loses_no_message() -> None:
    for tick in range(5):
        mailbox: Mailbox[int] = Mailbox()
        getting = started(mailbox.get())
        await ticks(1)
        mailbox.put_nowait(1)
        await ticks(tick)
        getting.cancel()
        await asyncio.wait([getting])
        got = [] if getting.cancelled() else [getting.result()]
        assert got + [mailbox.get_nowait() for _ in range(mailbox.qsize())] == [1]
        async with soon():
            mailbox.put_nowait(2)
            assert await mailbox.get() == 2


async def test_a_second_reader_is_refused() -> None:
    mailbox: Mailbox[int] = Mailbox()
    getting = started(mailbox.get())
    await ticks(1)
    with pytest.raises(RuntimeError, match="one reader"):
        await mailbox.get()
    mailbox.put_nowait(1)
    assert await getting == 1


def test_a_closed_mailbox_takes_nothing_more_and_gives_out_what_it_has() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put_nowait(1)
    mailbox.close()
    with pytest.raises(ActorStoppedError):
        mailbox.put_nowait(2)
    assert mailbox.get_nowait() == 1


def test_the_peak_is_the_most_it_has_held() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for number in range(3):
        mailbox.put_nowait(number)
    while not mailbox.empty():
        mailbox.get_nowait()
    assert mailbox.peak == 3


# -- priorities ------------------------------------------------------------------------------------


async def test_urgent_messages_come_first_and_keep_their_order_within_a_lane() -> None:
    mailbox: PriorityMailbox[str] = PriorityMailbox(len)
    for message in ("ccc", "bb", "a", "bb2"[:2], "aaa", "x"):
        await mailbox.put(message)
    assert [mailbox.get_nowait() for _ in range(6)] == ["a", "x", "bb", "bb", "ccc", "aaa"]
    assert mailbox.empty()


async def test_an_actor_takes_asks_by_priority_and_work_and_calls_as_the_most_urgent() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=PriorityMailbox(lambda message: message + 10))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(3)
        work = [started(ref.ask(2)), started(ref.call(Held.receive, 9))]
        await ref.send(1)
        await ticks(1)
        result = ref.submit(valve.finished.append, "work")
        valve.open.set()
        await asyncio.wait(work)
        await result
    assert valve.finished == [0, 9, "work", 1, 2, 3]


async def test_the_capacity_of_a_priority_mailbox_is_over_all_lanes() -> None:
    mailbox: PriorityMailbox[int] = PriorityMailbox(lambda message: message, 2)
    mailbox.put_nowait(2)
    mailbox.put_nowait(1)
    putting = started(mailbox.put(0))
    await ticks(1)
    assert [mailbox.get_nowait(), mailbox.get_nowait(), mailbox.get_nowait()] == [1, 0, 2]
    await putting


def test_the_oldest_of_a_priority_mailbox_that_drops_is_the_next_to_be_taken() -> None:
    mailbox: PriorityMailbox[int] = PriorityMailbox(lambda message: message, 2, overflow=Overflow.DROP_OLD)
    for message in (1, 2, 3):
        mailbox.put_nowait(message)
    assert [mailbox.get_nowait(), mailbox.get_nowait()] == [2, 3]


async def test_a_priority_that_raises_fails_the_put_that_waits_and_no_other() -> None:
    mailbox: PriorityMailbox[Any] = PriorityMailbox(lambda message: 1 // message, 1)
    mailbox.put_nowait(1)
    putting = [started(outcome(mailbox.put(message))) for message in (0, 2)]
    await ticks(1)
    assert [mailbox.get_nowait(), await mailbox.get()] == [1, 2]
    first, second = [await one for one in putting]
    assert isinstance(first, ZeroDivisionError)
    assert second is None


async def test_a_peak_that_a_turn_has_made_by_itself_is_noted() -> None:
    class Flood(Actor[Any]):
        async def receive(self, message: Any) -> None:
            for number in range(3):
                await self.context.ref.send(number)
            self.context.stop()

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Flood, mailbox=Mailbox(1))
        await ref.send("go")
        await ref.join()
        assert ref.statistics().peak == 3


async def test_a_put_that_was_cancelled_leaves_the_line_at_once() -> None:
    mailbox = Mailbox[int](1)
    mailbox.put_nowait(1)
    putting = started(mailbox.put(2))
    await ticks(2)
    assert await cancelled(putting)
    assert not mailbox.waiting


@pytest.mark.parametrize("kind", ["ask", "submission"])
async def test_what_was_cancelled_while_it_waits_for_room_leaves_the_line_at_once(kind: str) -> None:
    """Or it would be admitted before its task has run, and take the place of a message that somebody waits for."""
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        if kind == "ask":
            asking = started(ref.ask(2))
            await ticks(2)
            assert ref._mailbox.waiting
            asking.cancel()
            assert not ref._mailbox.waiting  # before the task has run
            await asyncio.wait([asking])
        else:
            result = ref.submit(str)
            assert ref._mailbox.waiting
            result.cancel()
            assert not ref._mailbox.waiting
        valve.open.set()
    assert valve.finished == [0, 1]


def test_the_line_keeps_its_order_when_some_leave_it() -> None:
    line = Line()
    rooms = [_Room() for _ in range(5)]
    for number, room in enumerate(rooms):
        line.append(number, room)
    assert line.remove(rooms[1])
    assert not line.remove(rooms[1])
    assert line.popleft() == (0, rooms[0])
    line.append(5, rooms[0])
    assert [item for item, _ in line] == [2, 3, 4, 5]
    assert len(line) == 4


class _Room:
    def admitted(self) -> None: ...
    def refused(self, error: BaseException) -> None: ...


# -- a store of a few that becomes one of many ------------------------------------------------------


@pytest.mark.parametrize("capacity", [3, 8, 9, 50, None])
@pytest.mark.parametrize("at_once", [1, 8, 9, 30])
async def test_order_and_bound_are_the_same_before_and_after_the_store_has_grown(
    capacity: int | None, at_once: int
) -> None:
    class Counting(Actor[int]):
        async def receive(self, message: int) -> None:
            seen.append(message)
            if message == 0:  # grows in the middle of a share of messages
                for number in range(1, at_once):
                    await self.context.ref.send(number)

    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Counting, mailbox=Mailbox(capacity, overflow=Overflow.WAIT))
        for again in range(2):
            await ref.send(0)
            while len(seen) < at_once:
                await ticks(1)
            assert seen == list(range(at_once)), again
            seen.clear()
        assert ref.statistics().peak >= min(at_once - 1, 1)


@pytest.mark.parametrize("count", [2, 1_000])
def test_what_is_put_back_is_in_front_of_all_and_of_many_the_store_grows(count: int) -> None:
    """In front of a list each of them would move all that are behind it."""
    mailbox: Mailbox[int] = Mailbox(None)
    for number in (-2, -1):
        mailbox.put_nowait(number)
    mailbox.put_back(list(range(count)))
    assert type(mailbox.items) is (FirstStore if count == 2 else Ring)
    mailbox.put_nowait(-3)
    assert [mailbox.get_nowait() for _ in range(count + 3)] == [*range(count), -2, -1, -3]


def test_a_full_mailbox_of_few_refuses_the_next_one() -> None:
    for capacity in (1, 7, 8, 9, 20):
        mailbox: Mailbox[int] = Mailbox(capacity, overflow=Overflow.FAIL)
        for number in range(capacity):
            mailbox.put_nowait(number)
        with pytest.raises(MailboxFullError):
            mailbox.put_nowait(capacity)
        assert [mailbox.get_nowait() for _ in range(capacity)] == list(range(capacity))
