"""The same failure of `b` under each strategy: who gets a new incarnation."""

import asyncio
import logging

from actorio import Actor, ActorSystem, Strategy, Supervision, Supervisor, child

logging.getLogger("actorio").setLevel(logging.CRITICAL)  # the failures are on purpose


class Part(Actor[str]):
    async def receive(self, message: str) -> int:
        if message == "crash":
            raise RuntimeError("as you asked")
        return self.context.incarnation


async def main() -> None:
    for strategy in Strategy:
        parts = [child(Part, name=name) for name in "abc"]
        async with ActorSystem() as system:
            await system.spawn(Supervisor, parts, Supervision(strategy), name="top")
            a, b, c = (system.lookup(f"/top/{name}", Part) for name in "abc")
            await b.send("crash")
            counts = [await part.ask("?") for part in (b, c, a)]  # waits for new incarnations
            print(f"{strategy.name:<12}", dict(sorted(zip("bca", counts, strict=True))))


asyncio.run(main())
