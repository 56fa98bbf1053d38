"""A service that finishes all it has accepted when a signal comes."""

import asyncio
import os
import signal

from actorio import Actor, ActorSystem


class Clerk(Actor[str]):
    async def receive(self, message: str) -> None:
        await asyncio.sleep(0.01)
        print("clerk: done with", message)


async def main() -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with ActorSystem(shutdown_timeout=5.0) as system:
        clerk = await system.spawn(Clerk)
        for order in ("tea", "cake", "milk"):
            await clerk.send(order)
        os.kill(os.getpid(), signal.SIGTERM)  # as the service's supervisor would
        await told.wait()
        report = await system.shutdown()  # handles what was accepted, for 5 seconds at most
        print("abandoned:", len(report.abandoned))


asyncio.run(main())
