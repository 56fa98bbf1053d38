import asyncio

from actorio import Actor, ActorSystem


class Till(Actor[int]):
    def __init__(self, shop: str) -> None:
        self.shop = shop
        self.cents = 0

    async def receive(self, message: int) -> None:
        self.cents += message
        print(f"{self.shop}: {self.cents} cents")


async def main() -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till, "corner shop")
        await till.send(250)
        await till.send(99)


asyncio.run(main())
