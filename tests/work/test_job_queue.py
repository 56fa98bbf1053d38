"""The queue of a pool: its jobs in order, its capacity over all lanes, and who waits for whom."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorRef,
    ActorSystem,
    DeadLetter,
    DeadlockError,
    Mailbox,
    MailboxFullError,
    Overflow,
    PoolRef,
    PriorityMailbox,
)
from actorio.testing import until
from tests.guarantees.actors import (
    Held,
    Recorder,
    Silent,
    Valve,
    cancelled,
    outcome,
    soon,
    started,
)
from tests.stage import ticks


async def test_guarantee_22_an_ask_for_which_all_routees_wait_is_a_deadlock() -> None:
    class Recursive(Actor[int]):
        def __init__(self, system: ActorSystem) -> None:
            self.system = system

        async def receive(self, message: int) -> int:
            if not message:
                return 0
            return 1 + await self.system.lookup("pool").ask(message - 1)

    async with soon(), ActorSystem() as system:
        for size in (1, 3):
            pool = await system.spawn_pool(Recursive, system, size=size, name="pool")
            assert await pool.ask(size - 1) == size - 1
            with pytest.raises(DeadlockError):
                await pool.ask(size)
            pool.close()
            await pool.join()


async def test_guarantee_22_who_asks_a_pool_waits_for_the_routee_that_has_taken_it() -> None:
    """A cycle through that one is a deadlock, though another routee is idle."""

    class Back(Actor[Any]):
        def __init__(self, asker: list[ActorRef[Any]]) -> None:
            self.asker = asker

        async def receive(self, message: Any) -> Any:
            return await outcome(self.asker[0].ask("never answered"))

    class Asker(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await message.ask("round")

    async with soon(), ActorSystem() as system:
        refs: list[ActorRef[Any]] = []
        pool = await system.spawn_pool(Back, refs, size=2)
        refs.append(await system.spawn(Asker))
        assert isinstance(await refs[0].ask(pool), DeadlockError)


async def test_guarantee_23_jobs_are_taken_first_in_first_out() -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Recorder, seen, size=3, mailbox=Mailbox(5))
        await asyncio.wait([started(_send_all(pool, who)) for who in range(4)])
    for who in range(4):
        assert [number for sender, number in seen if sender == who] == list(range(25))


async def _send_all(pool: PoolRef[Recorder], who: int) -> None:
    for number in range(25):
        await pool.send((who, number))


async def test_guarantee_23_with_a_priority_mailbox_the_urgent_job_is_next() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        mailbox: PriorityMailbox[int] = PriorityMailbox(lambda number: number)
        pool = await system.spawn_pool(Held, valve, size=1, mailbox=mailbox)
        await pool.send(5)
        await valve.entered.wait()
        for number in (3, 1, 2, 1):
            await pool.send(number)
        valve.open.set()
    assert valve.finished == [5, 1, 1, 2, 3]


async def test_guarantee_25_a_pool_holds_no_more_jobs_than_its_capacity() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=2, mailbox=Mailbox(3))
        sending = [started(outcome(pool.send(number))) for number in range(10)]
        await until(lambda: len(valve.begun) == 2)
        await ticks(3)
        assert (pool.statistics().depth, sum(task.done() for task in sending)) == (3, 5)
        valve.open.set()
        await asyncio.wait(sending)
        assert pool.statistics().peak == 3
    assert sorted(valve.finished) == list(range(10))


@pytest.mark.parametrize("size", [1, 2])
async def test_guarantee_25_the_oldest_job_is_given_up_wherever_it_lies(size: int) -> None:
    """In the lane of a routee that is on its way out, say."""

    class First:
        def select(self, job: Any, routees: Any) -> Any:
            return routees[:1]

    valve = Valve()
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        mailbox = Mailbox[Any](1, overflow=Overflow.DROP_OLD)
        pool = await system.spawn_pool(Held, valve, size=size, routing=First(), mailbox=mailbox)
        await pool.send("in hand")
        await valve.entered.wait()
        await pool.send("in its lane")
        pool.routees[0].stop()
        await pool.send("next")
        assert pool.statistics().depth == 1
        assert (await anext(letters)).message == "in its lane"
        valve.open.set()
    assert sorted(valve.finished) == ["in hand", "next"]


async def test_guarantee_25_an_ask_that_nobody_waits_for_gives_its_room_up_wherever_it_lies() -> None:
    """In the lane of a routee that is on its way out, say."""

    class First:
        def select(self, job: Any, routees: Any) -> Any:
            return routees[:1]

    valve = Valve()
    async with soon(), ActorSystem() as system:
        mailbox = Mailbox[Any](1, overflow=Overflow.FAIL)
        pool = await system.spawn_pool(Held, valve, size=2, routing=First(), mailbox=mailbox)
        await pool.send("in hand")
        await valve.entered.wait()
        asked = started(pool.ask("in its lane"))
        await ticks(2)
        pool.routees[0].close()
        assert await cancelled(asked)
        await pool.send("next")
        valve.open.set()
    assert sorted(valve.finished) == ["in hand", "next"]


@pytest.mark.parametrize(("policy", "left"), [(Overflow.DROP_NEW, [0, 1, 2]), (Overflow.DROP_OLD, [0, 3, 4])])
async def test_guarantee_25_the_overflow_policy_is_the_pools(policy: Overflow, left: list[int]) -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        async with system.events.subscribe(DeadLetter) as letters:
            pool = await system.spawn_pool(Held, valve, size=1, mailbox=Mailbox(2, overflow=policy))
            await pool.send(0)
            await valve.entered.wait()
            for number in range(1, 5):
                await pool.send(number)
            dropped = [(await anext(letters)).message for _ in range(2)]
            valve.open.set()
    assert valve.finished == left
    assert sorted(dropped + left) == list(range(5))


async def test_guarantee_25_a_full_pool_with_the_policy_fail_fails() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Silent, size=0, mailbox=Mailbox(1, overflow=Overflow.FAIL))
        await pool.send(1)
        with pytest.raises(MailboxFullError):
            await pool.send(2)
        await pool.resize(1)


class Unroutable:
    """Cannot say for whom a job is that says so."""

    def select(self, job: Any, routees: Any) -> Any:
        if job == "unroutable":
            raise KeyError(job)
        return routees[:1]


def lane_of(job: Any) -> int:
    """Return the same for all, if it is a number."""
    return 0 * job  # type: ignore[no-any-return]


async def _has_no_number(pool: PoolRef[Any]) -> None:
    for job in (None, {}):
        with pytest.raises(TypeError):
            await pool.send(job)


@pytest.mark.parametrize("routing", [None, Unroutable()])
async def test_guarantee_25_a_job_without_a_number_takes_no_room_and_holds_up_no_end(routing: Any) -> None:
    seen: list[Any] = []
    mailbox: PriorityMailbox[Any] = PriorityMailbox(lane_of, 2)
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Recorder, seen, size=1, routing=routing, mailbox=mailbox)
        await _has_no_number(pool)
        assert pool.statistics().depth == 0
        await pool.resize(0)
        await pool.send(1)
        await _has_no_number(pool)
        await pool.resize(1)
        await pool.ask(2)
        pool.close()
        await pool.join()
    assert seen == [1, 2]


@pytest.mark.parametrize("routing", [None, Unroutable()])
@pytest.mark.parametrize("size", [0, 1])
async def test_guarantee_25_nothing_is_given_up_for_a_job_that_is_refused(routing: Any, size: int) -> None:
    valve = Valve()
    mailbox: PriorityMailbox[Any] = PriorityMailbox(lane_of, 2, overflow=Overflow.DROP_OLD)
    async with soon(), ActorSystem() as system, system.events.subscribe(DeadLetter) as letters:
        pool = await system.spawn_pool(Held, valve, size=1, routing=routing, mailbox=mailbox)
        await pool.send(0)
        await valve.entered.wait()
        await pool.resize(size)
        for job in (1, 2):
            await pool.send(job)
        await _has_no_number(pool)
        if routing is not None and size:
            with pytest.raises(KeyError):
                await pool.send("unroutable")
        assert pool.statistics().depth == 2
        await pool.send(3)
        assert (await anext(letters)).message == 1
        valve.open.set()
        await pool.resize(1)
    assert [job for job in valve.finished if job] == [
        2,
        3,
    ]  # the routee that closes may end after the new one
    assert 0 in valve.finished


async def test_guarantee_22_what_had_a_number_before_is_not_lost_where_it_has_none_now() -> None:
    """As the jobs of a routee that has ended go to another."""
    strict: list[bool] = []

    def moody(job: Any) -> int:
        if strict:
            raise KeyError(job)
        return 0

    valve = Valve()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(
            Held, valve, size=1, routing=Unroutable(), mailbox=PriorityMailbox(moody)
        )
        await pool.send(0)
        await valve.entered.wait()
        await pool.send("in its lane")
        strict.append(True)
        pool.routees[0].kill()
        valve.open.set()
        await until(lambda: valve.finished)
    assert valve.finished == ["in its lane"]
