"""A shop that asks its till for an audit before anything was sold."""

from dataclasses import dataclass
from typing import Any

from actorio import Actor, ActorRef


@dataclass(frozen=True)
class Price:
    item: str


@dataclass(frozen=True)
class Sell:
    item: str
    pieces: int


@dataclass(frozen=True)
class Audit:
    pass


class Prices(Actor[Price]):
    async def receive(self, message: Price) -> int:
        return 10 * len(message.item)


class Till(Actor[Any]):
    def __init__(self, prices: ActorRef[Prices]) -> None:
        self.prices = prices
        self.total = 0
        self.sold: dict[str, int] = {}

    async def receive(self, message: Any) -> None:
        if isinstance(message, Sell):
            price = await self.prices.ask(Price(message.item))
            self.total += price * message.pieces
            self.sold[message.item] = self.sold.get(message.item, 0) + message.pieces
        elif isinstance(message, Audit):
            print(f"{self.audit():.2f} a piece")

    def audit(self) -> float:
        return self.total / sum(self.sold.values())


class Shop(Actor[Any]):
    async def on_start(self) -> None:
        prices = await self.context.spawn(Prices, name="prices")
        till = await self.context.spawn(Till, prices, name="till")
        await till.send(Sell("bread", 0))
        await till.send(Audit())
        self.context.watch(till)
        self.context.send_after(0.5, "close")

    async def receive(self, message: Any) -> None:
        self.context.stop()
