import asyncio

from actorio import Actor, ActorRestarted, ActorSystem, DeadLetter, Supervision


class Oven(Actor[str]):
    async def receive(self, message: str) -> None:
        if message == "stone":
            raise ValueError("that is no dough")
        print("oven: baked a", message)


class Bakery(Actor[str]):
    supervision = Supervision(max_restarts=1, within=60)  # one restart a minute, not two

    async def on_start(self) -> None:
        print("bakery: open, incarnation", self.context.incarnation)
        self.oven = await self.context.spawn(Oven, name="oven")

    async def receive(self, message: str) -> None:
        await self.oven.send(message)


async def main() -> None:
    async with ActorSystem() as system:
        bakery = await system.spawn(Bakery, name="bakery")
        async with system.events.subscribe(ActorRestarted, DeadLetter) as events:
            for order in ("stone", "stone", "loaf"):
                await bakery.send(order)
            async for event in events:
                match event:
                    case DeadLetter(ref, message, reason):
                        print("dead letter:", ref.path, message, reason)
                    case ActorRestarted(ref):
                        print("restarted:", ref.path)
                        if ref == bakery:
                            break
        await bakery.send("roll")


asyncio.run(main())
