import asyncio

from actorio import Actor, ActorSystem


class Till(Actor[int]):
    async def on_start(self) -> None:
        self.cents = 0
        print("open, incarnation", self.context.incarnation)

    async def receive(self, message: int) -> None:
        if message < 0:
            raise ValueError("somebody is stealing")
        self.cents += message
        print("cents:", self.cents)


async def main() -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till)
        for cents in (250, -1, 99):
            await till.send(cents)


asyncio.run(main())
