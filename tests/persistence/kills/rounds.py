"""The rounds of killing: starts the victim, kills it at a random moment, and audits what it has left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actorio import ActorSystem
from actorio.persistence import Store
from actorio.testing import until
from tests.persistence.kills.victim import Account, Books, Ledger, Remind, Served, Transfer, open_store

__all__ = ["Audit", "rounds"]

ROOT = Path(__file__).parents[3]
_AT_ONCE = 100
_HUNG = 60.0
"""Seconds in which nothing at all happens to an account with a due reminder: then it hangs, and is not just slow."""


@dataclass
class Audit:
    """What the victims have said over all rounds, by account."""

    acknowledged: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    tried: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    reminded: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    asked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    sequences: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    touched: set[str] = field(default_factory=set)
    """Accounts that the last victim has said something of."""
    projected: int = 0
    """The position up to which the table of the projection is known to be right."""

    def hear(self, line: str) -> None:
        """Note one line of a victim."""
        what, *words = line.split()
        if words:
            self.touched.add(words[0])
        if what == "try":
            self.tried[words[0]][words[1]] = int(words[2])
        elif what == "ack":
            self.acknowledged[words[0]][words[1]] = int(words[2])
            self.sequences[words[0]] = max(self.sequences[words[0]], int(words[3]))
        elif what == "remind":
            self.asked[words[0]].add(words[1])
        elif what == "reminded":
            self.reminded[words[0]].add(words[1])

    async def check(self, where: str, accounts: Iterable[str]) -> None:
        """Recover these accounts, and compare."""
        store = open_store(where)
        async with ActorSystem(store=store) as system:
            await self._check_ledger(store, where)
            names = list(accounts)
            for begin in range(0, len(names), _AT_ONCE):
                await _all(self._check(system, name) for name in names[begin : begin + _AT_ONCE])

    async def _check(self, system: ActorSystem, name: str) -> None:
        ref = await system.spawn(Watched, name=name)
        found = await ref.call(Watched.look)
        ref.close()
        state, done = found.state, found.done
        assert state.taken == state.given, f"{name} has half a command: {state}"
        assert found.sequence >= self.sequences[name], (
            f"{name} is at {found.sequence}; {self.sequences[name]} was acknowledged"
        )
        lost = self.acknowledged[name].keys() - done.keys()
        assert not lost, f"{name} has lost {lost}"
        written = sum(amount for once, amount in self.tried[name].items() if once in done)
        assert state.taken == written, f"{name} has {state.taken}, and {written} was carried out"
        self._check_reminders(name, found)

    def _check_reminders(self, name: str, found: Found) -> None:
        """Each reminder that was acknowledged is still set, or was served, once."""
        served = {*found.state.served}
        assert len(served) == len(found.state.served), f"{name} was served twice: {found.state.served}"
        assert served <= self.asked[name]
        assert not served & found.reminders.keys(), f"{name} was served what is still set: {found.reminders}"
        lost = self.reminded[name] - served - found.reminders.keys()
        assert not lost, f"{name} has lost the reminders {lost}"
        parked = {key for key, row in found.reminders.items() if row.next is None}
        assert not parked, f"{name} has given up the reminders {parked}"

    async def _check_ledger(self, store: Store, where: str) -> None:
        """What is in the projection's table is what it has passed of the journal, each event once."""
        offset = await store._offset("Ledger")
        assert offset is not None
        passed: list[tuple[int, str]] = []
        async for record in store.events(Account, after=self.projected):
            if record.position > offset.position:
                break
            passed.append((record.position, record.event_id))
        table = await ledger_rows(where, self.projected)
        differing = sorted(Counter(table) - Counter(passed)), sorted(Counter(passed) - Counter(table))
        assert table == passed, f"the table has too much, and too little: {differing}, of {len(passed)}"
        self.projected = offset.position

    async def check_projection(self, where: str) -> None:
        """Let the projection come to the end, and see that its table is the whole journal."""
        store = open_store(where)
        async with ActorSystem(store=store) as system:
            last = await store.position()
            ledger = await system.spawn(Ledger)
            await until(lambda: ledger._cell.instance.position >= last, timeout=_HUNG)
            self.projected = 0
            await self._check_ledger(store, where)

    async def check_reminders(self, where: str) -> None:
        """Have all reminders served, however long that takes, and see that none is lost, and none is served twice."""
        store = open_store(where)
        async with ActorSystem(store=store) as system:
            for name, numbers in self.reminded.items():
                ref = await system.spawn(Watched, name=name)
                while True:
                    found = await ref.call(Watched.look)
                    self._check_reminders(name, found)
                    if numbers <= {*found.state.served}:
                        break
                    try:
                        async with asyncio.timeout(_HUNG):
                            await found.next_one.wait()
                    except TimeoutError:
                        raise AssertionError(f"nothing serves {name}: {found} at {time.time()}") from None
                ref.close()
            report = await store.verify()
            assert report.problems == (), report.problems[:3]


@dataclass(frozen=True)
class Found:
    """What an account has come to, as of one turn of it."""

    state: Books
    sequence: int
    done: dict[str, Any]
    reminders: dict[str, Any]
    next_one: asyncio.Event
    """Set when a reminder has been served after this."""


class Watched(Account):
    """An account that is looked at, and tells when it has served a reminder."""

    kind = "Account"

    def __init__(self) -> None:
        self.served = asyncio.Event()

    async def receive(self, message: Transfer | Remind | Served) -> Any:
        try:
            return await super().receive(message)
        finally:
            self.served.set()
            self.served = asyncio.Event()

    def look(self) -> Found:
        assert self._journal is not None
        alarms = self._journal.alarms
        rows = {} if alarms is None else {key: entry.row for key, entry in alarms._entries.items()}
        return Found(self.state, self.sequence, dict(self._journal.done or {}), rows, self.served)


async def ledger_rows(where: str, after: int) -> list[tuple[int, str]]:
    """Return the projection's table from a position on, read past the store."""
    query = f"SELECT position, event_id FROM ledger WHERE position > {after} ORDER BY position"
    if not where.startswith("postgresql:"):
        with contextlib.closing(sqlite3.connect(f"file:{where}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()
    import asyncpg

    connection = await asyncpg.connect(where)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    done, _ = await asyncio.wait([asyncio.ensure_future(one) for one in work])
    for one in done:
        one.result()


async def rounds(where: str, count: int, seed: int = 0) -> Audit:
    """Kill a victim `count` times on one store, and audit it after each."""
    draw, audit = random.Random(seed), Audit()
    for number in range(count):
        await _one(where, f"{seed}.{number}", audit, draw.uniform(0.05, 0.6))
        await audit.check(where, audit.touched)
        audit.touched.clear()
    await audit.check(where, {**audit.tried, **audit.asked})
    await audit.check_reminders(where)
    await audit.check_projection(where)
    return audit


def _kill(pid: int) -> None:
    # Not by the process object: it would look whether the process has ended, and take that news from the loop.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def _one(where: str, seed: str, audit: Audit, patience: float) -> None:
    """Let a victim work for a while, kill it, and hear all that it has said."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.persistence.kills.victim",
        where,
        seed,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert victim.stdout is not None
    try:
        unheard, killing = {b"open", b"ack", b"reminded"}, None
        async for line in victim.stdout:
            if line.endswith(b"\n"):
                audit.hear(line.decode())
                unheard.discard(line.split(maxsplit=1)[0])
            if killing is None and not unheard:  # it has done some of each, however slow the machine is
                killing = asyncio.get_running_loop().call_later(patience, _kill, victim.pid)
        if killing is not None:
            killing.cancel()
    finally:
        if victim.returncode is None:
            _kill(victim.pid)
        await victim.wait()
    assert victim.returncode == -signal.SIGKILL, "the victim has ended by itself"
