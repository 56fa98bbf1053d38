"""A day of timers in no time."""

import asyncio

from actorio import Actor, ActorSystem
from actorio.testing import VirtualTimeLoop

HOUR = 3_600.0


class Heartbeat(Actor[str]):
    def __init__(self) -> None:
        self.beats = 0

    async def on_start(self) -> None:
        self.context.send_every(HOUR, "beat")

    async def receive(self, message: str) -> int:
        self.beats += message == "beat"
        return self.beats


async def test_it_beats_once_an_hour(virtual_time: VirtualTimeLoop, actor_system: ActorSystem) -> None:
    heart = await actor_system.spawn(Heartbeat)
    await asyncio.sleep(24.5 * HOUR)
    assert await heart.ask("count") == 24
    assert virtual_time.time() == 24.5 * HOUR
