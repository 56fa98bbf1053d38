"""The report of a deadlock says where each task waits, and for whom."""

import asyncio

from actorio.testing import SimDeadlock, simulate
from actorio.testing._simulation.stacks import describe_waits
from tests.testing import planted


def deadlock(main: planted.Main) -> str:
    error = simulate(main).error
    assert isinstance(error, SimDeadlock)
    return str(error)


def test_the_whole_chain_of_awaits_is_shown() -> None:
    report = deadlock(planted.ask_cycle)
    assert "main: ask_cycle (planted.py:" in report
    for name in ("left", "right"):
        line = next(line for line in report.splitlines() if line.startswith(f"  {name}: "))
        assert "Asker.run (planted.py:" in line
        assert "> ask_cycle.<locals>.Asker.ask (planted.py:" in line


def test_an_awaited_task_is_named() -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.Event().wait(), name="stuck")

    assert "waits for task stuck" in deadlock(main)


def test_the_tasks_of_a_gather_are_named() -> None:
    async def main() -> None:
        stuck = [asyncio.create_task(asyncio.Event().wait(), name=f"stuck {i}") for i in range(2)]
        await asyncio.gather(*stuck, asyncio.sleep(0))

    assert "waits for all of: task stuck 0, task stuck 1" in deadlock(main)


def test_a_long_list_is_cut() -> None:
    async def main() -> None:
        await asyncio.gather(*(asyncio.Event().wait() for _ in range(50)))

    report = deadlock(main)
    assert "while 51 tasks wait" in report
    assert report.endswith("and 11 more")


async def test_a_task_that_has_not_started_says_where_it_will() -> None:
    task = asyncio.Task(asyncio.sleep(0), name="new", loop=asyncio.get_running_loop())
    report = describe_waits([task])
    await task
    assert report.startswith("  new: sleep (tasks.py:")
