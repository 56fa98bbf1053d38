import asyncio

from actorio import Actor, ActorSystem


class Oven(Actor[str]):
    async def on_start(self) -> None:
        print("oven: on, incarnation", self.context.incarnation)

    async def receive(self, message: str) -> None:
        if message == "stone":
            raise ValueError("that is no dough")
        print("oven: baked a", message)


class Bakery(Actor[str]):
    async def on_start(self) -> None:
        self.oven = await self.context.spawn(Oven, name="oven")

    async def receive(self, message: str) -> None:
        await self.oven.send(message)


async def main() -> None:
    async with ActorSystem() as system:
        bakery = await system.spawn(Bakery, name="bakery")
        for order in ("loaf", "stone", "roll"):
            await bakery.send(order)


asyncio.run(main())
