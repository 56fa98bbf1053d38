import asyncio

from actorio import Actor, ActorRef, ActorSystem, Terminated


class Oven(Actor[str]):
    async def receive(self, message: str) -> None:
        if message == "stone":
            raise ValueError("that is no dough")


class Inspector(Actor[None]):
    def __init__(self, oven: ActorRef[Oven]) -> None:
        self.oven = oven

    async def on_start(self) -> None:
        self.context.watch(self.oven)

    async def on_terminated(self, event: Terminated) -> None:
        print(event.ref.path, "has ended:", event.reason.name)


async def main() -> None:
    async with ActorSystem() as system:
        oven = await system.spawn(Oven, name="oven")
        await system.spawn(Inspector, oven)
        await oven.send("stone")  # restarted: not an end
        await oven.send("loaf")
        oven.close()
        await oven.join()


asyncio.run(main())
