"""Many entities on a few nodes: `python -m benchmarks.cluster.entities`, 100,000 on three nodes unless told otherwise.

Each node is a process; a further one, which hosts none, asks each entity once, which activates it, and then once more.
What is told is the time of both, where the entities are, and by how much the processes have grown for each.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actorio import Actor, ActorSystem, Ask
from actorio.cluster import Cluster, NatsServer
from actorio.cluster.server import engine_of

__all__ = ["Found", "measure"]

LEASE = 60.0
"""Seconds: a machine whose cores are fewer than the nodes must not cost one of them its lease."""


@dataclass(frozen=True)
class Add(Ask[int]):
    """Adds to the balance, which is the answer."""

    amount: int


class Account(Actor[Add]):
    """An entity with a number."""

    def __init__(self, key: str) -> None:
        self.balance = 0

    def receive(self, message: Add) -> int:
        self.balance += message.amount
        return self.balance


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds that the first asks took, and the second ones; entities on each node; bytes for each entity."""

    count: int
    first: float
    second: float
    hosted: tuple[int, ...]
    bytes_each: float
    bytes_each_of_asker: float


def resident() -> int:
    """Return the bytes of memory that this process holds now."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


async def host(url: str, token: str, node: str) -> None:
    """Host entities; a line on standard input is answered with how many there are, and the memory held."""
    logging.disable(logging.WARNING)
    loop = asyncio.get_running_loop()
    async with (
        ActorSystem("many") as system,
        Cluster(system, node=node, engine=engine_of(url, token), entities=[Account], lease=LEASE) as cluster,
    ):
        print("up", flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps([len(cluster.snapshot().activations), resident()]), flush=True)
        os._exit(0)  # the benchmark is over: nobody waits for so many entities to end


async def _start(url: str, token: str, node: str) -> Any:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.cluster.entities",
        "--host",
        url,
        token,
        node,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert (await child.stdout.readline()).strip() == b"up"  # type: ignore[union-attr]
    return child


async def _told(children: list[Any]) -> list[tuple[int, int]]:
    for child in children:
        child.stdin.write(b"\n")
    return [tuple(json.loads(await child.stdout.readline())) for child in children]


async def _ask_each(refs: list[Any], width: int, answer: int) -> float:
    """Ask each once, so many at a time; returns the seconds it took."""
    left = iter(refs)

    async def work() -> None:
        for ref in left:
            assert await ref.ask(Add(1)) == answer

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(work())
    return time.perf_counter() - began


async def measure(count: int, nodes: int, width: int) -> Found:
    """Measure so many entities on so many nodes, with so many asks in flight."""
    async with NatsServer() as server:
        children = [await _start(server.url, server.token, f"host-{number}") for number in range(nodes)]
        try:
            async with (
                ActorSystem("many") as system,
                Cluster(
                    system,
                    node="asker",
                    engine=engine_of(server.url, server.token),
                    uses=[Account],
                    lease=LEASE,
                ) as cluster,
            ):
                await cluster.entity(Account, "first").ask(Add(1))
                before, own = await _told(children), resident()
                refs = [cluster.entity(Account, f"account-{number}") for number in range(count)]
                first = await _ask_each(refs, width, 1)
                second = await _ask_each(refs, width, 2)
                after, own = await _told(children), resident() - own
        finally:
            for child in children:
                child.kill()
                await child.wait()
    grown = sum(now for _, now in after) - sum(then for _, then in before)
    return Found(count, first, second, tuple(each for each, _ in after), grown / count, own / count)


def main() -> None:
    """Measure, and print a line; or host, for one that measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--width", type=int, default=1_000, help="asks in flight")
    parser.add_argument("--host", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.host:
        asyncio.run(host(*options.host))
        return
    found = asyncio.run(measure(options.count, options.nodes, options.width))
    print(
        f"{found.count:,} entities on {options.nodes} nodes ({', '.join(f'{each:,}' for each in found.hosted)}): "
        f"activated and answered in {found.first:.2f} s, asked again in {found.second:.2f} s; "
        f"{found.bytes_each:,.0f} B each on its node, {found.bytes_each_of_asker:,.0f} B for the ref of the asker"
    )


if __name__ == "__main__":  # by its own name, so that all processes mean the same types
    import importlib

    importlib.import_module("benchmarks.cluster.entities").main()
