"""The run queue: who waits is woken in order, in one pass of the loop, within a budget."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import WrongThreadError
from actorio._core.run_queue import RunQueue, Waiter


async def waiting(waiter: Waiter, told: list[str], name: str) -> None:
    await waiter
    told.append(name)


async def begun(count: int, told: list[str]) -> tuple[RunQueue, list[Waiter], list[asyncio.Task[None]]]:
    run_queue = RunQueue(asyncio.get_running_loop())
    waiters = [Waiter(run_queue) for _ in range(count)]
    tasks = [asyncio.ensure_future(waiting(one, told, str(n))) for n, one in enumerate(waiters)]
    await asyncio.sleep(0)
    return run_queue, waiters, tasks


async def test_tasks_are_woken_in_the_order_of_their_wakes() -> None:
    told: list[str] = []
    _, waiters, tasks = await begun(3, told)
    for number in (2, 0, 1):
        waiters[number].wake()
    await asyncio.gather(*tasks)
    assert told == ["2", "0", "1"]


async def test_all_that_are_ready_are_woken_in_one_pass_of_the_loop() -> None:
    told: list[str] = []
    _, waiters, _ = await begun(20, told)
    for one in waiters:
        one.wake()
    await asyncio.sleep(0)
    assert len(told) == 20


async def test_a_waiter_can_be_used_again() -> None:
    run_queue = RunQueue(asyncio.get_running_loop())
    waiter, woken = Waiter(run_queue), []

    async def wait_thrice() -> None:
        for number in range(3):
            await waiter
            woken.append(number)

    task = asyncio.ensure_future(wait_thrice())
    for _ in range(3):
        await asyncio.sleep(0)
        waiter.wake()
    await task
    assert woken == [0, 1, 2]


async def test_a_wake_that_nobody_waits_for_is_nothing() -> None:
    run_queue = RunQueue(asyncio.get_running_loop())
    Waiter(run_queue).wake()
    await asyncio.sleep(0)
    assert not run_queue.ready
    assert not run_queue.scheduled


async def test_a_cancelled_task_is_told_with_the_message_of_its_cancel() -> None:
    told: list[str] = []
    _, _, (task,) = await begun(1, told)
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await task
    assert cancelled.value.args == ("enough",)
    assert told == []


async def test_after_a_cancel_the_waiter_works_as_before() -> None:
    told: list[str] = []
    _, (waiter,), (task,) = await begun(1, told)
    task.cancel()
    await asyncio.wait([task])
    again = asyncio.ensure_future(waiting(waiter, told, "again"))
    await asyncio.sleep(0)
    waiter.wake()
    await again
    assert told == ["again"]


async def test_very_many_wakes_leave_turns_to_others() -> None:
    told: list[str] = []
    _, waiters, tasks = await begun(1_000, told)
    for one in waiters:
        one.wake()
    await asyncio.sleep(0)
    assert 0 < len(told) < 1_000
    await asyncio.gather(*tasks)
    assert told == [str(number) for number in range(1_000)]


async def test_choose_picks_who_is_next() -> None:
    told: list[str] = []
    run_queue, waiters, tasks = await begun(3, told)
    run_queue.choose = lambda ready: len(ready) - 1
    for one in waiters:
        one.wake()
    await asyncio.gather(*tasks)
    assert told == ["2", "1", "0"]


async def test_systems_on_one_loop_share_a_run_queue() -> None:
    loop = asyncio.get_running_loop()
    assert RunQueue.of(loop) is RunQueue.of(loop)


def test_a_wake_from_another_loop_is_refused() -> None:
    loop = asyncio.new_event_loop()
    run_queue = RunQueue(loop)

    async def wake() -> None:
        Waiter(run_queue).wake()

    with pytest.raises(WrongThreadError):
        asyncio.run(wake())
    loop.close()


def test_a_wake_on_a_closed_loop_is_refused() -> None:
    loop = asyncio.new_event_loop()
    run_queue = RunQueue(loop)
    loop.close()
    with pytest.raises(WrongThreadError):
        run_queue.schedule()


async def test_an_ask_that_is_limited_has_its_alarm_set_at_the_end_of_the_pass() -> None:
    run_queue = RunQueue(asyncio.get_running_loop())

    class Limited:
        timeout, deadline = 5.0, 0.0
        is_set = False

        def set_alarm(self) -> None:
            self.is_set = True

    limited: Any = Limited()
    run_queue.limit(limited)
    assert limited.deadline >= run_queue.loop.time() + 4
    assert not limited.is_set
    await asyncio.sleep(0)
    assert limited.is_set
