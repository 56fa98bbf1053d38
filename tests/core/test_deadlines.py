"""The heap of all times: what rings, in which order, and what one timer of the loop has to do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actorio._core.deadlines import RING, Deadlines


class ClockLoop:
    """The clock and the timers of an event loop, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.armed: list[tuple[float, Callable[[], object], list[bool]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> Any:
        cancelled = [False]
        self.armed.append((when, callback, cancelled))

        class Handle:
            def cancel(self) -> None:
                cancelled[0] = True

        return Handle()

    def pending(self) -> list[float]:
        return [when for when, _, cancelled in self.armed if not cancelled[0]]

    def move(self, seconds: float) -> None:
        self.now += seconds
        while due := [timer for timer in self.armed if timer[0] <= self.now and not timer[2][0]]:
            self.armed.remove(due[0])
            due[0][1]()


@pytest.fixture
def loop() -> ClockLoop:
    return ClockLoop()


@pytest.fixture
def deadlines(loop: ClockLoop) -> Deadlines:
    return Deadlines(loop)  # type: ignore[arg-type]


def test_what_is_due_rings_in_the_order_of_the_deadlines(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[int] = []
    for delay in (3, 1, 2):
        deadlines.after(delay, lambda delay=delay: rung.append(delay))  # type: ignore[misc]
    loop.move(2.5)
    assert rung == [1, 2]
    loop.move(1)
    assert rung == [1, 2, 3]


def test_ties_ring_as_they_were_set(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[int] = []
    for number in range(5):
        deadlines.at(101.0, lambda number=number: rung.append(number))  # type: ignore[misc]
    loop.move(1)
    assert rung == [0, 1, 2, 3, 4]


def test_the_loop_has_one_timer_however_many_are_set(loop: ClockLoop, deadlines: Deadlines) -> None:
    for delay in range(50, 0, -1):
        deadlines.after(delay, list)
    assert loop.pending() == [101.0]
    assert len(deadlines) == 50


def test_a_later_one_does_not_move_the_timer_of_the_loop(loop: ClockLoop, deadlines: Deadlines) -> None:
    deadlines.after(1, list)
    deadlines.after(2, list)
    assert len(loop.armed) == 1


def test_one_that_was_cancelled_never_rings(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[str] = []
    deadline = deadlines.after(1, lambda: rung.append("no"))
    assert deadline.pending
    assert deadline.cancel()
    assert not deadline.pending
    loop.move(2)
    assert rung == []


def test_a_cancel_tells_whether_it_was_in_time(loop: ClockLoop, deadlines: Deadlines) -> None:
    deadline = deadlines.after(1, list)
    loop.move(1)
    assert not deadline.cancel()
    other = deadlines.after(1, list)
    assert other.cancel()
    assert not other.cancel()


def test_cancelled_ones_do_not_pile_up(deadlines: Deadlines) -> None:
    kept = deadlines.after(1000, list)
    for _ in range(10_000):
        deadlines.after(500, list).cancel()
    assert len(deadlines._heap) < 1_000
    assert len(deadlines) == 1
    assert kept.pending


def test_entries_without_a_deadline_of_their_own_are_swept_as_well(deadlines: Deadlines) -> None:
    for _ in range(10_000):
        deadlines.enter(200.0, list)[RING] = None
    assert len(deadlines._heap) < 1_000


def test_one_that_raises_does_not_keep_the_others_from_ringing(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[str] = []
    deadlines.after(1, lambda: 1 / 0)
    deadlines.after(1, lambda: rung.append("behind it"))
    with pytest.raises(ZeroDivisionError):
        loop.move(1)
    loop.move(0)
    assert rung == ["behind it"]


def test_one_that_is_set_while_another_rings_is_not_lost(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[float] = []
    deadlines.after(1, lambda: deadlines.after(1, lambda: rung.append(loop.now)))
    deadlines.after(5, lambda: rung.append(loop.now))
    loop.move(1)
    loop.move(1)
    assert rung == [102.0]
    loop.move(3)
    assert rung == [102.0, 105.0]


def test_a_loop_that_wakes_early_rings_nothing_early(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[str] = []
    deadlines.after(1, lambda: rung.append("due"))
    loop.now += 0.5
    deadlines._fire()
    assert rung == []
    loop.move(0.5)
    assert rung == ["due"]


def test_very_many_that_are_due_at_once_leave_turns_to_others(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[int] = []
    for number in range(3_000):
        deadlines.after(1, lambda number=number: rung.append(number))  # type: ignore[misc]
    loop.now += 1
    (timer,) = [timer for timer in loop.armed if not timer[2][0]]
    loop.armed.remove(timer)
    timer[1]()
    assert 0 < len(rung) < 3_000
    loop.move(0)
    assert rung == list(range(3_000))


def test_very_many_that_ring_no_more_leave_turns_to_others(loop: ClockLoop, deadlines: Deadlines) -> None:
    """Asks that were answered in time: each takes its place in the heap until then."""
    rung: list[float] = []
    entries = [deadlines.enter(101.0, list) for _ in range(3_000)]
    deadlines.enter(101.5, lambda: rung.append(loop.now))
    for entry in entries:
        entry[RING] = None
    loop.now += 1
    (timer,) = [timer for timer in loop.armed if not timer[2][0]]
    loop.armed.remove(timer)
    timer[1]()
    assert 0 < len(deadlines._heap) - 1 < 3_000
    loop.move(0.5)
    assert (rung, deadlines._heap) == ([101.5], [])


def test_after_close_nothing_rings(loop: ClockLoop, deadlines: Deadlines) -> None:
    rung: list[str] = []
    deadlines.after(1, lambda: rung.append("no"))
    deadlines.close()
    loop.move(2)
    assert rung == []
    assert loop.pending() == []


async def test_it_keeps_the_time_of_a_real_loop() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    rung = loop.create_future()
    deadline = deadlines.after(0.001, lambda: rung.set_result(loop.time()))
    assert await rung >= deadline.time - 1e-6
    deadlines.close()
