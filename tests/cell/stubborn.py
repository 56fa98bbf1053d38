"""What the tests of ends share: actors that swallow cancels, and the gate at which they wait."""

import asyncio
from typing import Any

from actorio import (
    ActorSystem,
    ExitReason,
)
from tests.stage import Diary, Gate, Puppet, ticks

GRACE = 0.25
FOR_EVER = 1_000


class Stubborn(Puppet):
    """Swallows so many cancels in its handler, and as many in its stop hook."""

    def __init__(self, diary: Diary, in_handler: int = 0, in_hook: int = 0) -> None:
        super().__init__(diary)
        self.in_handler, self.in_hook = in_handler, in_hook

    async def receive(self, message: Any) -> Any:
        if message == "hang":
            return await self.hang(self.in_handler)
        return await super().receive(message)

    async def on_stop(self, reason: ExitReason) -> None:
        if self.in_hook:
            await self.hang(self.in_hook)
        self.note("stopped")

    async def hang(self, cancels: int) -> None:
        for _ in range(cancels):
            try:
                await gates.hold()
            except asyncio.CancelledError:
                self.note("swallows")
        await gates.hold()


class _Gates:
    """Where the stubborn wait; opened at the end of a test, so that not even the abandoned are left."""

    def __init__(self) -> None:
        self.gate = Gate()

    async def hold(self) -> None:
        await self.gate.hold()


gates = _Gates()


async def let_go() -> None:
    """Let the abandoned come to their end."""
    gates.gate.open()
    await ticks(50)


def abandoned(system: ActorSystem) -> tuple[str, ...]:
    return system.report.abandoned
