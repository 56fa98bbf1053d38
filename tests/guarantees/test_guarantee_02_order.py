"""Guarantee 2: first in, first out per mailbox; a sender that waited keeps its place."""

import asyncio
import random
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Mailbox
from tests.guarantees.actors import Failing, Held, Recorder, Valve, outcome, soon, started
from tests.stage import ticks


async def test_guarantee_02_every_way_of_sending_keeps_the_order_of_the_calls() -> None:
    class Keeper(Recorder):
        async def keep(self, message: Any) -> None:
            self.seen.append(message)

    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Keeper, seen)
        ref.send(0)
        ref.send_nowait(1)
        ref.cast(Keeper.keep, 2)
        ref.submit(seen.append, 3)
        await ref.ask(4)
        await ref.call(Keeper.keep, 5)
    assert seen == [0, 1, 2, 3, 4, 5]


async def test_guarantee_02_an_unawaited_send_keeps_its_place_before_a_later_one() -> None:
    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen)
        first = ref.send(1)
        await ref.send(2)
        await first
    assert seen == [1, 2]


@pytest.mark.parametrize("capacity", [1, 2, 7])
async def test_guarantee_02_fifty_senders_keep_their_own_order_through_a_small_mailbox(capacity: int) -> None:
    async def sender(ref: ActorRef[Any], who: int) -> None:
        for number in range(40):
            await ref.send((who, number))

    seen: list[tuple[int, int]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen, mailbox=Mailbox(capacity))
        await asyncio.wait([started(sender(ref, who)) for who in range(50)])
        assert ref.statistics().peak <= capacity
    assert len(seen) == 2_000
    for who in range(50):
        assert [number for sender, number in seen if sender == who] == list(range(40))


async def test_guarantee_02_senders_that_wait_are_served_in_the_order_in_which_they_came() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(2))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        await ref.send(2)
        waiting = []
        for number in range(3, 23):
            waiting.append(started(outcome(_one_way(ref, number, valve))))
            await ticks(1)
        valve.open.set()
        await ref.send(23)  # there is room soon, and it comes last all the same
        await asyncio.wait(waiting)
    assert valve.finished == list(range(24))


def _one_way(ref: ActorRef[Any], number: int, valve: Valve) -> Awaitable[Any]:
    if number % 3 == 0:
        return ref.send(number)
    return ref.ask(number) if number % 3 == 1 else ref.submit(valve.finished.append, number)


async def test_guarantee_02_a_late_sender_never_overtakes_one_that_waits() -> None:
    class Room(Actor[int]):
        async def receive(self, message: int) -> None:
            seen.append(message)
            if late:  # room was made by taking this message, and a sender tries to get it first
                ref.send(late.pop(0))
            await ticks(1)

    seen: list[int] = []
    late = [100, 101, 102]
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Room, mailbox=Mailbox(1))
        other = [started(outcome(ref.send(number))) for number in range(6)]
        await asyncio.wait(other)
    waited = [number for number in seen if number < 100]
    assert waited == list(range(6))
    assert sorted(seen) == [0, 1, 2, 3, 4, 5, 100, 101, 102]


async def test_guarantee_02_one_that_leaves_the_line_does_not_move_the_others() -> None:
    for seed in range(30):
        source = random.Random(seed)
        async with soon(), ActorSystem() as system:
            valve = Valve()
            ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
            await ref.send(-1)
            await valve.entered.wait()
            await ref.send(0)
            waiting = {number: started(outcome(ref.send(number))) for number in range(1, 12)}
            await ticks(1)
            gone = source.sample(range(1, 12), 4)
            for number in gone:
                waiting[number].cancel()
            valve.open.set()
            await asyncio.wait(waiting.values())
        assert valve.finished == [-1, 0, *(number for number in range(1, 12) if number not in gone)]


async def test_guarantee_02_an_actor_that_sends_to_itself_keeps_the_order() -> None:
    class Counter(Actor[int]):
        async def receive(self, message: int) -> None:
            seen.append(message)
            if message < 10:
                await self.context.ref.send(message + 10)
                self.context.ref.send_nowait(message + 20)

    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Counter, mailbox=Mailbox(2))
        await ref.send(0)
        await ref.send(1)
        result = ref.submit(lambda: None)
        await result
        await ticks(5)
    assert [number % 10 for number in seen if number >= 10] == [0, 0, 1, 1]
    assert seen.index(0) < seen.index(1) < seen.index(11) < seen.index(21)
    assert seen.index(10) < seen.index(20) < seen.index(11)


async def test_guarantee_02_the_order_is_kept_over_a_restart() -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, seen, mailbox=Mailbox(3))
        sending = [
            started(outcome(ref.send(message))) for message in (0, 1, ValueError(), 3, 4, ValueError(), 6, 7)
        ]
        await asyncio.wait(sending)
    assert seen == [0, 1, 3, 4, 6, 7]


@pytest.mark.real_loop("threads")
async def test_guarantee_02_each_thread_keeps_its_order() -> None:
    def sender(who: int) -> None:
        for number in range(200):
            ref.send_threadsafe((who, number))

    seen: list[tuple[int, int]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen, mailbox=Mailbox(10))
        threads = [threading.Thread(target=sender, args=(who,)) for who in range(8)]
        for thread in threads:
            thread.start()
        while len(seen) < 1_600:
            await ticks(1)
        for thread in threads:
            thread.join()
    for who in range(8):
        assert [number for sender, number in seen if sender == who] == list(range(200))


async def test_guarantee_02_an_own_loop_and_the_work_on_its_way_keep_the_order() -> None:
    class Own(Actor[int]):
        async def run(self) -> None:
            while True:
                seen.append(await self.recv())

    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Own)
        for number in range(0, 10, 2):
            ref.send(number)
            ref.submit(seen.append, number + 1)
        ref.close()
        await ref.join()
    assert seen == list(range(10))
