"""Measures what looking costs: rates with each part on, as ratios to the same work with nothing on.

The two take turns in one process, so that what else the machine does hits both; the best of each counts, by the
processor time of the whole process, its threads among it. Where somebody looks from outside, it is by the clock, and he
is a process of his own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import NoOpTracerProvider
from rich.table import Table

from actorio import Actor, ActorRef, ActorSystem
from actorio.observability import Observatory, Recorder, Telemetry

__all__ = ["Ratio", "measure_looking", "ratios_as_json", "ratios_as_table"]

MANY = 100_000
VIEWS = ("/api/overview", "/api/actors", "/api/tree", "/api/waits", "/api/failures", "/api/letters")
WATCHED = 4.0
CENSUS_SECONDS = 0.06


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure beside what it has to be.

    Attributes:
        part: what is on.
        work: what was measured.
        figure: the ratio to nothing on; of the census, seconds of processor time.
        target: the least ratio, or the most seconds.
    """

    part: str
    work: str
    figure: float
    target: float

    @property
    def is_met(self) -> bool:
        """Tell whether it is as good as it has to be."""
        return self.figure <= self.target if self.part == "census" else self.figure >= self.target


class Echo(Actor[Any]):
    """Answers with what it is asked."""

    async def receive(self, message: Any) -> Any:
        return message


class Ring(Actor[int]):
    """Hands a number on, one less each time."""

    def __init__(self) -> None:
        self.following: ActorRef[Ring] | None = None
        self.over: asyncio.Event | None = None

    async def receive(self, message: int) -> None:
        if message and self.following is not None:
            await self.following.send(message - 1)
        elif self.over is not None:
            self.over.set()


async def ask(system: ActorSystem, count: int) -> None:
    echo = await system.spawn(Echo)
    for number in range(count):
        await echo.ask(number)


async def send(system: ActorSystem, count: int) -> None:
    echo = await system.spawn(Echo)
    for number in range(count):
        await echo.send(number)
    await echo.ask(0)


async def ring(system: ActorSystem, count: int) -> None:
    refs = [await system.spawn(Ring) for _ in range(100)]
    over = asyncio.Event()
    for at, ref in enumerate(refs):
        ref._cell.instance.following = refs[(at + 1) % len(refs)]
        ref._cell.instance.over = over
    await refs[0].send(count)
    await over.wait()


async def spawn(system: ActorSystem, count: int) -> None:
    for _ in range(count // 10):
        ref = await system.spawn(Echo)
        ref.stop()


Work = Callable[[ActorSystem, int], Coroutine[Any, Any, None]]
WORK: dict[str, Work] = {"ask": ask, "send": send, "ring": ring, "spawn": spawn}
COUNTS = {"ask": 100_000, "send": 500_000, "ring": 300_000, "spawn": 200_000}
"""A few tenths of a second each: less, and the start of a thread would show."""
UNSEEN = 0.95
TIMED = {"ask": 0.88, "send": 0.72}
RECORDED = {"ask": 0.70, "send": 0.45}
TRACED = {"ask": 0.85, "send": 0.72}
WATCHED_AT_LEAST = 0.85


@contextlib.asynccontextmanager
async def nothing(system: ActorSystem) -> AsyncIterator[None]:
    yield


def unseen(system: ActorSystem) -> Any:
    return Observatory(system, socket=False)


def timed(system: ActorSystem) -> Any:
    return Observatory(system, socket=False, timing=True)


@contextlib.asynccontextmanager
async def recorded(system: ActorSystem) -> AsyncIterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        async with Recorder(system, folder):
            yield


def traced(system: ActorSystem) -> Any:
    return Telemetry(system, tracer_provider=NoOpTracerProvider(), metrics=False)


def measure_looking(*, quick: bool, repetitions: int, begin: Callable[[str], None]) -> list[Ratio]:
    """Measure all parts."""
    counts = dict.fromkeys(WORK, 1000) if quick else COUNTS
    found = []
    for part, on, targets in (
        ("unseen", unseen, dict.fromkeys(WORK, UNSEEN)),
        ("timing", timed, TIMED),
        ("recorder", recorded, RECORDED),
        ("telemetry, nothing sampled", traced, TRACED),
    ):
        for name, target in targets.items():
            begin(f"{part} {name}")
            found.append(Ratio(part, name, _ratio(WORK[name], on, counts[name], repetitions), target))
    many = 1000 if quick else MANY
    begin(f"census of {many}")
    found.append(Ratio("census", f"{many} actors", asyncio.run(_census(many, repetitions)), CENSUS_SECONDS))
    begin("six views a second")
    found.append(
        Ratio(
            "six views a second",
            f"ask, {many} actors",
            asyncio.run(_watched(many, quick=quick)),
            WATCHED_AT_LEAST,
        )
    )
    return found


def _ratio(work: Work, on: Callable[[ActorSystem], Any], count: int, repetitions: int) -> float:
    off = seconds = float("inf")
    for _ in range(max(repetitions, 2)):
        off = min(off, asyncio.run(_seconds(work, nothing, count)))
        seconds = min(seconds, asyncio.run(_seconds(work, on, count)))
    return off / seconds


async def _seconds(work: Work, on: Callable[[ActorSystem], Any], count: int) -> float:
    async with ActorSystem() as system, on(system):
        gc.collect()
        began = time.process_time()
        await work(system, count)
        return time.process_time() - began


async def _census(many: int, repetitions: int) -> float:
    async with ActorSystem() as system, Observatory(system, socket=False, blocked_after=60.0) as observatory:
        for _ in range(many):
            await system.spawn(Echo)
        gc.collect()
        gc.freeze()
        await observatory.overview()
        seconds = []
        for _ in range(max(repetitions, 3)):
            await asyncio.sleep(0.3)
            seconds.append((await observatory.overview()).scan_seconds)
        gc.unfreeze()
        return min(seconds)


async def _watched(many: int, *, quick: bool) -> float:
    """Return the rate of asks while somebody looks at six views a second, as a ratio to that while nobody does."""
    async with ActorSystem() as system, Observatory(system, blocked_after=60.0) as observatory:
        for _ in range(many):
            await system.spawn(Echo)
        echo = await system.spawn(Echo)
        gc.collect()
        gc.freeze()
        seconds = 0.3 if quick else WATCHED
        rates: dict[bool, float] = {False: 0.0, True: 0.0}
        for looked_at in (False, True, False, True):
            looker = _looker(str(observatory.socket)) if looked_at else None
            try:
                rates[looked_at] = max(rates[looked_at], await _rate(echo, seconds))
            finally:
                if looker is not None:
                    looker.kill()
                    looker.wait()
        gc.unfreeze()
        return rates[True] / rates[False]


async def _rate(echo: ActorRef[Echo], seconds: float) -> float:
    await asyncio.sleep(0.5)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(100):
            await echo.ask(1)
        count += 100
    return count / (time.perf_counter() - began)


def _looker(socket: str) -> subprocess.Popen[bytes]:
    """Start a process that asks for one view after the other, six a second."""
    program = (
        "import httpx, itertools, json, sys, time\n"
        "socket, views = json.loads(sys.argv[1])\n"
        "client = httpx.Client(base_url='http://x', transport=httpx.HTTPTransport(uds=socket), timeout=30)\n"
        "for view in itertools.cycle(views):\n"
        "    began = time.monotonic()\n"
        "    client.get(view).raise_for_status()\n"
        "    time.sleep(max(0, 1 / 6 - (time.monotonic() - began)))\n"
    )
    return subprocess.Popen([sys.executable, "-c", program, json.dumps([socket, VIEWS])])


def ratios_as_table(ratios: list[Ratio]) -> Table:
    """Return a table for the terminal."""
    table = Table("part", "work", "figure", "target", "met", title="what looking costs")
    for one in ratios:
        unit = " s" if one.part == "census" else ""
        table.add_row(
            one.part,
            one.work,
            f"{one.figure:.3f}{unit}",
            f"{one.target:g}{unit}",
            "yes" if one.is_met else "no",
        )
    return table


def ratios_as_json(ratios: list[Ratio]) -> list[dict[str, Any]]:
    """Return the figures as what `json` can write."""
    return [
        {"part": one.part, "work": one.work, "figure": round(one.figure, 4), "target": one.target}
        for one in ratios
    ]
