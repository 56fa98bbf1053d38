"""The tasks of an incarnation: its end cancels them, and what they fail with is its failure."""

import asyncio
from typing import Any

from actorio import (
    Actor,
    ActorSystem,
    Mailbox,
)
from actorio.testing import until
from tests.cell.stubborn import GRACE, abandoned, gates, let_go
from tests.core.test_threads import Shop
from tests.stage import Gate, Puppet, in_virtual_time, now


@in_virtual_time
async def test_a_background_task_that_swallows_its_cancel_is_abandoned_and_named() -> None:
    async def background() -> None:
        while not done:
            try:
                await gates.hold()
            except asyncio.CancelledError:
                continue
            break

    gates.gate = Gate()  # one for each run in simulation
    done: list[int] = []
    system = ActorSystem()
    async with system:
        actor = await system.spawn(Puppet, name="a", shutdown=1.0)
        await actor.ask(lambda me: me.context.start_soon(background) and None)
        await gates.gate.reached()
        actor.stop()
        await actor.join()
        assert now() == 1.0 + 2 * GRACE
    assert abandoned(system) == ("/a background",)
    await let_go()


async def test_start_soon_sends() -> None:
    class Sender(Actor[Any]):
        async def receive(self, message: Any) -> None:
            self.context.start_soon(message.send, "hello")
            self.context.start_soon(message.send, "again")

    async with ActorSystem() as system:
        recorder = await system.spawn(Shop, mailbox=Mailbox(1))
        sender = await system.spawn(Sender)
        await sender.send(recorder)
        await until(lambda: recorder.statistics().handled == 2)
