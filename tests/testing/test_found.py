"""Bugs of actorio that simulation and virtual time have found, each with what finds it again."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, Strategy
from actorio.testing import explore, run_in_virtual_time, simulate, until
from tests.guarantees.test_guarantee_02_order import (
    test_guarantee_02_one_that_leaves_the_line_does_not_move_the_others as one_leaves_the_line,
)
from tests.guarantees.test_guarantee_10_strategies_are_those_of_otp import Boom, Puppet, family
from tests.guarantees.test_guarantee_10_strategies_are_those_of_otp import (
    test_guarantee_10_siblings_that_crash_at_the_same_moment_count_as_one as siblings_crash_at_once,
)
from tests.simulation import asks, lives, under_faults

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
    explore(lives.starts, seeds=range(50))


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
    explore(siblings_crash_at_once, seeds=range(20))


def test_who_fails_as_the_one_before_it_ends_for_good_is_restarted() -> None:
    """Nobody was left of the group that was due, and it waited for its restart for ever (seeds 24 and 88).

    One that was told to start as its group restarted anew started before the one ahead of it that had failed in between
    (seeds 33 and 37, and more).
    """

    async def main() -> None:
        async with ActorSystem() as system:
            _, _, first, second, _ = await family(system, Strategy.REST_FOR_ONE, [], budget=2)
            fate, held = asyncio.Event(), []

            async def crash(me: Puppet) -> None:
                held.append(me)
                await fate.wait()
                raise Boom

            for actor in (first, second):
                await actor.send(crash)
            await until(lambda: len(held) == 2)
            fate.set()
            for _ in range(200):  # it may be up again before it was seen to be down
                if first.state != "running":
                    break
                await asyncio.sleep(0)
            first.kill()
            await second.ask("alive")

    assert explore(main, seeds=range(100)).distinct > 50
