import asyncio

from actorio import Actor, ActorSystem, Worker


class Printer(Actor[str]):
    async def receive(self, message: str) -> None:  # one message at a time
        print("Got:", message)


class Owner(Actor[str]):
    async def run(self) -> None:  # or own the loop, as in the recipe
        while True:
            print("Got:", await self.recv())  # recv raises ActorExit after close


def add(a: int, b: int) -> int:
    return a + b


async def main() -> None:
    async with ActorSystem() as system:
        printer = await system.spawn(Printer)
        await printer.send("Hello")
        worker = await system.spawn(Worker)
        result = worker.submit(add, 2, 3)  # a Result: await it, cancel it, pass it on
        print(await result)  # 5
    # the block closes every actor, lets it handle all it had accepted, and joins it


asyncio.run(main())
