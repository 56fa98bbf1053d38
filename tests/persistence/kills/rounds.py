"""The rounds of killing: starts the victim, kills it at a random moment, and audits what it has left."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actorio import ActorSystem
from tests.persistence.kills.victim import Account, Books, open_store

__all__ = ["Audit", "rounds"]

ROOT = Path(__file__).parents[3]


@dataclass
class Audit:
    """What the victims have said over all rounds, by account."""

    acknowledged: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    tried: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    reminded: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    asked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    sequences: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lines: int = 0

    def hear(self, line: str) -> None:
        """Note one line of a victim."""
        what, *words = line.split()
        self.lines += 1
        if what == "try":
            self.tried[words[0]][words[1]] = int(words[2])
        elif what == "ack":
            self.acknowledged[words[0]][words[1]] = int(words[2])
            self.sequences[words[0]] = max(self.sequences[words[0]], int(words[3]))
        elif what == "remind":
            self.asked[words[0]].add(words[1])
        elif what == "reminded":
            self.reminded[words[0]].add(words[1])

    async def check(self, where: str) -> int:
        """Recover every account, and compare; returns how many events are stored."""
        store = open_store(where)
        async with ActorSystem(store=store) as system:
            report = await store.verify()
            assert report.problems == (), report.problems[:3]
            for name in {**self.tried, **self.asked}:
                ref = await system.spawn(Account, name=name)
                state, sequence, done = await ref.submit(_look, ref)
                self._check(name, state, sequence, done)
                ref.close()
        return report.events

    def _check(self, name: str, state: Books, sequence: int, done: dict[str, Any]) -> None:
        assert state.taken == state.given, f"{name} has half a command: {state}"
        assert sequence >= self.sequences[name], (
            f"{name} is at {sequence}; {self.sequences[name]} was acknowledged"
        )
        lost = self.acknowledged[name].keys() - done.keys()
        assert not lost, f"{name} has lost {lost}"
        written = sum(amount for once, amount in self.tried[name].items() if once in done)
        assert state.taken == written, f"{name} has {state.taken}, and {written} was carried out"
        assert len(set(state.served)) == len(state.served), f"{name} was served twice: {state.served}"

    async def check_reminders(self, where: str) -> None:
        """Have all reminders served, and see that none is lost, and none was served twice."""
        store = open_store(where)
        async with ActorSystem(store=store) as system:
            for name, numbers in self.reminded.items():
                ref = await system.spawn(Account, name=name)
                for _ in range(3_000):  # a store looks for what is due every few seconds
                    state, _, _ = await ref.submit(_look, ref)
                    if numbers <= {*state.served}:
                        break
                    await asyncio.sleep(0.01)
                assert numbers <= {*state.served}, f"{name} was never served {numbers - {*state.served}}"
                assert {*state.served} <= self.asked[name]
                assert len(set(state.served)) == len(state.served), f"{name} was served twice: {state.served}"
                ref.close()


def _look(ref: Any) -> Any:
    actor = ref._cell.instance
    return actor.state, actor.sequence, dict(actor._journal.done or {})


async def rounds(where: str, count: int, seed: int = 0) -> Audit:
    """Kill a victim `count` times on one store, and audit it after each."""
    draw, audit = random.Random(seed), Audit()
    for number in range(count):
        await _one(where, f"{seed}.{number}", audit, draw.uniform(0.05, 0.6))
        await audit.check(where)
    await audit.check_reminders(where)
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
        assert await victim.stdout.readline() == b"open\n"
        killing = asyncio.get_running_loop().call_later(patience, _kill, victim.pid)
        async for line in victim.stdout:
            if line.endswith(b"\n"):
                audit.hear(line.decode())
        killing.cancel()
    finally:
        if victim.returncode is None:
            _kill(victim.pid)
        await victim.wait()
    assert victim.returncode == -signal.SIGKILL, "the victim has ended by itself"
