"""Actors to be looked into, and their inspectors."""

import asyncio
import dataclasses
from typing import Any

from actorio import (
    Actor,
    ActorRef,
    ActorSystem,
    Terminated,
    interleave,
)
from actorio.inspection import Inspector


class Gate(Actor[Any]):
    """Says what it has taken, and waits at its gate when told to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.entered = asyncio.Event()
        self.taken: list[Any] = []

    async def receive(self, message: Any) -> Any:
        self.taken.append(message)
        if message == "wait":
            await self.pass_gate()
        if message == "fail":
            raise ValueError(message)
        return message

    async def pass_gate(self) -> None:
        self.entered.set()
        await self.open.wait()

    async def method(self, value: int) -> int:
        return value

    @interleave
    async def beside(self) -> str:
        return "beside"

    async def on_terminated(self, event: Terminated) -> None:
        self.taken.append(event.ref.name)


@dataclasses.dataclass
class Login:
    user: str
    password: str


class Owner(Actor[Any]):
    """Owns its loop."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.between = asyncio.Event()
        self.taken: list[Any] = []

    async def run(self) -> None:
        while True:
            message = await self.recv()
            self.taken.append(message)
            if message == "wait":
                await self.open.wait()
            if message == "between":
                continue


class Slotted(Actor[Any]):
    __slots__ = ("count", "never")

    def __init__(self) -> None:
        self.count = 1

    async def receive(self, message: Any) -> Any:
        self.count += 1
        return self.count


async def settle() -> None:
    """Let all run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def spawned(system: ActorSystem, **options: Any) -> tuple[ActorRef[Gate], Gate, Inspector]:
    ref = await system.spawn(Gate, **options)
    return ref, ref._cell.instance, system.inspect(ref)
