"""The ways to choose a routee."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorStoppedError,
    ActorSystem,
    Broadcast,
    ConsistentHash,
    DeadLetter,
    LeastBusy,
    Mailbox,
    Overflow,
    PriorityMailbox,
    RandomRoutee,
    RoundRobin,
    Routee,
    Supervision,
    Work,
)
from actorio.testing import explore, until
from tests.guarantees.actors import Held, Recorder, Valve, outcome, soon, started
from tests.stage import ticks


class Namesake(Actor[Any]):
    def receive(self, message: Any) -> str:
        return self.context.name

    def who(self) -> str:
        return self.context.name


async def test_round_robin_goes_round() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Namesake, size=3, routing=RoundRobin())
        names = [await pool.ask(number) for number in range(7)]
    assert names == ["Namesake-1", "Namesake-2", "Namesake-3"] * 2 + ["Namesake-1"]


async def test_random_reaches_everyone_and_repeats_with_its_source() -> None:
    async def names() -> list[str]:
        async with soon(), ActorSystem() as system:
            pool = await system.spawn_pool(Namesake, size=3, routing=RandomRoutee(random.Random(7)))
            return [await pool.ask(number) for number in range(60)]

    first = await names()
    assert first == await names()
    assert min(Counter(first).values()) > 9


async def test_least_busy_goes_to_the_shortest_queue() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=3, routing=LeastBusy())
        for number in range(7):
            await pool.send(number)
        await until(lambda: len(valve.begun) == 3)
        assert [routee.statistics().depth for routee in pool.routees] == [2, 1, 1]
        valve.open.set()


async def test_one_key_stays_with_one_routee_also_over_its_replacement() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Namesake, size=5, routing=ConsistentHash(lambda job: job))
        before = {key: await pool.ask(key) for key in range(200)}
        assert before == {key: await pool.ask(key) for key in range(200)}
        pool.routees[2].kill()
        await until(lambda: all(ref.state == "running" for ref in pool.routees) and len(pool.routees) == 5)
        after = {key: await pool.ask(key) for key in range(200)}
    moved = {before[key] for key in before if before[key] != after[key]}
    assert moved == {"Namesake-3"}
    assert len(set(after.values())) == 5


async def test_one_routee_more_moves_about_its_share_of_the_keys() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Namesake, size=9, routing=ConsistentHash(lambda job: job))
        before = [await pool.ask(key) for key in range(1_000)]
        await pool.resize(10)
        after = [await pool.ask(key) for key in range(1_000)]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {"Namesake-10"}
    assert 50 < len(moved) < 200


async def test_the_key_of_a_call_is_found_in_its_arguments() -> None:
    def key(job: Any) -> object:
        return job.args[0] if isinstance(job, Work) else job

    def name_of(order: int) -> int:
        return order

    seen: list[Any] = []

    class Keeper(Recorder):
        async def keep(self, order: int) -> str:
            return self.context.name

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Keeper, seen, size=4, routing=ConsistentHash(key))
        for order in range(20):
            name = await pool.call(Keeper.keep, order)
            assert name == await pool.call(Keeper.keep, order)
            assert await pool.submit(name_of, order) == order


async def test_broadcast_reaches_everyone_once_and_answers_nobody() -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Recorder, seen, size=3, routing=Broadcast())
        await pool.send("all")
        assert isinstance(await outcome(pool.ask("who?")), ActorError)
        assert isinstance(await outcome(pool.submit(lambda: 1)), ActorError)
    assert seen == ["all"] * 3


async def test_jobs_meant_for_one_that_ends_go_to_others() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=2, routing=RoundRobin())
        for number in range(8):
            await pool.send(number)
        await until(lambda: len(valve.begun) == 2)
        pool.routees[1].kill()
        await ticks(5)
        valve.open.set()
    assert sorted(valve.finished) == [0, *range(2, 8)]


async def test_a_retired_routee_does_what_was_meant_for_it() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=2, routing=RoundRobin())
        for number in range(8):
            await pool.send(number)
        retired = pool.routees[1]
        resizing = started(pool.resize(1))
        await ticks(3)
        valve.open.set()
        await resizing
        await retired.join()
        assert retired.statistics().handled == 4
    assert sorted(valve.finished) == list(range(8))


class Third:
    """A routing of one's own."""

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        return (routees[2],)


class Broken:
    """A routing that raises, or chooses somebody else."""

    def __init__(self, choose: Callable[[], Any]) -> None:
        self.choose = choose

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        return (self.choose(),)


async def test_routing_is_an_open_protocol() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Namesake, size=4, routing=Third())
        assert {await pool.ask(number) for number in range(5)} == {"Namesake-3"}


@pytest.mark.parametrize("choose", [lambda: 1 / 0, lambda: "nobody"])
async def test_a_routing_that_fails_fails_the_sender_alone(choose: Callable[[], Any]) -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Namesake, size=1, routing=Broken(choose))
        with pytest.raises((ZeroDivisionError, ActorError)):
            await pool.ask("who")
        assert pool.is_alive
        assert pool.statistics().depth == 0


@pytest.mark.parametrize("is_cast", [False, True], ids=["send", "cast"])
async def test_guarantee_22_what_is_for_several_is_done_once_by_each(is_cast: bool) -> None:
    """One that ends before its turn has had the only copy that was for it."""
    valve = Valve()
    async with soon(), ActorSystem() as system, system.events.subscribe(DeadLetter) as letters:
        pool = await system.spawn_pool(Held, valve, size=3, routing=Broadcast())
        await pool.send("first")
        if is_cast:
            await pool.cast(Held.receive, "for all")
        else:
            await pool.send("for all")
        await until(lambda: len(valve.begun) == 3)
        ended = pool.routees[0]
        ended.kill()
        await ended.join()
        await until(lambda: len(pool.routees) == 3)
        assert [(letter.ref, letter.reason) for letter in letters._items] == [
            (ended, "interrupted"),
            (pool, "stopped"),
        ]
        assert pool.statistics().depth == 2
        await pool.send("for all of now")
        valve.open.set()
        pool.close()
        await pool.join()
    assert valve.finished.count("first") == 2
    assert valve.finished.count("for all") == 2
    assert valve.finished.count("for all of now") == 3


async def test_guarantee_25_a_copy_that_is_given_up_for_a_newer_job_is_a_dead_letter() -> None:
    valve = Valve()
    mailbox: PriorityMailbox[Any] = PriorityMailbox(lambda job: 0 * job, 2, overflow=Overflow.DROP_OLD)
    async with soon(), ActorSystem() as system, system.events.subscribe(DeadLetter) as letters:
        pool = await system.spawn_pool(Held, valve, size=2, routing=Broadcast(), mailbox=mailbox)
        await pool.send(0)
        await until(lambda: len(valve.begun) == 2)
        await pool.send(1)
        with pytest.raises(TypeError):
            await pool.send(None)
        await pool.send(2)
        assert [(letter.message, letter.reason) for letter in letters._items] == [(1, "dropped")]
        pool.routees[0].kill()
        await until(lambda: len(pool.routees) == 2 and len(letters._items) > 2)
        valve.open.set()
        pool.close()
        await pool.join()
        told = sorted(letter.message for letter in letters._items)
    assert sorted([*valve.finished, *told]) == [0, 0, 1, 1, 2, 2]
    assert not pool._plan.jobs._copies


async def test_guarantee_25_a_copy_that_is_nobodys_makes_room_and_a_closed_pool_ends_with_the_last() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Held, valve, size=1, routing=Twice(), mailbox=Mailbox(2))
        await pool.send("in hand")
        await until(lambda: len(valve.begun) == 1)
        waiting = [asyncio.ensure_future(pool.send(job)) for job in ("copies", "waits for room")]
        await ticks(1)
        assert [sending.done() for sending in waiting] == [True, False]
        pool.routees[0].kill()
        await until(waiting[1].done)
        await until(lambda: len(pool.routees) == 1 and len(valve.begun) == 2)
        pool.close()
        pool.routees[0].kill()
        await pool.join()


class Twice:
    """Gives each job twice to each routee."""

    def select(self, job: Any, routees: Sequence[Any]) -> Sequence[Any]:
        return (*routees, *routees)


async def test_a_job_for_one_who_is_not_among_the_routees_is_nobodys() -> None:
    class Wrong:
        def select(self, job: Any, routees: Any) -> Any:
            return (routees[0], None)

    valve = Valve()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Held, valve, size=2, routing=Wrong())
        with pytest.raises(ActorError, match="not among the routees"):
            await pool.send("for several")
        assert pool.statistics().depth == 0
    assert not valve.begun


# --- in simulation --------------------------------------------------------------------------------


class Keyed(Actor[int]):
    """Puts down which routee had which job, and now and then fails at one."""

    def __init__(self, log: list[tuple[str, int]]) -> None:
        self.log = log

    async def receive(self, message: int) -> int:
        self.log.append((self.context.name, message))
        await asyncio.sleep(0.001 * (message % 2))
        if message % 13 == 5:
            raise ValueError(message)
        return message


@pytest.mark.parametrize(
    "routing",
    [RoundRobin, LeastBusy, lambda: RandomRoutee(random.Random(3)), lambda: ConsistentHash(_last_digit)],
    ids=["round robin", "least busy", "random", "consistent hash"],
)
def test_guarantee_23_each_job_of_a_routing_is_done_once_in_simulation(routing: Callable[[], Any]) -> None:
    async def main() -> None:
        log: list[tuple[str, int]] = []
        patience = Supervision(max_restarts=1000)
        async with ActorSystem() as system:
            pool = await system.spawn_pool(
                Keyed, log, size=3, routing=routing(), mailbox=Mailbox(4), supervision=patience
            )
            asking = [started(outcome(pool.ask(number))) for number in range(20)]
            for number in range(20, 40):
                await pool.send(number)
                if number == 30:
                    pool.routees[1].kill()
            replies = [await asked for asked in asking]
        for number, reply in enumerate(replies):
            assert reply == number or isinstance(reply, (ValueError, ActorStoppedError))
        done = [number for _, number in log]
        assert len(set(done)) == len(done), "a job has run twice"
        assert set(range(20, 40)) <= set(done)

    assert explore(main, seeds=range(20)).distinct == 20


def _last_digit(job: Any) -> int:
    return int(job) % 10


async def test_guarantee_23_a_choice_by_chance_is_drawn_from_the_chance_of_the_system() -> None:
    async def choices(seed: int, source: random.Random | None = None) -> list[str]:
        async with soon(), ActorSystem() as system:
            system.random.seed(seed)
            pool = await system.spawn_pool(Namesake, size=8, routing=RandomRoutee(source))
            return [await pool.ask("who") for _ in range(20)]

    assert await choices(1) == await choices(1)
    assert await choices(1) != await choices(2)
    assert await choices(1, random.Random(3)) == await choices(2, random.Random(3))
