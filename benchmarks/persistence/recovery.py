"""Recovery beside a plain loop, the lag of the loop meanwhile, and what an idle durable actor weighs."""

import asyncio
import sqlite3
import time
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec

from actorio import Actor, ActorSystem
from actorio.persistence import MemoryStore, SqliteStore
from benchmarks.persistence.bank import Account, Balance, Deposited, folder

__all__ = ["bytes_an_event", "fill", "idle_bytes", "lag", "recovery_ratio"]


class Filler(Account):
    """Writes many events at once."""

    kind = "Account"

    async def fill(self, count: int) -> None:
        for begin in range(0, count, 1_000):
            await self.persist(*[Deposited(1)] * min(1_000, count - begin))


class Plain(Actor[Any]):
    async def receive(self, message: Any) -> None:
        """Do nothing."""


async def fill(path: Path, count: int) -> None:
    async with ActorSystem(store=SqliteStore(path)) as system:
        ref = await system.spawn(Filler, name="a")
        await ref.call(Filler.fill, count)


def recovery_ratio(count: int) -> tuple[float, float]:
    """Return the rates of a recovery of so many events, and of `fetchall`, decode, `apply` in a plain loop."""
    with folder() as where:
        path = Path(where) / "bank.db"
        asyncio.run(fill(path, count))

        async def recover() -> float:
            async with ActorSystem(store=SqliteStore(path)) as system:
                begun = time.perf_counter()
                await system.spawn(Account, name="a")
                return time.perf_counter() - begun

        ours = asyncio.run(recover())
        connection = sqlite3.connect(path)
        begun = time.perf_counter()
        decoder, account, state = msgspec.json.Decoder(Deposited), Account(), Balance()
        for (body,) in connection.execute("SELECT body FROM events ORDER BY actor, sequence").fetchall():
            state = account.apply(state, decoder.decode(body))
        plain = time.perf_counter() - begun
        connection.close()
        assert state == Balance(count)
    return count / ours, count / plain


def lag(count: int) -> tuple[float, float]:
    """Return the longest lag of the loop, in seconds, while nothing and while so many events are recovered."""
    with folder() as where:
        path = Path(where) / "bank.db"
        asyncio.run(fill(path, count))

        async def longest(until: Any) -> float:
            worst, last = 0.0, time.perf_counter()
            while not until():
                await asyncio.sleep(0.001)
                now = time.perf_counter()
                worst, last = max(worst, now - last - 0.001), now
            return worst

        async def main() -> tuple[float, float]:
            async with ActorSystem(store=SqliteStore(path)) as system:
                end = time.perf_counter() + 0.5
                quiet = await longest(lambda: time.perf_counter() > end)
                spawning = asyncio.ensure_future(system.spawn(Account, name="a"))
                busy = await longest(spawning.done)
                await spawning
                return quiet, busy

        return asyncio.run(main())


def bytes_an_event(count: int) -> float:
    """Return what an event takes in the file."""
    with folder() as where:
        path = Path(where) / "bank.db"
        asyncio.run(fill(path, count))
        return path.stat().st_size / count


def idle_bytes(count: int) -> tuple[float, float]:
    """Return the bytes of an idle durable actor, and of a plain one after one message."""

    async def weigh(kind: type[Actor[Any]]) -> float:
        async with ActorSystem(store=MemoryStore()) as system:
            await system.spawn(kind, name="first")
            tracemalloc.start()
            for number in range(count):
                ref = await system.spawn(kind, name=f"a{number}")
                if kind is Plain:
                    await ref.send(None)
            await asyncio.sleep(0.05)
            size, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return size / count

    return asyncio.run(weigh(Account)), asyncio.run(weigh(Plain))
