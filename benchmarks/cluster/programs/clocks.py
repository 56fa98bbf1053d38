"""Measures one ask, asks in flight and sends, by the standard library alone, and prints them as JSON."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["FIGURES", "figures", "report"]

FIGURES = ("one ask, p50 us", "asks/s, 100", "asks/s, 1000", "sends/s")


async def figures(
    ask: Callable[[], Awaitable[Any]],
    send: Callable[[], Awaitable[Any]],
    count: Callable[[], Awaitable[int]],
    scale: float,
) -> dict[str, float]:
    """Measure one way to ask and to send; `count` says how many came."""
    for _ in range(100):
        await ask()
    times = []
    for _ in range(int(1_000 * scale)):
        began = time.perf_counter()
        await ask()
        times.append(time.perf_counter() - began)
    found = {FIGURES[0]: statistics.median(times) * 1e6}
    for name, width in ((FIGURES[1], 100), (FIGURES[2], 1_000)):
        total = int(15_000 * scale)
        left = iter(range(total))

        async def work(left: Any = left) -> None:
            for _ in left:
                await ask()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(width)))
        found[name] = total / (time.perf_counter() - began)
    before, sends = await count(), int(30_000 * scale)
    began = time.perf_counter()
    for _ in range(sends):
        await send()
    while (came := await count() - before) < sends:
        await asyncio.sleep(0.001)
    if came != sends:
        raise RuntimeError(f"{came} messages came of {sends}")
    found[FIGURES[3]] = sends / (time.perf_counter() - began)
    return found


def report(found: dict[str, float]) -> None:
    """Print the figures."""
    print(json.dumps(found), flush=True)
