"""The mailbox of a routee: its own mail first, and what becomes of jobs when it is woken, closed, or ended."""

import asyncio
from typing import Any

from actorio import (
    ActorSystem,
)
from actorio.testing import until
from tests.guarantees.actors import (
    Held,
    Recorder,
    Silent,
    Valve,
    soon,
)
from tests.stage import ticks


async def test_guarantee_22_a_job_that_a_leaving_routee_was_woken_for_is_done_by_another() -> None:
    """Also when nobody comes in its place."""

    class Late(Recorder):
        async def on_start(self) -> None:
            if not began_late:
                return
            await asyncio.Event().wait()

    seen: list[Any] = []
    began_late: list[bool] = []
    async with soon(), ActorSystem(shutdown_timeout=0) as system:
        pool = await system.spawn_pool(Late, seen, size=2)
        await ticks(3)
        began_late.append(True)
        first, second = pool.routees
        pool.send_nowait("job")
        woken = first if first._mailbox.sleeper is None else second
        woken.stop()
        await until(lambda: seen == ["job"])
        pool.kill()


async def test_guarantee_23_an_idle_routee_takes_the_next_job_and_none_holds_a_backlog() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=2)
        for number in range(6):
            await pool.send(number)
        await until(lambda: len(valve.begun) == 2)
        await ticks(3)
        assert valve.begun == [0, 1]
        assert pool.statistics().depth == 4
        valve.open.set()
    assert valve.begun == list(range(6))


async def test_guarantee_23_what_is_sent_to_a_routee_itself_comes_before_the_jobs() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=1)
        await pool.send("first")
        await valve.entered.wait()
        await pool.send("job")
        await pool.routees[0].send("own")
        valve.open.set()
    assert valve.finished == ["first", "own", "job"]


async def test_guarantee_24_a_routee_that_ends_leaves_the_others_where_they_are() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Silent, size=4)
        for place in (0, 2, 3):
            before = pool.routees
            before[place].kill()
            await before[place].join()
            await until(lambda: len(pool.routees) == 4)
            after = pool.routees
            assert [routee in after for routee in before] == [number != place for number in range(4)]
            assert [routee.name for routee in after if routee in before] == [
                routee.name for routee in before if routee in after
            ]


async def test_guarantee_24_a_routee_that_is_closed_leaves_the_queue_to_others() -> None:
    """However long that is; it does what was sent to it alone."""
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=1)
        await pool.send("in hand")
        await valve.entered.wait()
        (closed,) = pool.routees
        await closed.send("own")
        for number in range(3):
            await pool.send(number)
        closed.close()
        valve.open.set()
        await closed.join()
        await until(lambda: len(valve.finished) == 5)
        assert (closed.statistics().handled, pool.routees[0].statistics().handled) == (2, 3)


async def test_guarantee_23_a_job_does_not_wait_for_a_routee_that_is_at_its_own_mail() -> None:
    """It was woken for the job, and has had mail since."""
    async with soon(), ActorSystem() as system:
        valve = Valve()
        pool = await system.spawn_pool(Held, valve, size=2)
        await ticks(3)
        idle = [routee._mailbox for routee in pool.routees]
        await pool.send("job")
        (woken,) = [mailbox for mailbox in idle if mailbox.sleeper is None]
        await woken.ref.send("own")
        await until(lambda: len(valve.begun) == 2)
        assert sorted(valve.begun) == ["job", "own"]
        valve.open.set()
