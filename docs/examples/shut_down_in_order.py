"""A service that a signal ends: the door first, then the actors, then the pool that they use."""

import asyncio
import os
import signal
from collections.abc import Sequence

from actorio import Actor, ActorSystem, ExitReason


class Pool:
    async def close(self) -> None:
        print("pool: closed")


class Clerk(Actor[str]):
    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def receive(self, message: str) -> None:
        await asyncio.sleep(0.05)
        print("clerk: done with", message)

    async def on_undelivered(self, messages: Sequence[str], reason: ExitReason) -> None:
        print("clerk: leaves", *messages)  # put them back where they came from

    async def on_stop(self, reason: ExitReason) -> None:
        print("clerk: stops,", reason.name)


def close_the_door() -> None:
    print("door: closed")


async def main() -> None:
    pool = Pool()
    async with ActorSystem(shutdown_timeout=5.0, handle_signals=True) as system:
        system.before_shutdown(close_the_door)
        system.after_shutdown(pool.close)
        clerk = await system.spawn(Clerk, pool, shutdown=1.0)
        for order in ("tea", "cake", "milk"):
            await clerk.send(order)
        await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)  # as the service's supervisor would
        await asyncio.sleep(3600)


try:
    asyncio.run(main())
except SystemExit as end:
    print("exit status:", end.code)
