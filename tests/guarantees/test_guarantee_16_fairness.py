"""Guarantee 16: an actor with endless mail yields to the loop within its budget; timers and I/O go on."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Mailbox, Overflow
from actorio.testing import until
from tests.guarantees.actors import Recorder, soon, started
from tests.stage import ticks

LONGEST = 0.25  # seconds of work of this thread between two beats of the loop: far above the budget


class Endless(Actor[int]):
    """Always has mail: it sends itself the next message."""

    async def receive(self, message: int) -> None:
        self.context.ref.send_nowait(message + 1)


class PlainEndless(Actor[int]):
    def receive(self, message: int) -> None:  # type: ignore[override]
        self.context.ref.send_nowait(message + 1)


class OwnEndless(Actor[int]):
    async def run(self) -> None:
        while True:
            self.context.ref.send_nowait(await self.recv() + 1)


class SubmittingEndless(Actor[Any]):
    """Its work submits the next piece of work."""

    async def receive(self, message: Any) -> None:
        self.again()

    def again(self) -> None:
        self.context.ref.submit(self.again)


class OwnSubmittingEndless(SubmittingEndless):
    async def run(self) -> None:
        while True:
            await self.receive(await self.recv())


class AskingEndless(Actor[int]):
    """Asks the one beside it for ever, in one turn."""

    async def receive(self, message: int) -> None:
        echo = await self.context.spawn(Echo)
        while True:
            await echo.ask(message)


class Echo(Actor[int]):
    async def receive(self, message: int) -> int:
        return message


ENDLESS = [Endless, PlainEndless, OwnEndless, SubmittingEndless, OwnSubmittingEndless, AskingEndless]


async def longest_gap(beats: int) -> float:
    longest, before = 0.0, time.thread_time()  # on a busy machine others have their time in between
    for _ in range(beats):
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    return longest


@pytest.mark.parametrize("cls", ENDLESS)
async def test_guarantee_16_an_actor_with_endless_mail_lets_the_loop_go_round(cls: type[Actor[Any]]) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(cls)
        await ref.send(0)
        assert await longest_gap(50) < LONGEST
        ref.kill()
        await ref.join()


@pytest.mark.real_loop("sockets")
@pytest.mark.parametrize("cls", [Endless, OwnEndless, AskingEndless])
async def test_guarantee_16_timers_and_sockets_go_on_beside_endless_mail(cls: type[Actor[Any]]) -> None:
    loop = asyncio.get_running_loop()
    one, two = socket.socketpair()
    with one, two:
        one.setblocking(False)
        two.setblocking(False)
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(cls)
            await ref.send(0)
            for _ in range(5):
                await asyncio.sleep(0.001)
                await loop.sock_sendall(one, b"x")
                assert await loop.sock_recv(two, 1) == b"x"
            ref.kill()


@pytest.mark.real_loop("a fair loop")
async def test_guarantee_16_twenty_endless_actors_each_have_their_share() -> None:
    async with soon(), ActorSystem() as system:
        refs = [await system.spawn(Endless) for _ in range(20)]
        for ref in refs:
            await ref.send(0)
        while min(ref.statistics().handled for ref in refs) < 500:
            await ticks(1)
        handled = [ref.statistics().handled for ref in refs]
        for ref in refs:
            ref.kill()
    assert max(handled) <= 8 * min(handled) + 64  # a turn takes 8 to 64 messages, as the clock lets it


@pytest.mark.real_loop("the clock")
async def test_guarantee_16_a_slow_handler_is_not_given_its_whole_budget() -> None:
    class Slow(Actor[Any]):
        def receive(self, message: Any) -> None:  # type: ignore[override]
            end = time.perf_counter() + 0.002
            while time.perf_counter() < end:
                pass

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Slow)
        for number in range(64):
            await ref.send(number)
        seen = []  # how many it had handled, at each pass of the loop: by the clock a busy machine would decide
        while ref.statistics().depth:
            seen.append(ref.statistics().handled)
            await asyncio.sleep(0)
        assert max(after - before for before, after in pairwise(seen)) <= 8
        ref.kill()


async def test_guarantee_16_an_ask_is_answered_beside_endless_mail() -> None:
    async with soon(), ActorSystem() as system:
        hog = await system.spawn(Endless)
        echo = await system.spawn(Echo)
        await hog.send(0)
        assert [await echo.ask(number) for number in range(100)] == list(range(100))
        hog.kill()


async def test_guarantee_16_senders_that_never_await_anything_else_do_not_starve_the_loop() -> None:
    async def flood(ref: ActorRef[Any]) -> None:
        while not stop:
            await ref.send(0)
            await ref.ask(0)

    stop: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Echo)
        floods = [started(flood(ref)) for _ in range(5)]
        assert await longest_gap(50) < LONGEST
        stop.append(1)
        await asyncio.wait(floods)


async def test_guarantee_16_a_stop_is_seen_beside_endless_mail() -> None:
    for cls in ENDLESS[:-1]:
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(cls)
            await ref.send(0)
            await until(lambda ref=ref: ref.statistics().handled)
            ref.stop()
            await ref.join()


@pytest.mark.real_loop("a fair loop")
async def test_guarantee_16_timers_due_at_once_do_not_ring_all_in_one_go() -> None:
    count = 5_000

    class Clock(Actor[int]):
        async def on_start(self) -> None:
            for number in range(count):
                self.context.send_after(0.0, number)

        def receive(self, message: int) -> None:  # type: ignore[override]
            pass

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Clock, mailbox=Mailbox(None))
        rung = most = 0
        while rung < count:
            await asyncio.sleep(0)
            statistics = ref.statistics()
            before, rung = rung, statistics.handled + statistics.depth
            most = max(most, rung - before)
        assert most <= 1_024


@pytest.mark.real_loop("threads")
async def test_guarantee_16_a_thread_that_never_pauses_to_send_does_not_stop_the_loop() -> None:
    async with soon(), ActorSystem() as system:
        flooded = await system.spawn(Recorder, [], mailbox=Mailbox(10, overflow=Overflow.DROP_NEW))
        other = await system.spawn(Echo)
        stop = threading.Event()

        def flood() -> None:
            for number in range(2_000_000):  # not for ever, or a loop that it stops could not say so
                if stop.is_set():
                    return
                flooded.send_threadsafe(number)
            exhausted.append(True)

        exhausted: list[bool] = []
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            await until(lambda: flooded.statistics().handled)
            for number in range(20):
                assert await other.ask(number) == number
            loop = asyncio.get_running_loop()
            ticked = loop.create_future()
            loop.call_later(0.01, ticked.set_result, None)
            await ticked
            assert not exhausted
        finally:
            stop.set()
            await asyncio.to_thread(thread.join)


@pytest.mark.real_loop("a fair loop")
async def test_guarantee_16_a_broadcast_to_very_many_lets_the_loop_go_round() -> None:
    async with ActorSystem() as system:
        members = [await system.spawn(Echo) for _ in range(600)]
        for member in members:
            system.groups.join("all", member)
        sending = asyncio.ensure_future(system.groups.broadcast("all", 1))
        await asyncio.sleep(0)
        reached = sum(1 for member in members if member.statistics().depth or member.statistics().handled)
        assert 0 < reached <= 512  # two goes, where an eager task has had its first at once
        members[-1].kill()
        assert await sending == 599


@pytest.mark.real_loop("a fair loop")
@pytest.mark.parametrize("way", ["kill", "stop"])
async def test_guarantee_16_the_end_of_very_many_children_lets_the_loop_go_round(way: str) -> None:
    class Parent(Actor[Any]):
        async def on_start(self) -> None:
            self.children = [await self.context.spawn(Echo, dynamic=True) for _ in range(1_500)]

        async def receive(self, message: Any) -> list[ActorRef[Any]]:
            return self.children

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Parent)
        children = await ref.ask("children")
        getattr(ref, way)()
        assert await most_in_a_round(lambda: sum(not child.is_alive for child in children), 1_500) <= 1_024


@pytest.mark.real_loop("a fair loop")
async def test_guarantee_16_the_end_of_one_with_very_many_watchers_lets_the_loop_go_round() -> None:
    told: list[Any] = []

    class Watcher(Actor[Any]):
        async def on_start(self) -> None:
            self.context.watch(watched)

        async def on_terminated(self, event: Any) -> None:
            told.append(event)

    async with soon(), ActorSystem() as system:
        watched = await system.spawn(Echo)
        for _ in range(1_500):
            await system.spawn(Watcher)
        watched.stop()
        assert await most_in_a_round(lambda: len(told), 1_500) <= 1_024


@pytest.mark.real_loop("a fair loop")
async def test_guarantee_16_a_stop_with_very_many_messages_lets_the_loop_go_round() -> None:
    class Stopped(Actor[int]):
        async def receive(self, message: int) -> None:
            self.context.ref.stop()

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stopped, mailbox=Mailbox(None))
        for number in range(5_001):
            ref.send_nowait(number)
        assert await most_in_a_round(lambda: 5_001 - ref.statistics().depth, 5_001) <= 1_024


async def most_in_a_round(count: Callable[[], int], goal: int) -> int:
    """Return how many more there were, at most, after one round of the loop than before, until there are so many."""
    most = done = 0
    while done < goal:
        await asyncio.sleep(0)
        before, done = done, count()
        most = max(most, done - before)
    return most
