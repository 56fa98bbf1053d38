"""The load of the simulation: few nodes, much trouble.

`python -m tests.cluster.load 10000` runs so many seeds, `python -m tests.cluster.load 1 --first 4711` one again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, Ask, NameNotFoundError, Terminated
from actorio.cluster import Cluster, ClusterState, Entity
from actorio.cluster.store import unescape
from actorio.testing import SimulatedNetwork, SimulationResult, SimulationSettings, simulate

NODES = ("a", "b", "c", "keeper")
KEYS = "uvwxyz"
LEASE, HEARTBEAT = 2.0, 0.5
END = 12.0
"""Virtual seconds of trouble, after which all is healed."""


@dataclass(frozen=True)
class Note(Ask[int]):
    """The `number`th message of a sender to one target."""

    sender: str
    number: int


class Run:
    """What one run has seen: every note that was handled, in order."""

    def __init__(self) -> None:
        self.network = SimulatedNetwork(latency=0.01, loss=0.02, lost_answers=0.02)
        self.random: random.Random = asyncio.get_running_loop().random  # type: ignore[attr-defined]
        self.handled: dict[tuple[str, str], list[int]] = {}
        self.outcomes: Counter[str] = Counter()
        self.broken: list[str] = []
        """Claims that failed, also where an actor's supervisor would see it alone."""
        self.lives = 0

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def claim(self, *, holds: bool, broken: str) -> None:
        if not holds:
            self.broken.append(broken)

    def handle(self, target: str, note: Note) -> None:
        seen = self.handled.setdefault((target, note.sender), [])
        before = seen[-1] if seen else 0
        self.claim(holds=before < note.number, broken=f"{target} handles {note} after {before}")
        seen.append(note.number)


RUN: list[Run] = []


class Account(Actor[Note]):
    """An entity whose handler sometimes waits."""

    def __init__(self, key: str) -> None:
        self.key = key

    async def receive(self, message: Note) -> int:
        if message.number % 4 == 0:
            await asyncio.sleep(RUN[0].random.random() * 0.05)
        RUN[0].handle(self.key, message)
        return message.number


class Sink(Actor[Note]):
    """A plain actor with a small mailbox."""

    def __init__(self, name: str) -> None:
        self.own = name

    async def receive(self, message: Note) -> int:
        if message.number % 7 == 0:
            await asyncio.sleep(RUN[0].random.random() * 0.02)
        RUN[0].handle(self.own, message)
        return message.number


class Ticker(Actor[Note]):
    """A singleton."""

    async def receive(self, message: Note) -> int:
        RUN[0].handle("ticker", message)
        return message.number


class Watcher(Actor[Any]):
    """Watches sinks; that it is told of each once, an oracle sees."""

    async def receive(self, message: Any) -> None:
        self.context.watch(message)

    async def on_terminated(self, event: Terminated) -> None:
        RUN[0].outcomes["told"] += 1


class Node:
    """One life of one node, and what its program does."""

    def __init__(self, run: Run, name: str, life: int) -> None:
        self.run = run
        self.name = name
        self.me = f"{name}{life}"
        self.sent: Counter[str] = Counter()
        self.asks: dict[asyncio.Task[None], None] = {}

    async def live(self) -> None:
        run = self.run
        stays = END if self.name == "keeper" else run.now + 3.0 + run.random.random() * 10.0
        engine = run.network.engine()
        async with ActorSystem(self.name) as system:
            cluster = Cluster(
                system,
                engine=engine,
                node=self.name,
                name="load",
                entities=[Entity(Account, shards=8, idle=run.random.choice([None, 0.5]))],
                uses=[Sink, Ticker],
                lease=LEASE,
                heartbeat=HEARTBEAT,
                rebalance_interval=2.0,
                ask_timeout=200.0,  # an ask that hangs is to be seen
            )
            async with cluster:
                sink = await system.spawn(Sink, f"sink {self.me}", name=f"sink-{self.me}")
                self.watcher = await system.spawn(Watcher)
                with contextlib.suppress(Exception):  # detached at this moment
                    await cluster.register(f"sink.{self.me}", sink)
                with contextlib.suppress(Exception):
                    await cluster.singleton(Ticker, name="ticker")
                while run.now < min(stays, END) and cluster.state is not ClusterState.LEFT:
                    self.act(cluster)
                    await asyncio.sleep(run.random.random() * 0.2)
                if run.now >= END:
                    await self.finish(cluster)
        left = run.now
        while self.asks:
            assert run.now < left + 60.0, f"{self.me} has left, and an ask waits for ever"
            await asyncio.sleep(0.05)

    async def finish(self, cluster: Cluster) -> None:
        """All is healed: wait until all are well."""
        while self.asks or not cluster._life.router.is_quiet:
            assert self.run.now < END + 60.0, f"{self.me} waits for ever"
            await asyncio.sleep(0.1)
        for key in KEYS:
            assert await cluster.entity(Account, key).ask(self.note(key), timeout=20.0) > 0
        self.run.network.oracles.check_watches(LEASE + 2 * HEARTBEAT + 1.0)
        self.run.outcomes["finished"] += 1
        while self.run.outcomes["finished"] < self.run.lives and self.run.now < END + 30.0:
            await asyncio.sleep(0.2)

    def note(self, target: str) -> Note:
        self.sent[target] += 1
        return Note(self.me, self.sent[target])

    def act(self, cluster: Cluster) -> None:
        chance = self.run.random.random
        key = self.run.random.choice(KEYS)
        ref: ActorRef[Any] = cluster.entity(Account, key)
        if chance() < 0.15 and cluster._life.region.shards:
            shard = self.run.random.choice(list(cluster._life.region.shards.values()))
            cluster._life.start(cluster._life.region.give_up(shard), "handover")
        if chance() < 0.1:
            for _ in range(10):
                ref.send(self.note(key))
        self.send_or_ask(ref, key)
        for target, other in self.sinks(cluster):
            if chance() < 0.4:
                self.send_or_ask(other, target)
            elif chance() < 0.1 and self.watcher.is_alive:
                self.watcher.send(other)

    def sinks(self, cluster: Cluster) -> Iterator[tuple[str, ActorRef[Any]]]:
        for name in map(unescape, list(cluster._life.view.names)):
            with contextlib.suppress(NameNotFoundError):
                yield name.replace(".", " "), cluster.lookup(name)

    def send_or_ask(self, ref: ActorRef[Any], target: str) -> None:
        if self.run.random.random() < 0.5:
            ref.send(self.note(target))
            return
        task = asyncio.ensure_future(self.ask(ref, target))
        self.asks[task] = None
        task.add_done_callback(lambda done: self.asks.pop(done, None))

    async def ask(self, ref: ActorRef[Any], target: str) -> None:
        note = self.note(target)
        try:
            answer = await ref.ask(note, timeout=self.run.random.choice([None, 0.4]))
            handled = self.run.handled.get((target, self.me), [])
            self.run.claim(
                holds=answer == note.number and note.number in handled,
                broken=f"{note} is answered with {answer}, and {target} has handled {handled[-3:]}",
            )
            self.run.outcomes["ok"] += 1
        except Exception as error:
            self.run.outcomes[type(error).__name__] += 1


async def trouble(run: Run) -> None:
    """Cut, stop, forget, crash, drift."""
    network, chance = run.network, run.random.random
    while run.now < END - 4.0:
        await asyncio.sleep(chance() * 3.0)
        what = chance()
        if what < 0.45:
            node = run.random.choice(NODES)
            network.cut(node)
            await asyncio.sleep(chance() * 3.5)
            network.heal(node)
        elif what < 0.65:
            network.stop_engine()
            await asyncio.sleep(chance() * 2.5)
            network.start_engine(forget=chance() < 0.15)
        elif what < 0.8:
            network.crash(run.random.choice(NODES[:3]))
        else:
            network.drift(run.random.choice(NODES), 0.96 + chance() * 0.08)
    network.heal()
    network.loss = network.lost_answers = 0.0


async def lives_of(run: Run, name: str) -> None:
    """One life after another; only what the load itself asserts may fail it."""
    life = 0
    while run.now < END - 0.5:
        life += 1
        run.lives += 1
        node = Node(run, name, life)
        try:
            await node.live()
        except AssertionError:
            raise
        except (Exception, BaseExceptionGroup) as error:
            run.outcomes[f"life {type(error).__name__}"] += 1
        if run.now < END:
            run.lives -= 1
        await asyncio.sleep(run.random.random())


async def load() -> dict[str, int]:
    """Run the load; returns how often what happened."""
    run = Run()
    RUN[:] = [run]
    await asyncio.gather(*(lives_of(run, name) for name in NODES), trouble(run))
    run.network.oracles.check_fates(40.0)
    assert not run.broken, run.broken[:3]
    run.outcomes["handled"] = sum(map(len, run.handled.values()))
    return dict(run.outcomes)


def run_seed(seed: int) -> SimulationResult[dict[str, int]]:
    """Run one seed."""
    policy = "random" if seed % 2 else "fifo"
    return simulate(load, seed=seed, policy=policy, settings=SimulationSettings(max_steps=3_000_000))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--stop", action="store_true", help="at the first failure")
    options = parser.parse_args()
    began, failed, totals = time.perf_counter(), 0, Counter[str]()
    for seed in range(options.first, options.first + options.runs):
        result = run_seed(seed)
        if result.error is None:
            totals.update(result.value or {})
            continue
        failed += 1
        error = str(result.error).replace("\n", " ")
        print(f"seed {seed}: {type(result.error).__name__}: {error[:500]}", flush=True)
        if options.stop:
            break
    print(f"{options.runs} runs, {failed} failed, {time.perf_counter() - began:.1f} s, {dict(totals)}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
