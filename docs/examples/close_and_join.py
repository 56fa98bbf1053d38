"""The three ways to end an actor, and what becomes of the messages that it had accepted."""

import asyncio
from collections.abc import Sequence

from actorio import Actor, ActorStoppedError, ActorSystem, ExitReason


class Adder(Actor[int]):
    def __init__(self) -> None:
        self.total = 0

    async def receive(self, message: int) -> None:
        self.total += message

    async def on_undelivered(self, messages: Sequence[int], reason: ExitReason) -> None:
        if messages:
            print("not handled:", len(messages))

    async def on_stop(self, reason: ExitReason) -> None:
        print("total:", self.total)


async def main() -> None:
    async with ActorSystem() as system:
        for end in ("close", "stop", "kill"):
            adder = await system.spawn(Adder)
            for number in range(1, 101):
                await adder.send(number)
            getattr(adder, end)()  # adder.close(), adder.stop(), adder.kill()
            ended = await adder.join()
            print(end, "->", ended.reason.name)

        try:
            await adder.send(101)
        except ActorStoppedError:
            print("an actor that has ended takes no more")


asyncio.run(main())
