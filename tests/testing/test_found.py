"""Bugs of actorio that simulation and virtual time have found, each with what finds it again."""

import asyncio
from typing import Any

from actorio import Actor, ActorSystem
from actorio.testing import run_in_virtual_time

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
