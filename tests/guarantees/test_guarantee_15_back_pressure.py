"""Guarantee 15: a mailbox never exceeds its capacity; an actor's mail to itself and ticks alone may."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Mailbox, MailboxFullError, Overflow
from actorio.testing import until
from tests.guarantees.actors import Held, Recorder, Valve, outcome, soon, started
from tests.stage import ticks


@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize("capacity", [1, 5])
async def test_guarantee_15_no_way_of_sending_exceeds_the_capacity(overflow: Overflow, capacity: int) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(capacity, overflow=overflow))
        await ref.send(0)
        await valve.entered.wait()
        work = []
        for number in range(30):
            work.append(started(outcome(ref.send(number))))
            work.append(started(outcome(ref.ask(number))))
            work.append(started(outcome(ref.call(Held.receive, number))))
            work.append(started(outcome(ref.submit(int))))
            ref.send_threadsafe(number)
            await ticks(1)
            assert ref.statistics().depth <= capacity
        assert ref.statistics().depth == capacity
        valve.open.set()
        await asyncio.wait(work)
        assert ref.statistics().peak == capacity


async def test_guarantee_15_a_mailbox_holds_a_thousand_by_default() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send("in hand")
        await valve.entered.wait()
        for number in range(1_000):
            ref.send_nowait(number)
        with pytest.raises(MailboxFullError):
            ref.send_nowait("one too many")
        waiting = started(outcome(ref.send("waits")))
        await ticks(3)
        assert not waiting.done()
        valve.open.set()
        await waiting


async def test_guarantee_15_an_unbounded_mailbox_takes_all() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(None))
        for number in range(5_000):
            ref.send_nowait(number)
        valve.open.set()
        await ref.ask("last")
        assert ref.statistics().peak >= 4_999
    assert valve.finished == [*range(5_000), "last"]


async def test_guarantee_15_a_sender_waits_until_there_is_room_for_it() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(2))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        await ref.send(2)
        waiting = [started(outcome(ref.send(number))) for number in (3, 4)]
        await ticks(5)
        assert [one.done() for one in waiting] == [False, False]
        valve.open.set()
        await asyncio.wait(waiting)


async def test_guarantee_15_mail_to_itself_and_ticks_go_in_above_the_capacity() -> None:
    class Own(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "fill":
                for number in range(5):
                    await self.context.ref.send(number)
                    self.context.ref.send_nowait(number)
                self.context.send_after(0, "tick")
                depths.append(self.context.ref.statistics().depth)
                await asyncio.sleep(0.01)
                depths.append(self.context.ref.statistics().depth)
            seen.append(message)

    seen: list[Any] = []
    depths: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Own, mailbox=Mailbox(2))
        await ref.send("fill")
        await until(lambda: "tick" in seen)
        assert ref.statistics().peak == 11
    assert depths == [10, 11]
    assert seen == ["fill", 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, "tick"]


async def test_guarantee_15_no_other_mail_goes_in_while_the_mailbox_is_above_its_capacity() -> None:
    class Own(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "fill":
                for number in range(5):
                    await self.context.ref.send(number)
                filled.set()
                await gate.wait()
            seen.append(message)

    seen: list[Any] = []
    filled, gate = asyncio.Event(), asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Own, mailbox=Mailbox(2))
        await ref.send("fill")
        await filled.wait()
        with pytest.raises(MailboxFullError):
            ref.send_nowait("no room")
        waiting = started(outcome(ref.send("late")))
        await ticks(2)
        assert not waiting.done()
        gate.set()
        await waiting
        assert len(seen) >= 4  # four had to go before there was room
    assert seen == ["fill", 0, 1, 2, 3, 4, "late"]


async def test_guarantee_15_the_peak_is_the_highest_even_within_one_turn() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send("first")
        await valve.entered.wait()
        for number in range(20):
            await ref.send(number)
        valve.open.set()
        await ref.ask("last")
        assert ref.statistics().peak >= 20


async def test_guarantee_15_a_pipeline_runs_at_the_pace_of_its_slowest_stage() -> None:
    class Stage(Actor[int]):
        def __init__(self, following: ActorRef[Any]) -> None:
            self.following = following

        async def receive(self, message: int) -> None:
            await self.following.send(message)

    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        valve = Valve()
        sink = await system.spawn(Held, valve, mailbox=Mailbox(1))
        middle = await system.spawn(Stage, sink, mailbox=Mailbox(1))
        head = await system.spawn(Stage, middle, mailbox=Mailbox(1))
        feeding = started(_feed(head, 20))
        await ticks(20)
        assert not feeding.done()
        assert len(valve.begun) == 1
        assert sum(one.statistics().depth for one in (head, middle, sink)) == 3
        valve.open.set()
        await feeding
    assert valve.finished == list(range(20))
    assert seen == []


async def _feed(ref: ActorRef[Any], count: int) -> None:
    for number in range(count):
        await ref.send(number)


async def test_guarantee_15_the_pattern_of_a_mailbox_is_not_shared_by_the_actors() -> None:
    pattern: Mailbox[Any] = Mailbox(1)
    async with soon(), ActorSystem() as system:
        valves = [Valve(), Valve()]
        refs = [await system.spawn(Held, valve, mailbox=pattern) for valve in valves]
        for ref, valve in zip(refs, valves, strict=True):
            ref.send_nowait(0)
            await valve.entered.wait()
            ref.send_nowait(1)
        assert [ref.statistics().depth for ref in refs] == [1, 1]
        assert pattern.empty()
        for valve in valves:
            valve.open.set()


async def test_guarantee_15_a_worker_refuses_work_by_the_same_rules() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1, overflow=Overflow.FAIL))
        await ref.send(0)
        await valve.entered.wait()
        results = [ref.submit(int) for _ in range(3)]
        answers = [await outcome(result) for result in results[1:]]
        assert [type(answer) for answer in answers] == [MailboxFullError] * 2
        valve.open.set()
        assert await results[0] == 0


async def test_guarantee_15_mail_of_threads_waits_in_line_as_well() -> None:
    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen, mailbox=Mailbox(3))
        for number in range(50):
            ref.send_threadsafe(number)
        await until(lambda: len(seen) == 50)
        assert ref.statistics().peak <= 3
    assert seen == list(range(50))


async def test_guarantee_15_a_send_that_waits_is_awaited_by_one_task_and_a_second_is_told_at_once() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        sending = ref.send(2)
        first = asyncio.ensure_future(sending)
        await ticks(2)
        with pytest.raises(RuntimeError, match="another task waits for this send"):
            await sending
        valve.open.set()
        await first
        await sending  # it is done with
    assert valve.finished == [0, 1, 2]


async def test_guarantee_15_a_send_that_was_given_up_says_so_to_who_awaits_it_again() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        sending = ref.send(2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await sending
        with pytest.raises(RuntimeError, match="given up"):
            await sending
        valve.open.set()
    assert valve.finished == [0, 1]
