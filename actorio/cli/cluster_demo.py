"""`actorio cluster demo`: accounts on several nodes, transfers under way, one node killed, and then the count."""

import asyncio
import importlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actorio import Actor, ActorSystem, Ask, Worker
from actorio.cli.cluster_up import Nodes, child_engine
from actorio.cluster import Cluster, MemberLost, NatsServer
from actorio.errors import ActorError

__all__ = ["run_demo"]

_NAME = "demo"
_ACCOUNTS, _TRANSFERS, _AT_ONCE = 24, 600, 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (account TEXT PRIMARY KEY, token INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entry (account TEXT NOT NULL, transfer INTEGER NOT NULL, amount INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS entries ON entry (account, transfer);
"""


@dataclass(frozen=True)
class Enter(Ask[bool]):
    """Enter one side of a transfer, once; False where that was done before."""

    transfer: int
    amount: int


class Account(Actor[Enter]):
    """An entity that writes to a database which it shares with all others."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.database = sqlite3.connect(sys.argv[2], timeout=10.0, isolation_level=None)

    async def receive(self, message: Enter) -> bool:
        token = Cluster.of(self.context.system).token(self.context.ref)
        run = self.database.execute
        run("BEGIN IMMEDIATE")
        try:
            (last,) = run("SELECT max(token) FROM owner WHERE account = ?", (self.key,)).fetchone()
            if last is not None and token < last:
                raise PermissionError(f"{self.key} was taken over by another node")
            run("INSERT OR REPLACE INTO owner VALUES (?, ?)", (self.key, token))
            where = (self.key, message.transfer)
            if run("SELECT 1 FROM entry WHERE account = ? AND transfer = ?", where).fetchone():
                return False
            run("INSERT INTO entry VALUES (?, ?, ?)", (*where, message.amount))
            return True
        finally:
            run("COMMIT")

    async def on_stop(self, reason: Any) -> None:
        self.database.close()


async def node_main(node: str) -> None:
    """One of the nodes."""
    async with (
        ActorSystem(_NAME, handle_signals=True) as system,
        Cluster(system, node=node, engine=child_engine(), entities=[Account]),
    ):
        await asyncio.Event().wait()


class _Bank:
    """The client: moves money, and asks again, under its id, where it does not know."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._left = iter(range(1, _TRANSFERS + 1))
        self.done: list[int] = []
        self.unknown = 0

    async def move(self) -> None:
        """Make transfers, one after the other, until all are made."""
        for transfer in self._left:
            source, target = transfer % _ACCOUNTS, (transfer * 7 + 1) % _ACCOUNTS
            await self._enter(source, transfer, -1)
            await self._enter(target, transfer + _TRANSFERS, 1)
            self.done.append(transfer)

    async def _enter(self, account: int, transfer: int, amount: int) -> None:
        while True:
            try:
                await self.account(account).ask(Enter(transfer, amount), timeout=10.0)
                return
            except (ActorError, PermissionError):
                self.unknown += 1
                await asyncio.sleep(0.05)

    def account(self, number: int) -> Any:
        """Return the ref of an account."""
        return self._cluster.entity(Account, f"account-{number}")


async def run_demo(count: int, say: Callable[[str], Any] | None) -> dict[str, Any]:
    """Run it; returns the figures."""
    say = say or (lambda text: None)
    with tempfile.TemporaryDirectory(prefix="actorio-demo-") as directory:
        path = str(Path(directory) / "bank.db")
        with sqlite3.connect(path) as database:
            database.executescript("PRAGMA journal_mode = WAL;" + _SCHEMA)
        async with NatsServer() as server:
            nodes = Nodes("actorio.cli.cluster_demo", (path,), server.url, server.token)
            try:
                for number in range(1, count + 1):
                    await nodes.start(f"n{number}")
                async with (
                    ActorSystem(_NAME) as system,
                    Cluster(system, node="client", engine=server.engine(), uses=[Account]) as cluster,
                ):
                    figures = await _run(cluster, nodes, count, say)
            finally:
                await nodes.stop()
        done = figures.pop("done")
        return {**figures, **_audit(path, done)}


async def _run(cluster: Cluster, nodes: Nodes, count: int, say: Callable[[str], Any]) -> dict[str, Any]:
    async with asyncio.timeout(30.0):
        while len(cluster.members) < count + 1:
            await asyncio.sleep(0.02)
    say(f"{count} nodes and a client are members; {_TRANSFERS} transfers between {_ACCOUNTS} accounts")
    bank = _Bank(cluster)
    workers = [await cluster.system.spawn(Worker) for _ in range(_AT_ONCE)]
    moving = [worker.submit(bank.move) for worker in workers]
    while len(bank.done) < _TRANSFERS // 3:
        await asyncio.sleep(0.005)
    killed = "n1"
    moved = next((n for n in range(_ACCOUNTS) if bank.account(n).node == killed), 0)
    events = cluster.events.subscribe(MemberLost)
    nodes.processes[killed].kill()
    began = time.monotonic()
    say(f"{killed} is killed, with {len(bank.done)} transfers done")
    await anext(aiter(events))
    seen = time.monotonic() - began
    while bank.account(moved).node in (killed, None):
        await bank.account(moved).ask(Enter(0, 0), timeout=10.0)
        await asyncio.sleep(0.01)
    taken = time.monotonic() - began
    say(f"it was seen after {seen:.2f} s, and taken over after {taken:.2f} s")
    for moved_all in moving:
        await moved_all
    return {
        "nodes": count,
        "killed": killed,
        "lost_seen_s": round(seen, 2),
        "taken_over_s": round(taken, 2),
        "transfers": len(bank.done),
        "unknown": bank.unknown,
        "done": bank.done,
    }


def _audit(path: str, done: list[int]) -> dict[str, Any]:
    """Count what the database says."""
    with sqlite3.connect(path) as database:
        counts = dict(
            database.execute("SELECT transfer, count(*) FROM entry WHERE transfer > 0 GROUP BY transfer")
        )
        (total,) = database.execute("SELECT coalesce(sum(amount), 0) FROM entry").fetchone()
    sides = [side for transfer in done for side in (transfer, transfer + _TRANSFERS)]
    return {
        "lost": sum(side not in counts for side in sides),
        "doubled": sum(count > 1 for count in counts.values()),
        "balanced": total == 0 and len(counts) == len(sides),
    }


if (
    __name__ == "__main__"
):  # by its own name: as `__main__` its classes would have other names than in the parent
    asyncio.run(importlib.import_module("actorio.cli.cluster_demo").node_main(sys.argv[1]))
