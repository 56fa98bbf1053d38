"""Actors that do what an observatory is to see, and how to wait for what it sees."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, Supervision
from actorio.observability import Attention, Observatory

PATIENCE = 10.0
BLOCK = 1.2  # seconds of real time: nothing less than a blocked loop will do


class Gate(Actor[Any]):
    """Handles anything at once, but `wait`, which takes until it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.password = "canary-in-the-state"

    async def receive(self, message: Any) -> Any:
        if message == "wait":
            await self.pass_gate()
        if message == "fail":
            raise ValueError("it was told to")
        if message == "block":
            time.sleep(BLOCK)  # noqa: ASYNC251
        if message == "block long":
            time.sleep(2 * BLOCK)  # noqa: ASYNC251
        return message

    async def pass_gate(self) -> None:
        await self.open.wait()


class Asker(Actor[Any]):
    """Asks whom it is told to, with what follows."""

    async def receive(self, message: list[ActorRef[Any]]) -> Any:
        return await message[0].ask(message[1:] or "wait")


class Keeper(Actor[Any]):
    """Restarts its child for ever."""

    supervision = Supervision(max_restarts=10_000)

    async def on_start(self) -> None:
        self.child = await self.context.spawn(Gate, name="child")


@asynccontextmanager
async def observed(
    system_name: str = "shop", **options: Any
) -> AsyncIterator[tuple[ActorSystem, Observatory]]:
    options = {"socket": False, **options}
    async with ActorSystem(system_name) as system, Observatory(system, **options) as observatory:
        yield system, observatory


async def until(condition: Callable[[], Any]) -> Any:
    """Wait for something to be so, and return what it says."""
    async with asyncio.timeout(PATIENCE):
        while True:
            value = condition()
            if hasattr(value, "__await__"):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.02)


async def seen(observatory: Observatory, kind: str, path: str | None = None) -> Attention:
    """Wait until something of that kind needs attention."""

    async def look() -> Attention | None:
        lines = (await observatory.overview()).attention
        return next((line for line in lines if line.kind == kind and path in (None, line.path)), None)

    found = await until(look)
    assert isinstance(found, Attention)
    return found
