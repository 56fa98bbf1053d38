"""anyio's scopes around actorio's waits: a scope has to know its own cancellation."""

import asyncio

import anyio

from actorio import Actor, ActorSystem


class Slow(Actor[float]):
    async def receive(self, message: float, /) -> None:
        await asyncio.sleep(message)


async def test_a_scope_catches_its_own_cancellation_of_an_ask() -> None:
    async with ActorSystem() as system:
        slow = await system.spawn(Slow)
        with anyio.move_on_after(0) as scope:
            await slow.ask(0.01)
        assert scope.cancelled_caught


async def test_a_scope_catches_its_own_cancellation_of_a_join() -> None:
    async with ActorSystem() as system:
        slow = await system.spawn(Slow)
        with anyio.move_on_after(0) as scope:
            await slow.join()
        assert scope.cancelled_caught
