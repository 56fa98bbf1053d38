import asyncio

from actorio import Actor, ActorSystem, Strategy, Supervision, Supervisor, child


class Part(Actor[str]):
    async def on_start(self) -> None:
        print(f"{self.context.name}: start")

    async def receive(self, message: str) -> None:
        if message == "crash":
            raise RuntimeError("as you asked")

    async def on_stop(self, reason: object) -> None:
        print(f"{self.context.name}: stop")


async def main() -> None:
    parts = [child(Part, name=name) for name in ("flour", "dough", "bread")]
    rest_for_one = Supervision(Strategy.REST_FOR_ONE)
    async with ActorSystem() as system:
        line = await system.spawn(Supervisor, parts, rest_for_one, name="line")
        await system.lookup("/line/dough").send("crash")
        for name in ("dough", "bread"):
            await system.lookup(f"/line/{name}").ask("ready?")  # waits for the new incarnation
        counts = await line.call(Supervisor.count_children)
        print("running:", counts.active)


asyncio.run(main())
