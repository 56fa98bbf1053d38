import asyncio
from dataclasses import dataclass

from actorio import Actor, ActorSystem, Ask


@dataclass(frozen=True)
class Sale:
    cents: int


@dataclass(frozen=True)
class Total(Ask[int]):
    """Answered with the cents in the till."""


class Till(Actor[Sale | Total]):
    def __init__(self) -> None:
        self.cents = 0

    async def receive(self, message: Sale | Total) -> int | None:
        match message:
            case Sale(cents):
                self.cents += cents
                return None
            case Total():
                return self.cents

    async def refund(self, cents: int) -> bool:
        if cents > self.cents:
            return False
        self.cents -= cents
        return True


async def main() -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till)
        await till.send(Sale(250))
        print("total:", await till.ask(Total(), timeout=1.0))
        print("refunded:", await till.call(Till.refund, 100))
        print("total:", await till.ask(Total(), timeout=1.0))


asyncio.run(main())
