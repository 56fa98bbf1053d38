"""The oracle of what is left: no task, timer, name or group of a system that has ended, and of an incarnation none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import ExitReason
from actorio.testing._oracles.remains import Remains
from tests.testing.cells import Thing, broken, cell

END = ExitReason.NORMAL


def task(name: str = "task", *, done: bool) -> Any:
    return Thing(done=lambda: done, get_name=lambda: name)


def system(**left: Any) -> Any:
    runtime = Thing(
        root=Thing(table=left.get("table", {})),
        names=Thing(_aliases=left.get("aliases", {})),
        timers=left.get("timers", ()),
    )
    report = Thing(abandoned=left.get("abandoned", ()))
    return Thing(report=report, _runtime=runtime, groups=Thing(_members=left.get("groups", {})))


@pytest.mark.parametrize(
    ("left", "number"), [({"owned": {"key": "timer"}}, 17), ({"tasks": {task(done=False): None}}, 20)]
)
def test_what_outlives_its_incarnation_is_seen(left: dict[str, Any], number: int) -> None:
    assert broken(Remains, lambda oracle: oracle.stopped(cell(**left), END)) == [number]


@pytest.mark.parametrize(
    "left", [{"table": {"till": 1}}, {"aliases": {"till": 1}}, {"groups": {"tills": 1}}, {"timers": (1,)}]
)
def test_what_is_left_of_a_system_is_seen(left: dict[str, Any]) -> None:
    assert broken(Remains, lambda oracle: oracle.left(system(**left))) == [20]


@pytest.mark.parametrize(("name", "numbers"), [("stubborn", []), ("forgotten", [20])])
def test_of_the_tasks_of_a_system_only_the_abandoned_may_go_on(name: str, numbers: list[int]) -> None:
    def story(oracle: Any) -> None:
        one = system(abandoned=("stubborn",))
        oracle.task_made(one, task(name, done=False))
        oracle.task_made(one, task("done", done=True))
        oracle.left(one)

    assert broken(Remains, story) == numbers


def test_a_system_that_leaves_nothing_is_not_blamed_and_tasks_that_are_done_are_not_kept() -> None:
    def story(oracle: Any) -> None:
        one = system()
        for _ in range(1000):
            oracle.task_made(one, task(done=True))
        kept.append(len(oracle._tasks[one]))
        oracle.stopped(cell(tasks={task(done=True): None}), END)
        oracle.left(one)

    kept: list[int] = []
    assert broken(Remains, story) == []
    assert kept[0] < 512


async def test_a_task_that_was_made_is_known_until_it_is_done() -> None:
    def story(oracle: Any) -> None:
        oracle.task_made(one := system(), waiting)
        oracle.left(one)

    waiting = asyncio.ensure_future(asyncio.sleep(0))
    assert broken(Remains, story) == [20]
    await waiting
    assert broken(Remains, story) == []
