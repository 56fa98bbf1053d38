"""A small shop whose till fails now and then: with timers, asks, children, calls and checkpoints."""

import asyncio
from dataclasses import dataclass
from typing import Any

from actorio import Actor, ActorRef, Restart, Terminated


@dataclass(frozen=True)
class Sell:
    item: str
    pieces: int


@dataclass
class Basket:
    items: list[Sell]


@dataclass(frozen=True)
class Price:
    item: str


@dataclass(frozen=True)
class Tick:
    number: int


class Prices(Actor[Price]):
    def __init__(self) -> None:
        self.asked = 0

    async def receive(self, message: Price) -> int:
        self.asked += 1
        if message.item == "unknown":
            raise KeyError(message.item)
        if self.asked % 3 == 0:
            await asyncio.sleep(0.001)
        return len(message.item) + self.asked % 5


class Printer(Actor[Any]):
    def __init__(self) -> None:
        self.lines = 0

    def receive(self, message: Any) -> Any:
        self.lines += 1
        return self.lines


class Till(Actor[Any]):
    """Its sums are wrong in several ways."""

    mended = False
    reply_errors = (LookupError,)

    def __init__(self, prices: ActorRef[Prices], limit: int) -> None:
        self.prices = prices
        self.limit = limit
        self.total = 0
        self.sold: dict[str, int] = {}
        self.ticks = 0
        self.lost = 0
        self.last: Sell | None = None

    async def on_start(self) -> None:
        self.printer = await self.context.spawn(Printer, name="printer", restart=Restart.PERMANENT)
        self.base = await self.prices.ask(Price("base"))
        self.timer = self.context.send_every(0.002, Tick(1))

    async def receive(self, message: Any) -> Any:
        match message:
            case Sell():
                return await self.sell(message)
            case Basket():
                for one in message.items:
                    await self.sell(one)
                message.items.clear()
            case Tick():
                self.tick()
            case "audit":
                return self.audit()
        return None

    async def sell(self, sale: Sell) -> int:
        price = await self.prices.ask(Price(sale.item))
        self.sold[sale.item] = self.sold.get(sale.item, 0) + sale.pieces
        self.total += price * sale.pieces
        line = await self.printer.ask(sale.item)
        self.last = sale
        if line % 7 == 0 and sale.pieces == 0 and not self.mended:
            raise ZeroDivisionError("a line for nothing")
        return self.total

    def tick(self) -> None:
        self.ticks += 1
        if self.total > self.limit and self.ticks % 2 and not self.mended:
            raise OverflowError(f"{self.total} is too much")

    def audit(self) -> float:
        pieces = sum(self.sold.values())
        if not pieces and self.mended:
            return 0.0
        return self.total / pieces

    def refund(self, item: str, *, pieces: int) -> int:
        left = self.sold.get(item, 0) - pieces
        if left < 0 and not self.mended:
            raise ArithmeticError(f"{item} was not sold")
        self.sold[item] = max(0, left)
        return left

    async def on_terminated(self, event: Terminated) -> None:
        self.lost += 1
