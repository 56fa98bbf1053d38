import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from actorio import ActorSystem, Ask
from actorio.persistence import EventSourced, Reminder, SqliteStore, activate


@dataclass(frozen=True)
class Place(Ask[None]):
    seconds_to_pay: float


@dataclass(frozen=True)
class Pay(Ask[None]):
    """The money is there."""


@dataclass(frozen=True)
class Expire:  # the message of a reminder is stored, so it is a dataclass as events are
    """The time to pay is over."""


@dataclass(frozen=True)
class Became:
    status: str


class Order(EventSourced[Place | Pay | Expire, Became, str]):
    def initial_state(self) -> str:
        return "new"

    def apply(self, state: str, event: Became) -> str:
        return event.status

    async def receive(self, message: Place | Pay | Expire) -> None:
        match message:
            case Place(seconds):
                expiry = Reminder.after(seconds, Expire(), key="expiry")
                await self.persist(Became("placed"), remind=[expiry])
            case Pay():
                await self.persist(Became("paid"), forget=["expiry"])
            case Expire():
                await self.persist(Became("expired"))
                print(self.key, "has expired")


async def main(path: Path) -> None:
    async with ActorSystem(store=SqliteStore(path)) as system:
        for name in ("one", "two"):
            order = await system.get_or_spawn(name, Order)
            await order.ask(Place(seconds_to_pay=0.2))
        await order.ask(Pay())
    await asyncio.sleep(0.3)  # nobody runs as the time is over
    async with ActorSystem(store=SqliteStore(path)) as system:
        activate(system, Order)
        await asyncio.sleep(0.5)
        print((await system.store.info("Order/one")).reminders, "reminders are left")


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(Path(folder) / "orders.db"))
