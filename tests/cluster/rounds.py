"""Rounds of trouble on real processes: `python -m tests.cluster.rounds 200`.

Three nodes in processes of their own host durable accounts on PostgreSQL; one more sends them deposits, one after the
other. In each round something breaks: a node is killed, frozen, cut off or restarted, the server is frozen or killed.
In the end each account is asked for all it has: no acknowledged deposit may be missing, none may be there twice or
out of turn, and no two activations of an account may have worked at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from actorio import ActorSystem
from actorio.cluster import Cluster, Nats
from actorio.persistence import PostgresStore
from tests.cluster.real import HEARTBEAT, LEASE, Child, child, node, outcome, say, until
from tests.cluster.savings import KIND, Deposit, Savings, Tell
from tests.cluster.servers import Proxy, Server
from tests.persistence.pg import Server as Postgres

KEYS = tuple(f"account/{number}" for number in range(10))
NODES = ("n1", "n2", "n3")
BETWEEN = 0.01


async def run_node(url: str, name: str, store: str, journal: str) -> None:
    """Host accounts until a signal comes."""
    with Path(journal).open("a", buffering=1) as file:  # noqa: ASYNC230 (a line a turn)
        Savings.journal = file
        async with (
            ActorSystem(name, store=PostgresStore(store), handle_signals=True) as system,
            Cluster(
                system,
                engine=Nats(url),
                node=name,
                name="shop",
                entities=[KIND],
                lease=LEASE,
                heartbeat=HEARTBEAT,
                rebalance_interval=1.0,
            ),
        ):
            say("up")
            await asyncio.Event().wait()


class Rounds:
    """The nodes, what was done to them, and what was asked of them."""

    def __init__(self, server: Server, directory: Path, store: str, seed: int) -> None:
        self.server, self.directory, self.store = server, directory, store
        self.random = random.Random(seed)
        self.children: dict[str, Child] = {}
        self.proxies: dict[str, Proxy] = {}
        self.frozen: list[tuple[str, float, float]] = []
        self.acknowledged: dict[str, list[int]] = {key: [] for key in KEYS}
        self.outcomes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._stacks: dict[str, contextlib.AsyncExitStack] = {}
        self._sent: Counter[str] = Counter()

    async def start(self, name: str) -> None:
        stack = self._stacks[name] = contextlib.AsyncExitStack()
        proxy = self.proxies[name] = await stack.enter_async_context(Proxy(self.server.port))
        journal = self.directory / f"{name}.journal"
        self.children[name] = await stack.enter_async_context(
            child(
                f"nats://127.0.0.1:{proxy.port}",
                name,
                self.store,
                str(journal),
                module="tests.cluster.rounds",
                within=90.0,
            )
        )

    async def stop(self, name: str) -> None:
        await self._stacks.pop(name).aclose()

    async def close(self) -> None:
        for name in list(self._stacks):
            await self.stop(name)

    async def load(self, cluster: Cluster, key: str) -> None:
        """Send one deposit after the other, none again."""
        ref = cluster.entity(Savings, key, name="savings")
        while True:
            self._sent[key] += 1
            number = self._sent[key]
            answer = await outcome(ref.ask(Deposit(number), timeout=20.0))
            if answer == number:
                self.acknowledged[key].append(number)
            self.outcomes[type(answer).__name__] += 1
            await asyncio.sleep(BETWEEN)

    async def break_something(self, what: str) -> None:
        """Break it, and mend it."""
        self.faults[what] += 1
        name, chance = self.random.choice(NODES), self.random.random
        process = self.children[name].process
        if what == "kill a node":
            process.kill()
            await process.wait()
            await asyncio.sleep(chance() * 2 * LEASE)
            await self.stop(name)
            await self.start(name)
        elif what == "restart a node":
            await self.children[name].end()
            await self.stop(name)
            await self.start(name)
        elif what == "freeze a node":
            began = time.monotonic()
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(LEASE * (0.5 + chance() * 2))
            process.send_signal(signal.SIGCONT)
            self.frozen.append((name, began, time.monotonic()))
        elif what == "cut a node off":
            self.proxies[name].freeze()
            await asyncio.sleep(LEASE * (0.2 + chance() * 2))
            self.proxies[name].thaw()
        elif what == "freeze the server":
            self.server.freeze()
            await asyncio.sleep(LEASE * chance() * 1.5)
            self.server.thaw()
        else:
            await self.server.kill()
            await asyncio.sleep(LEASE * chance() * 1.5)
            await self.server.start(forget="lose" in what)

    async def check(self, cluster: Cluster) -> dict[str, Any]:
        """Ask each account for all it has; count what is wrong."""
        lost = doubled = disordered = 0
        for key in KEYS:
            kept = await cluster.entity(Savings, key, name="savings").ask(Tell(), timeout=60.0)
            lost += len(set(self.acknowledged[key]) - set(kept))
            doubled += len(kept) - len(set(kept))
            disordered += kept != sorted(kept)
        return {
            "acknowledged": sum(map(len, self.acknowledged.values())),
            "not_known": sum(count for name, count in self.outcomes.items() if name != "int"),
            "lost": lost,
            "doubled": doubled,
            "disordered": disordered,
            "overlaps": self._overlaps(),
            "outcomes": dict(self.outcomes),
            "faults": dict(self.faults),
        }

    def _overlaps(self) -> int:
        """Count turns of two nodes that overlap; one in which its node was frozen ends after the thaw."""
        turns: dict[str, list[tuple[float, float, str]]] = {key: [] for key in KEYS}
        for name in NODES:
            for line in (self.directory / f"{name}.journal").read_text().splitlines():
                key, began, ended = line.split()
                if not any(
                    at == name and float(began) < till and since < float(ended)
                    for at, since, till in self.frozen
                ):
                    turns[key].append((float(began), float(ended), name))
        overlaps = 0
        for each in turns.values():
            each.sort()
            overlaps += sum(
                before[1] > after[0] and before[2] != after[2] for before, after in pairwise(each)
            )
        return overlaps

    def _was_frozen(self, name: str, began: float, ended: float) -> bool:
        return any(at == name and began < till and since < ended for at, since, till in self.frozen)


FAULTS = (
    "kill a node",
    "restart a node",
    "freeze a node",
    "cut a node off",
    "freeze the server",
    "kill the server",
    "have the server lose its store",
)


async def run_rounds(
    directory: Path, store: str, faults: list[str], *, seed: int = 1, tell: Any = lambda text: None
) -> dict[str, Any]:
    """Run a round for each fault; returns what was found."""
    async with Server(directory) as server:
        rounds = Rounds(server, directory, store, seed)
        try:
            await asyncio.gather(*map(rounds.start, NODES))
            async with node(server, "client", entities=[], actors=[], uses=[KIND]) as client:
                load = [asyncio.ensure_future(rounds.load(client, key)) for key in KEYS]
                for number, what in enumerate(faults, 1):
                    await rounds.break_something(what)
                    before = {key: len(done) for key, done in rounds.acknowledged.items()}
                    await until(
                        lambda before=before: (
                            len(client.members) == len(NODES) + 1
                            and all(len(rounds.acknowledged[key]) > before[key] + 5 for key in KEYS)
                        ),
                        within=120.0,
                    )
                    tell(f"{number}: {what}: {sum(map(len, rounds.acknowledged.values()))} acknowledged")
                for task in load:
                    task.cancel()
                await asyncio.gather(*load, return_exceptions=True)
                return await rounds.check(client)
        finally:
            await rounds.close()


@contextlib.asynccontextmanager
async def postgres() -> AsyncIterator[str]:
    """Run a PostgreSQL server; gives its address."""
    server = Postgres()
    try:
        await asyncio.to_thread(server.start)
        yield server.dsn
    finally:
        await asyncio.to_thread(server.stop)


async def main(count: int, seed: int) -> int:
    """Run so many rounds; exit status 1 if a guarantee is broken."""
    draw, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        async with postgres() as store:
            faults = [draw.choice(FAULTS) for _ in range(count)]
            found = await run_rounds(
                Path(directory),
                store,
                faults,
                seed=seed,
                tell=lambda text: print(text, file=sys.stderr, flush=True),
            )
    print(json.dumps({"rounds": count, "seconds": round(time.monotonic() - began), **found}, indent=1))
    return any(found[name] for name in ("lost", "doubled", "disordered", "overlaps"))


def run_command() -> int:
    """Run as the command says; by the module's own name, so that all processes mean the same types."""
    if len(sys.argv) > 2 and not sys.argv[2].startswith("-"):
        asyncio.run(run_node(*sys.argv[1:]))
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=os.getpid())
    options = parser.parse_args()
    return asyncio.run(main(options.rounds, options.seed))


if __name__ == "__main__":
    sys.exit(importlib.import_module("tests.cluster.rounds").run_command())
