import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from actorio import ActorSystem, Ask
from actorio.persistence import EventSourced, SqliteStore


@dataclass(frozen=True)
class Deposit(Ask[int]):
    amount: int


@dataclass(frozen=True)
class Deposited:
    amount: int


class Account(EventSourced[Deposit, Deposited, int]):
    def initial_state(self) -> int:
        return 0

    def apply(self, state: int, event: Deposited) -> int:
        return state + event.amount

    async def on_recovered(self) -> None:
        print("recovered:", self.state, "cents,", self.sequence, "events")

    async def receive(self, message: Deposit) -> int:
        return await self.persist(Deposited(message.amount), reply=lambda state: state)


async def work(path: str) -> None:
    async with ActorSystem(store=SqliteStore(path)) as system:
        account = await system.get_or_spawn("ada", Account)
        for amount in (10, 20, 30):
            print("acknowledged:", await account.ask(Deposit(amount)), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)  # no finally, no close, no flush


if len(sys.argv) > 1:
    asyncio.run(work(sys.argv[1]))
with tempfile.TemporaryDirectory() as folder:
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, __file__, f"{folder}/bank.db"], stdout=subprocess.PIPE, text=True, check=False
        )
        print(ended.stdout + f"ended with {ended.returncode}")
