"""The floor of durable asks and of a recovery, part by part: `python -m benchmarks.persistence.floor`.

Each line adds one part to the one before it; of asks it is the processor time of the loop's thread, since waiting for
the store is not the loop's.
"""

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from actorio import Actor, ActorSystem
from actorio.errors import StoreError
from actorio.persistence import MemoryStore, SqliteStore, Store
from actorio.persistence._rows import EventRow, Write, checksum
from benchmarks.persistence.bank import Account, Balance, Deposit, Deposited, folder
from benchmarks.persistence.recovery import fill, recovery_ratio

__all__ = ["asks", "main", "recovery"]

ACCOUNTS, ASKS, EVENTS, TRIES = 1_000, 10, 10_000, 4
_waiting: list[asyncio.Future[None]] = []


class Answers(Actor[Deposit]):
    async def receive(self, message: Deposit) -> int:
        return 1


class Waits(Actor[Deposit]):
    """Waits for a future in each turn, as one that persists does."""

    async def receive(self, message: Deposit) -> int:
        future = asyncio.get_running_loop().create_future()
        _waiting.append(future)
        await future
        return 1


class Nowhere(MemoryStore):
    """Writes nothing."""

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        await asyncio.sleep(0)
        return [1] * len(group)


async def _settle() -> None:
    while True:
        waiting = _waiting[:]
        _waiting.clear()
        for future in waiting:
            future.set_result(None)
        await asyncio.sleep(0)


async def _asked(kind: type[Actor[Any]], store: Store | None) -> float:
    """Return the seconds of the loop's thread that an ask takes."""
    async with ActorSystem(store=store) as system:
        refs = [await system.spawn(kind, name=f"a{number}") for number in range(ACCOUNTS)]

        async def client(ref: Any) -> None:
            for _ in range(ASKS):
                await ref.ask(Deposit(1))

        settling = asyncio.ensure_future(_settle()) if kind is Waits else None
        begun = time.thread_time()
        await asyncio.wait([asyncio.ensure_future(client(ref)) for ref in refs])
        seconds = time.thread_time() - begun
        if settling is not None:
            settling.cancel()
    return seconds / (ACCOUNTS * ASKS)


def asks() -> list[tuple[str, float]]:
    """Return the seconds an ask, part by part."""
    with folder() as where:
        paths = iter(Path(where) / f"{number}.db" for number in range(TRIES))
        parts: list[tuple[str, type[Actor[Any]], Callable[[], Store | None]]] = [
            ("an ask of a plain actor", Answers, lambda: None),
            ("that waits for a future in its turn", Waits, lambda: None),
            ("that persists, to a store that writes nothing", Account, Nowhere),
            ("to SQLite", Account, lambda: SqliteStore(next(paths))),
        ]
        return [
            (name, min(asyncio.run(_asked(kind, store())) for _ in range(TRIES)))
            for name, kind, store in parts
        ]


def recovery() -> list[tuple[str, float]]:
    """Return the seconds an event of a recovery, part by part."""
    with folder() as where:
        path = Path(where) / "bank.db"
        asyncio.run(fill(path, EVENTS))
        connection = sqlite3.connect(path)
        order = "FROM events ORDER BY actor, sequence"
        wide = f"SELECT sequence, type, version, at, crc, CAST(body AS BLOB), tags, position {order}"
        decoder, account = msgspec.json.Decoder(Deposited), Account()

        def rows() -> list[EventRow]:
            found = connection.execute(wide).fetchall()
            return [EventRow("Account/a", *one[:6], (), one[7]) for one in found]

        def checked() -> list[EventRow]:
            found = rows()
            assert all(
                one.crc == checksum("Account/a", one.sequence, one.type, one.version, one.body)
                for one in found
            )
            return found

        def applied() -> None:
            state = Balance()
            for one in checked():
                state = account.apply(state, decoder.decode(one.body))

        parts: list[tuple[str, Callable[[], Any]]] = [
            ("fetchall of the bodies", lambda: connection.execute(f"SELECT body {order}").fetchall()),
            ("of all columns", lambda: connection.execute(wide).fetchall()),
            ("as rows", rows),
            ("their checksums", checked),
            ("decoded and applied", applied),
        ]
        figures = [(name, min(_timed(part) for _ in range(TRIES)) / EVENTS) for name, part in parts]
        connection.close()
    ours = max(recovery_ratio(EVENTS)[0] for _ in range(TRIES))
    return [*figures, ("a recovery: with its pages, and the loop let run", 1 / ours)]


def _timed(part: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    part()
    return time.perf_counter() - begun


def main() -> int:
    for name, figures in (("us of the loop's thread an ask", asks()), ("us an event", recovery())):
        print(f"{name}:")
        for part, seconds in figures:
            print(f"  {seconds * 1e6:6.1f}  {part}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
