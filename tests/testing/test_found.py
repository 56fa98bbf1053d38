"""Bugs of actorio that simulation and virtual time have found, each with what finds it again."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, Strategy
from actorio.testing import run_in_virtual_time, simulate
from tests.guarantees.test_guarantee_02_order import (
    test_guarantee_02_one_that_leaves_the_line_does_not_move_the_others as one_leaves_the_line,
)
from tests.guarantees.test_guarantee_10_strategies_are_those_of_otp import (
    test_guarantee_10_a_sibling_that_crashes_while_the_group_is_stopped_does_not_count as a_sibling_crashes,
)
from tests.simulation import asks, lives, trees, under_faults

INTERVAL = 2.0  # virtual seconds


class Clock(Actor[str]):
    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    async def on_start(self) -> None:
        self.context.send_after(5, "alarm")
        self.context.send_every(INTERVAL, "tick")

    async def receive(self, message: str) -> None:
        self.seen.append((message, asyncio.get_running_loop().time()))


def test_a_timer_is_not_late_when_another_that_rang_has_set_itself_anew() -> None:
    """The queue armed the loop's timer for the new alarm and left the earlier one, at 5 s, to ring at 6 s."""

    async def main() -> list[Any]:
        seen: list[Any] = []
        async with ActorSystem() as system:
            await system.spawn(Clock, seen)
            await asyncio.sleep(3.25 * INTERVAL)
        return seen

    assert run_in_virtual_time(main) == [("tick", 2), ("tick", 4), ("alarm", 5), ("tick", 6)]


def test_an_asker_of_a_deferred_reply_is_told_that_the_actor_has_ended() -> None:
    """The instance went first, its handles with it, and the asker heard `NoReplyError`."""
    simulate(asks.deferred, seed=0).unwrap()


def test_a_cancelled_spawn_returns_when_the_name_is_free() -> None:
    """Cancelled as the start had just ended, it killed the actor and did not wait for its end."""
    simulate(lives.starts, seed=83, policy="pct").unwrap()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_background_task_that_never_ran_leaves_no_warning() -> None:
    """Cancelled before its first step, its coroutine was never awaited."""
    simulate(lives.timers, seed=8).unwrap()


def test_an_ask_that_has_timed_out_in_a_slow_turn_is_not_revived_by_defer() -> None:
    """Taken away after its timeout, it could end a second time."""
    under_faults(asks.once, seed=0).unwrap()


def test_a_sender_that_is_cancelled_as_room_is_made_has_sent_nothing() -> None:
    """It kept its place in line until its task ran, and its message was handled after the cancel."""
    simulate(one_leaves_the_line, seed=0).unwrap()


def test_siblings_that_crash_before_their_group_is_stopped_count_as_one() -> None:
    """The second was counted until the task that restarts the group took its first step: one restart too many."""
    simulate(lambda: a_sibling_crashes(Strategy.ONE_FOR_ALL), seed=22).unwrap()


def test_who_fails_as_the_one_before_it_ends_for_good_is_restarted() -> None:
    """Nobody was left of the group that was due, and it waited for its restart for ever."""
    simulate(trees.storms, seed=30969, policy="pct").unwrap()


def test_one_that_was_told_to_start_is_stopped_before_it_does_when_its_group_restarts_anew() -> None:
    """It started before the one ahead of it that had failed in between."""
    simulate(trees.storms, seed=1, policy="pct").unwrap()
