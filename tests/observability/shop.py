"""A shop with trouble planted in it, in a process of its own: prints the link to its page, and takes orders by line."""

import argparse
import asyncio
import sys
import time
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, Mailbox, Overflow, Supervision, Supervisor, child
from actorio.observability import Observatory

BLOCK = 3.0
SLOW = 0.2
TILLS = 12


class Ledger(Actor[Any]):
    """Audits itself, which never ends."""

    def __init__(self) -> None:
        self.balance = 100
        self.password = "canary"

    async def receive(self, message: Any) -> Any:
        if message == "audit":
            await self.audit()
        return self.balance

    async def audit(self) -> None:
        await asyncio.Event().wait()


class Till(Actor[Any]):
    def __init__(self, ledger: ActorRef[Any]) -> None:
        self.ledger = ledger

    async def receive(self, message: Any) -> None:
        if message == "ask":
            await self.ledger.ask("balance")


class Parser(Actor[Any]):
    async def receive(self, message: Any) -> None:
        raise ValueError(f"cannot parse <b>{message}</b>")


class Printer(Actor[Any]):
    async def receive(self, message: Any) -> None:
        await asyncio.sleep(SLOW)


class Spare(Actor[Any]):
    async def receive(self, message: Any) -> None:
        return None


class Evil(Spare):
    """Has a name that would turn the text around it, and colour a terminal."""


Evil.__qualname__ = "evil\u202eemosdnah\x1b[31m"


class Shop(Actor[Any]):
    async def on_start(self) -> None:
        self.ledger: ActorRef[Any] = await self.context.spawn(Ledger, name="ledger")
        self.tills: list[ActorRef[Any]] = [
            await self.context.spawn(Till, self.ledger, name=f"till-{number}") for number in range(TILLS)
        ]
        self.printer = await self.context.spawn(
            Printer, name="printer", mailbox=Mailbox(20, overflow=Overflow.DROP_NEW)
        )
        await self.ledger.send("audit")
        for till in self.tills:
            await till.send("ask")
        self.context.send_every(0.05, "tick")

    async def receive(self, message: Any) -> None:
        if message == "block":
            time.sleep(BLOCK)  # noqa: ASYNC251
        for _ in range(2):
            await self.printer.send({"token": "canary"})


async def main(many: int, name: str, **options: Any) -> None:
    async with ActorSystem(name) as system:
        for number in range(many):
            await system.spawn(Spare, name=f"spare-{number}")
        async with Observatory(
            system, values=True, stuck_after=0.5, blocked_after=0.5, **options
        ) as observatory:
            await plant(system)
            print(observatory.url or observatory.socket, flush=True)
            while order := (await asyncio.to_thread(sys.stdin.readline)).strip():
                await system.lookup("shop").send(order)


async def plant(system: ActorSystem) -> None:
    await system.spawn(Shop, name="shop")
    await system.spawn(Spare, name="spare")
    await system.spawn(Spare, name="<img src=x onerror=alert(1)>")
    await system.spawn(Evil, name="evil")
    paused = await system.spawn(Spare, name="paused")
    await system.inspect(paused).suspend(lease=None)
    supervision = Supervision(max_restarts=1000)
    parsers = await system.spawn(Supervisor, (child(Parser, name="parser"),), supervision, name="parsers")
    parser = system.lookup(f"{parsers.path}/parser")
    for number in range(4):
        await parser.send(number)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--many", type=int, default=0)
    parser.add_argument("--name", default="shop")
    parser.add_argument("--socket", action="store_true")
    parser.add_argument("--read-only", action="store_true")
    given = parser.parse_args()
    doors = {"socket": True} if given.socket else {"socket": False, "page": 0}
    asyncio.run(main(given.many, given.name, actions=not given.read_only, **doors))
