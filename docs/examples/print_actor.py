"""An actor that owns its loop, as in the recipe; `recv` raises `ActorExit` when there is no more to come."""

import asyncio

from actorio import Actor, ActorSystem


class PrintActor(Actor[str]):
    async def run(self) -> None:
        while True:
            message = await self.recv()
            print("Got:", message)


async def main() -> None:
    async with ActorSystem() as system:
        printer = await system.spawn(PrintActor)
        await printer.send("Hello")
        await printer.send("World")
        printer.close()
        await printer.join()
        print("the printer has ended")


asyncio.run(main())
