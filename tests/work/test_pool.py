"""Guarantees 22 to 26: pools."""

import asyncio
import contextvars
import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorFailed,
    ActorStoppedError,
    ActorSystem,
    AskTimeoutError,
    AutoShutdown,
    Backoff,
    DeadLetter,
    ExitReason,
    LinkedActorError,
    Mailbox,
    PoolRef,
    RateLimit,
    Restart,
    RestartLimitError,
    SharedQueue,
    Strategy,
    StuckJob,
    Supervision,
)
from actorio.testing import explore, run_in_virtual_time, settled, until
from tests.guarantees.actors import (
    Failing,
    Held,
    Recorder,
    Silent,
    Valve,
    outcome,
    soon,
    started,
)
from tests.stage import ticks

PATIENT = Supervision(max_restarts=1_000_000, within=1.0)


class Named(Actor[Any]):
    """Says who it is, after letting others run."""

    async def receive(self, message: Any) -> str:
        await asyncio.sleep(0)
        return self.context.name

    async def who(self) -> str:
        return self.context.name


# --- 22: one fate ---------------------------------------------------------------------------------


async def test_guarantee_22_a_pool_is_sent_to_like_any_actor() -> None:
    class Doubler(Recorder):
        async def double(self, number: int) -> int:
            return 2 * number

    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Doubler, seen, size=2)
        await pool.send(1)
        pool.send_nowait(2)
        await pool.cast(Doubler.double, 0)
        assert await pool.ask(3) == 3
        assert await pool.call(Doubler.double, 4) == 8
        assert await pool.submit(lambda: 5) == 5
        assert system.lookup(pool.name) is pool
        assert (pool.size, len(pool.routees), pool.statistics().handled) == (2, 2, 6)
    assert seen == [1, 2, 3]


async def test_guarantee_22_resizing_under_load_loses_and_doubles_nothing() -> None:
    seen: list[int] = []

    class Slow(Actor[int]):
        async def receive(self, message: int) -> None:
            await ticks(message % 3)
            seen.append(message)

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Slow, size=3, mailbox=Mailbox(20))
        for number in range(600):
            await pool.send(number)
            if number % 50 == 0:
                await pool.resize((7, 1, 4, 2)[number // 50 % 4])
        await pool.resize(0)
        left = pool.statistics().depth
        await ticks(20)
        assert pool.statistics().depth == left
        await pool.resize(2)
    assert sorted(seen) == list(range(600))


async def test_guarantee_22_closing_has_every_accepted_job_done_over_crashes_too() -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Failing, seen, size=2, supervision=PATIENT)
        for number in range(30):
            await pool.send(ValueError(number) if number % 3 == 0 else number)
        pool.close()
        ended = await pool.join()
    assert ended.reason is ExitReason.NORMAL
    assert sorted(seen) == [number for number in range(30) if number % 3]


async def test_guarantee_22_a_stopped_pool_gives_its_jobs_back() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=1)
        async with system.events.subscribe(DeadLetter) as letters:
            await pool.send("running")
            await pool.send("waiting")
            asked = started(outcome(pool.ask("asked")))
            await valve.entered.wait()
            await ticks(3)
            pool.stop()
            await ticks(3)
            valve.open.set()
            await pool.join()
            assert isinstance(await asked, ActorStoppedError)
            letter = await anext(letters)
    assert valve.finished == ["running"]
    assert (letter.message, letter.reason) == ("waiting", "stopped")


async def test_guarantee_22_a_pool_of_nobody_closed_gives_its_jobs_up() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Silent, size=0)
        asked = started(outcome(pool.ask("asked")))
        await ticks(2)
        pool.close()
        await pool.join()
        assert isinstance(await asked, ActorStoppedError)
        with pytest.raises(ActorStoppedError):
            await pool.resize(1)


async def test_guarantee_22_an_ask_that_timed_out_in_the_queue_does_not_run() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=1)
        await pool.send("first")
        await valve.entered.wait()
        with pytest.raises(AskTimeoutError) as caught:
            await pool.ask("late", timeout=0.01)
        assert not caught.value.started
        given_up = pool.submit(valve.finished.append, "given up")
        given_up.cancel()
        valve.open.set()
    assert valve.finished == ["first"]


async def test_guarantee_22_cancelling_a_result_cancels_the_running_job_alone() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Silent, size=1)
        begun = asyncio.Event()

        async def forever() -> None:
            begun.set()
            await asyncio.Event().wait()

        result = pool.submit(forever)
        await begun.wait()
        result.cancel()
        assert await pool.submit(lambda: "next") == "next"
        assert pool.statistics().restarts == 0


async def test_guarantee_22_a_job_runs_in_its_senders_contextvars() -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")

    class Reader(Actor[Any]):
        async def receive(self, message: Any) -> str:
            await ticks(1)
            return user.get()

    async def ask_as(pool: PoolRef[Reader], name: str) -> Any:
        user.set(name)
        return await pool.ask("who")

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Reader, size=2)
        names = ["ann", "bob", "cid", "dan"]
        tasks = [started(ask_as(pool, name)) for name in names]
        assert [await task for task in tasks] == names


# --- 23: who is next ------------------------------------------------------------------------------


async def test_guarantee_23_a_blocked_routee_holds_up_nobody() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=2)
        hold = asyncio.Event()
        held = pool.submit(hold.wait)
        valve.open.set()
        for number in range(50):
            await pool.ask(number)
        assert not held.done()
        hold.set()
    assert valve.finished == list(range(50))


# --- 24: crashes ----------------------------------------------------------------------------------


async def test_guarantee_24_a_failed_job_is_its_askers_and_the_queue_goes_on() -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Failing, seen, size=2, supervision=PATIENT)
        error = ValueError("asked")
        assert await outcome(pool.ask(error)) is error
        for number in range(10):
            await pool.send(ValueError(number))
            await pool.send(number)
    assert seen == list(range(10))


async def test_guarantee_24_a_killed_routee_is_replaced_and_its_asker_told() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=2)
        before = pool.routees
        asked = started(outcome(pool.ask("interrupted")))
        await valve.entered.wait()
        pool.submit(lambda: None)
        for routee in before:
            routee.kill()
        assert isinstance(await asked, ActorStoppedError)
        valve.open.set()
        assert await pool.ask("next") == "next"
        await until(lambda: len(pool.routees) == 2)
        assert not set(before) & set(pool.routees)


async def test_guarantee_24_a_routee_that_ends_by_itself_is_replaced() -> None:
    class OneJob(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            self.context.stop()
            return self.context.name

    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(OneJob, size=2)
        names = [await pool.ask("who") for _ in range(6)]
    assert len(set(names)) == 6


async def test_guarantee_24_the_restart_budget_ends_the_pool() -> None:
    async def main() -> None:
        async with soon(), ActorSystem() as system:
            limit = Supervision(max_restarts=2, within=60.0)
            pool = await system.spawn_pool(Failing, [], size=1, supervision=limit)
            for number in range(200):
                await outcome(pool.send(ValueError(number)))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await main()
    assert isinstance(caught.value.exceptions[0], RestartLimitError)


async def test_guarantee_24_a_pool_that_does_not_start_leaves_nothing() -> None:
    class Unable(Actor[Any]):
        async def on_start(self) -> None:
            raise OSError("no such device")

    async with soon(), ActorSystem() as system:
        with pytest.raises(OSError, match="no such device"):
            await system.spawn_pool(Unable, size=2, name="pool")
        assert system.snapshot().actors == ()


async def test_guarantee_24_a_replacement_that_cannot_start_fails_the_pool_and_no_job_vanishes() -> None:
    class Client(Actor[Any]):
        def __init__(self, ref: Any) -> None:
            self.ref = ref

        async def on_start(self) -> None:
            await self.ref.ask("config")

        async def receive(self, message: Any) -> Any:
            return message

    async def main() -> None:
        async with ActorSystem() as system:
            events.append(system.events.subscribe(DeadLetter))
            server = await system.spawn(Recorder, [])
            pool = await system.spawn_pool(Client, server, size=1)
            server.stop()
            await server.join()
            pool.routees[0].kill()
            await pool.send("one way")
            asks.append(started(outcome(pool.ask("asked"))))
            asks.append(started(outcome(pool.call(Client.receive, "called"))))
            await asyncio.Event().wait()

    events: list[Any] = []
    asks: list[asyncio.Task[Any]] = []
    async with soon():
        with pytest.raises(ExceptionGroup) as caught:
            await main()
        limit = caught.value.exceptions[0]
        assert isinstance(limit, RestartLimitError)
        assert isinstance(limit.__cause__, ActorStoppedError)
        for ask in asks:
            assert isinstance(await ask, ActorStoppedError)
        assert [(event.message, event.reason) async for event in events[0]] == [("one way", "stopped")]


# --- 26: limits -----------------------------------------------------------------------------------


def test_guarantee_26_no_window_has_more_jobs_than_the_rate() -> None:
    async def main() -> list[float]:
        loop, times = asyncio.get_running_loop(), []
        async with ActorSystem() as system:
            pool = await system.spawn_pool(Silent, size=3, rate=RateLimit(4, 1.0))
            results = []
            for number in range(19):
                results.append(pool.submit(lambda: times.append(loop.time())))
                await asyncio.sleep(0.03 if number % 5 else 0.3)
            for result in results:
                await result
        return times

    times = run_in_virtual_time(main)
    assert len(times) == 19
    assert all(late - early >= 1.0 - 1e-6 for early, late in zip(times, times[4:], strict=False))
    assert times[-1] < 6.0


def test_guarantee_26_a_stuck_routee_is_reported_killed_and_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reports: list[StuckJob] = []

    async def main() -> None:
        async with ActorSystem() as system:
            pool = await system.spawn_pool(Named, size=2, job_timeout=1.0, on_stuck=reports.append)
            stuck = pool.submit(asyncio.sleep, 3600)
            for _ in range(5):
                await pool.submit(asyncio.sleep, 0.9)  # many jobs, each within its time
            with pytest.raises(ActorStoppedError):
                await stuck
            assert await pool.ask("next")
            await asyncio.sleep(0)
            assert len(pool.routees) == 2

    with caplog.at_level(logging.WARNING, "actorio"):
        run_in_virtual_time(main)
    assert [(report.job, report.seconds) for report in reports] == [(asyncio.sleep, 1.0)]
    assert "is at one job for 1 s" in caplog.text


def test_guarantee_26_a_job_that_has_failed_takes_no_more_time() -> None:
    """While its routee ends, and waits for its restart."""
    reports: list[StuckJob] = []

    class Slow(Failing):
        async def on_stop(self, reason: ExitReason) -> None:
            await asyncio.sleep(2.0)

    async def main() -> None:
        supervision = Supervision(backoff=Backoff(initial=2.0, jitter=0.0))
        async with ActorSystem() as system:
            pool = await system.spawn_pool(
                Slow, [], size=1, job_timeout=1.0, on_stuck=reports.append, supervision=supervision
            )
            (routee,) = pool.routees
            await pool.send(LookupError())
            await pool.ask("next")
            assert (pool.routees, routee.statistics().restarts) == ((routee,), 1)

    run_in_virtual_time(main)
    assert not reports


def test_guarantee_26_what_on_stuck_raises_is_a_failure_of_the_pool() -> None:
    def raise_it(stuck: StuckJob) -> None:
        raise LookupError("on_stuck")

    async def main() -> None:
        async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
            pool = await system.spawn_pool(Named, size=2, job_timeout=1.0, on_stuck=raise_it)
            stuck = pool.submit(asyncio.sleep, 3600)
            failure = await anext(failures)
            assert failure.ref == pool
            assert isinstance(failure.error, LookupError)
            with pytest.raises(ActorStoppedError):
                await stuck
            assert await pool.ask("next")
            assert len(pool.routees) == 2

    run_in_virtual_time(main)


def test_guarantee_26_what_on_stuck_raises_is_reported_when_the_pool_has_no_turn_left() -> None:
    def raise_it(stuck: StuckJob) -> None:
        raise LookupError("on_stuck")

    async def main() -> None:
        async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
            pool = await system.spawn_pool(Named, size=1, job_timeout=1.0, on_stuck=raise_it)
            stuck = pool.submit(asyncio.sleep, 3600)
            await ticks(3)
            pool.close()
            failure = await anext(failures)
            assert (failure.ref, type(failure.error)) == (pool, LookupError)
            assert isinstance(await outcome(stuck), ActorStoppedError)
            assert (await pool.join()).reason is ExitReason.NORMAL

    run_in_virtual_time(main)


@pytest.mark.parametrize(("around", "start_timeout"), [(0.02, None), (None, 0.02)])
async def test_a_pool_of_any_size_lets_others_run_while_it_starts(
    around: float | None, start_timeout: float | None
) -> None:
    async def start() -> None:
        async with asyncio.timeout(around):
            await system.spawn_pool(Silent, size=10**9, start_timeout=start_timeout, name="huge")

    async with soon(), ActorSystem() as system:
        with pytest.raises(TimeoutError):
            await start()
        await system.spawn(Silent, name="huge")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"size": -1}, ValueError),
        ({"size": True}, TypeError),
        ({"routing": "random"}, TypeError),
        ({"rate": 3}, TypeError),
        ({"job_timeout": float("nan")}, ValueError),
        ({"on_stuck": 3}, TypeError),
        ({"on_stuck": asyncio.sleep}, TypeError),
        ({"mailbox": 3}, TypeError),
        ({"mailbox": ""}, TypeError),
        ({"mailbox": 0}, TypeError),
        ({"routing": ""}, TypeError),
        ({"routing": 0}, TypeError),
        ({"routing": False}, TypeError),
        ({"routing": SharedQueue}, TypeError),
        ({"rate": RateLimit}, TypeError),
        ({"restart": "always"}, TypeError),
        ({"shutdown": True}, TypeError),
        ({"start_timeout": -1}, ValueError),
        ({"supervision": 3}, TypeError),
        ({"sise": 3}, TypeError),
    ],
)
async def test_an_option_that_is_none_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    async with ActorSystem() as system:
        with pytest.raises(error):
            await system.spawn_pool(Silent, **options)


async def test_a_pool_of_a_system_that_does_not_run_is_refused_as_any_actor_is() -> None:
    system = ActorSystem()
    with pytest.raises(ActorError, match="is not running: use"):
        await system.spawn_pool(Silent)
    async with system:
        pass
    with pytest.raises(ActorStoppedError):
        await system.spawn_pool(Silent)


async def test_a_pool_may_be_a_child() -> None:
    class Owner(Actor[Any]):
        async def on_start(self) -> None:
            self.pool = await self.context.spawn_pool(Named, size=1)

        async def receive(self, message: Any) -> Any:
            return self.pool.path, await self.pool.ask(message)

    async with soon(), ActorSystem() as system:
        owner = await system.spawn(Owner, name="owner")
        assert await owner.ask("who") == ("/owner/Pool-1", "Named-1")


# --- in simulation --------------------------------------------------------------------------------


class _Fragile(Actor[int]):
    """Counts each job before it fails, ends, or does it."""

    supervision = PATIENT

    def __init__(self, seen: Counter[int]) -> None:
        self.seen = seen

    async def receive(self, message: int) -> int:
        self.seen[message] += 1
        await asyncio.sleep(0.001 * (message % 3))
        if message % 11 == 5:
            raise ValueError(message)
        if message % 13 == 7:
            self.context.stop()
        return message


async def _pool_under_stress() -> None:
    seen: Counter[int] = Counter()
    told: list[Any] = []

    async def ask(number: int) -> None:
        try:
            told.append(await pool.ask(number))
        except (ValueError, ActorError) as error:
            told.append(error)

    async with ActorSystem() as system:
        pool = await system.spawn_pool(_Fragile, seen, size=3, mailbox=Mailbox(4), supervision=PATIENT)
        asking = [asyncio.get_running_loop().create_task(ask(number)) for number in range(100, 130)]
        for number in range(40):
            await pool.send(number)
            if number % 8 == 3:
                await pool.resize(1 + number % 4)
            if number % 10 == 9 and pool.routees:
                pool.routees[0].kill()
        await asyncio.wait(asking)
    assert len(told) == 30
    assert max(seen.values()) == 1, "a job has run twice"
    assert sorted(number for number in seen if number < 100) == list(range(40))


@pytest.mark.filterwarnings("ignore")
def test_guarantee_22_holds_in_simulation() -> None:
    seen = explore(_pool_under_stress, seeds=range(60))
    assert seen.distinct == 60


async def _pool_within_its_limits() -> None:
    begun: list[float] = []
    stuck: list[StuckJob] = []

    async def job(number: int) -> int:
        begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(60.0 if number % 7 == 3 else 0.01 * (number % 3))
        return number

    async with ActorSystem() as system:
        pool = await system.spawn_pool(
            Silent,
            size=3,
            rate=RateLimit(4, 1.0),
            job_timeout=2.0,
            on_stuck=stuck.append,
            supervision=PATIENT,
        )
        results = [pool.submit(job, number) for number in range(20)]
        for number, result in enumerate(results):
            if number % 7 == 3:
                with pytest.raises(ActorStoppedError):
                    await result
            else:
                assert await result == number
    assert len(begun) == 20
    assert len(stuck) == 3
    assert all(later - earlier > 1.0 - 1e-6 for earlier, later in zip(begun, begun[4:], strict=False))


def test_guarantee_26_holds_in_simulation() -> None:
    assert explore(_pool_within_its_limits, seeds=range(20)).runs == 20


@pytest.mark.parametrize(
    ("strategy", "restarted"),
    [("ONE_FOR_ONE", [0, 1, 0]), ("ONE_FOR_ALL", [1, 1, 1]), ("REST_FOR_ONE", [0, 1, 1])],
)
async def test_the_strategy_of_its_supervision_is_for_its_routees(
    strategy: str, restarted: list[int]
) -> None:
    supervision = Supervision(Strategy[strategy], auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Failing, [], size=3, supervision=supervision)
        for routee in pool.routees:
            await routee.ask("it runs")
        pool.routees[1].send_nowait(LookupError())
        await until(lambda: [routee.statistics().restarts for routee in pool.routees] == restarted)
        for routee in pool.routees:
            await routee.ask("it runs again")
        assert [routee.statistics().restarts for routee in pool.routees] == restarted


# --- what is asked of a pool between two changes of its routees -----------------------------------


async def test_guarantee_10_a_group_restart_does_not_wait_for_a_pool_in_it() -> None:
    """It looks on while its routees work, and has no message that would end."""
    supervision = Supervision(Strategy.ONE_FOR_ALL)
    async with soon(), ActorSystem(supervision=supervision) as system:
        seen: list[Any] = []
        pool = await system.spawn_pool(Recorder, seen, size=2, shutdown=None)
        other = await system.spawn(Failing, seen)
        await pool.ask("before")
        other.send_nowait(LookupError())
        assert await other.ask("it runs again") == "it runs again"
        assert await pool.ask("after") == "after"
        assert pool._cell.restarts == 1


class Linked(Failing):
    """Bound to the fate of another."""

    def __init__(self, other: PoolRef[Any]) -> None:
        super().__init__([])
        self.other = other

    async def on_start(self) -> None:
        self.context.link(self.other)


async def test_guarantee_14_a_pool_ends_with_what_it_is_linked_to() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Silent, size=1)
        (await system.spawn(Linked, pool)).stop()
        assert (await pool.join()).reason is ExitReason.SHUTDOWN
        async with system.events.subscribe(ActorFailed) as failures:
            pool = await system.spawn_pool(Silent, size=1)
            linked = await system.spawn(Linked, pool, restart=Restart.TEMPORARY)
            linked.send_nowait(LookupError())
            assert (await anext(failures)).ref == linked
            failure = await anext(failures)
        assert (failure.ref, type(failure.error)) == (pool, LinkedActorError)
        await until(lambda: pool._cell.restarts == 1)


async def test_guarantee_08_what_is_asked_of_a_pool_is_seen_to_at_once() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Recorder, [], size=2)
        inspector = system.inspect(pool)
        await inspector.suspend()
        await pool.ask("its routees are not suspended")
        inspector.resume()
        await pool.resize(3)
        await settled(system)
        assert len(pool.routees) == 3


async def test_guarantee_28_what_the_source_of_a_map_raises_as_it_is_closed_fails_its_pool_at_once() -> None:
    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            raise LookupError("closed")

    async with soon(), ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        pool = await system.spawn_pool(Silent, size=1)
        async for _ in pool.map(str, source(), limit=1):
            break
        failure = await anext(failures)
        assert (failure.ref, str(failure.error)) == (pool, "closed")
