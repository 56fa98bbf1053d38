"""Guarantee 3: no two turns of one actor overlap, not even across awaits."""

import asyncio
import threading
from typing import Any

import pytest

from actorio import Actor, ActorSystem, Terminated, WrongThreadError
from actorio.testing import until
from tests.guarantees.actors import Silent, outcome, soon, started
from tests.stage import ticks


class Account(Actor[int]):
    """Reads, waits, writes: overlapping turns would lose a deposit."""

    def __init__(self) -> None:
        self.balance = 0
        self.inside = 0
        self.most = 0

    async def receive(self, message: int) -> int:
        return await self.deposit(message)

    async def deposit(self, amount: int) -> int:
        self.inside += 1
        self.most = max(self.most, self.inside)
        balance = self.balance
        await ticks(2)
        self.balance = balance + amount
        self.inside -= 1
        return self.balance

    async def on_terminated(self, event: Terminated) -> None:
        await self.deposit(1)

    def watch(self, ref: Any) -> None:
        self.context.watch(ref)

    async def result(self) -> tuple[int, int]:
        return self.balance, self.most


async def test_guarantee_03_a_hundred_concurrent_deposits_of_every_kind_make_a_hundred() -> None:
    async with soon(), ActorSystem() as system:
        account = Account()
        ref = await system.spawn(lambda: account)
        ended = [await system.spawn(Silent) for _ in range(20)]
        for one in ended:
            await ref.call(Account.watch, one)
        work = [started(outcome(ref.ask(1))) for _ in range(20)]
        work += [started(outcome(ref.call(Account.deposit, 1))) for _ in range(20)]
        results = [ref.submit(account.deposit, 1) for _ in range(20)]
        for one in ended:
            one.stop()
        for _ in range(10):
            await ref.send(1)
            await ref.cast(Account.deposit, 1)
        await asyncio.wait(work)
        for result in results:
            await result
        await until(lambda: account.balance == 100)
        assert await ref.call(Account.result) == (100, 1)


class Own(Account):
    """The same with a loop of its own."""

    async def run(self) -> None:
        while True:
            self.context.reply(await self.deposit(await self.recv()))


@pytest.mark.parametrize("cls", [Account, Own])
async def test_guarantee_03_turns_of_an_own_loop_and_of_the_usual_one_do_not_overlap(
    cls: type[Account],
) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(cls)
        asks = [started(ref.ask(1)) for _ in range(10)]
        calls = [started(ref.call(cls.deposit, 1)) for _ in range(10)]
        values = [await one for one in asks + calls]
        assert await ref.call(cls.result) == (20, 1)
    assert sorted(values) == list(range(1, 21))


async def test_guarantee_03_no_message_runs_while_on_start_has_not_finished() -> None:
    class Starting(Actor[Any]):
        async def on_start(self) -> None:
            log.append("start")
            await self.context.ref.send("early")
            await ticks(5)
            log.append("started")

        async def receive(self, message: Any) -> None:
            log.append(message)

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        await system.spawn(Starting)
    assert log == ["start", "started", "early"]


async def test_guarantee_03_on_stop_waits_for_the_message_in_hand() -> None:
    class Stopping(Actor[Any]):
        async def receive(self, message: Any) -> None:
            entered.set()
            log.append("begun")
            await ticks(5)
            log.append("finished")

        async def on_stop(self, reason: Any) -> None:
            log.append("stop")

    log: list[str] = []
    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stopping)
        await ref.send(1)
        await ref.send(2)
        await entered.wait()
        ref.stop()
    assert log == ["begun", "finished", "stop"]


async def test_guarantee_03_an_incarnation_begins_after_the_one_before_has_wound_down() -> None:
    class Phoenix(Actor[Any]):
        async def on_start(self) -> None:
            log.append(f"start {self.context.incarnation}")

        async def receive(self, message: Any) -> None:
            raise ValueError(message)

        async def on_stop(self, reason: Any) -> None:
            await ticks(5)
            log.append(f"stop {self.context.incarnation}")

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Phoenix)
        await ref.send(1)
        await ref.send(2)
        await until(lambda: ref.statistics().restarts == 2)
        await until(lambda: "start 2" in log)
    assert log == ["start 0", "stop 0", "start 1", "stop 1", "start 2", "stop 2"]


async def test_guarantee_03_work_that_a_result_cancels_has_ended_before_the_next_begins() -> None:
    async def first() -> None:
        log.append("first")
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            await ticks(5)
            log.append("first is over")

    log: list[str] = []
    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        result = ref.submit(first)
        second = ref.submit(log.append, "second")
        await entered.wait()
        assert result.cancel()
        await second
    assert log == ["first", "first is over", "second"]


class Meddling(Actor[Any]):
    """Does to an actor of another thread what its message says; returns what came of it."""

    async def receive(self, message: tuple[str, Any]) -> Any:
        what, ref = message
        try:
            return getattr(self.context, what)(ref)
        except WrongThreadError as error:
            return error


@pytest.mark.real_loop("threads")
@pytest.mark.parametrize("what", ["watch", "unwatch", "link", "unlink"])
async def test_guarantee_03_an_actor_of_another_thread_is_not_watched_or_linked(what: str) -> None:
    """Or its end would be told on the wrong thread, where both systems break."""

    async def elsewhere() -> None:
        async with ActorSystem("elsewhere") as other:
            refs.append(await other.spawn(Silent))
            ready.set()
            await asyncio.to_thread(done.wait)

    refs: list[Any] = []
    ready, done = threading.Event(), threading.Event()
    thread = started(asyncio.to_thread(asyncio.run, elsewhere()))
    async with soon(), ActorSystem() as system:
        await asyncio.to_thread(ready.wait)
        meddling = await system.spawn(Meddling)
        assert isinstance(await meddling.ask((what, refs[0])), WrongThreadError)
        done.set()
        await thread
        assert (
            await meddling.ask((what, refs[0])) is None
        )  # its system is over: there is no thread to be wrong


@pytest.mark.real_loop("threads")
async def test_guarantee_03_no_child_is_made_from_another_thread() -> None:
    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            def make() -> Any:
                return asyncio.run(outcome(self.context.get_or_spawn("child", Silent)))

            return await asyncio.to_thread(make), self.context.children

    async with soon(), ActorSystem() as system:
        parent = await system.spawn(Parent)
        error, children = await parent.ask("make one")
        assert isinstance(error, WrongThreadError)
        assert children == ()
