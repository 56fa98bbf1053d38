"""Tagged messages, as in the recipe: `(tag, *payload)` goes to the method `do_<tag>`."""

import asyncio
from typing import Any

from actorio import Actor, ActorSystem


class TaggedActor(Actor[tuple[Any, ...]]):
    async def run(self) -> None:
        while True:
            tag, *payload = await self.recv()
            getattr(self, f"do_{tag}")(*payload)

    def do_A(self, x: int) -> None:
        print("Running A", x)

    def do_B(self, x: int, y: int) -> None:
        print("Running B", x, y)


async def main() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(TaggedActor)
        await actor.send(("A", 1))
        await actor.send(("B", 2, 3))


asyncio.run(main())
