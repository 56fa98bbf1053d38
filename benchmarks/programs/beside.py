"""The latency of asks under load, with idle actors beside: `python -m benchmarks.programs.beside`.

Many actors are asked by as many tasks at once, without a pause; what is told is how long one ask takes, at the median
and at the far end, and how long the collector held everything up meanwhile. `--freeze` has the collector leave alone
what there is when the load begins.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import time
from dataclasses import dataclass
from typing import Any

from actorio import Actor, ActorSystem

__all__ = ["Latency", "measure"]


class Busy(Actor[int]):
    """Computes for about a microsecond."""

    def receive(self, message: int) -> int:
        return sum(range(20))


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the asks of one run took, in seconds, and its full collections."""

    count: int
    p50: float
    p99: float
    p999: float
    longest: float
    full_collections: int
    longest_collection: float


async def measure(  # noqa: PLR0915 (most of it is what is told)
    askers: int, idle: int, asks: int, *, freeze: bool = False
) -> Latency:
    """Measure the asks of so many tasks, so many each, beside so many idle actors."""
    took: list[float] = []
    pauses: list[float] = []
    began = 0.0

    def watch(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        elif info["generation"] == 2:
            pauses.append(time.perf_counter() - began)

    async with ActorSystem() as system:
        beside: list[Any] = [await system.spawn(Busy) for _ in range(idle)]
        refs = [await system.spawn(Busy) for _ in range(askers)]
        gc.collect()
        if freeze:
            gc.freeze()
        gc.callbacks.append(watch)
        try:
            async with asyncio.TaskGroup() as group:
                for ref in refs:
                    group.create_task(_ask(ref, asks, took))
        finally:
            gc.callbacks.remove(watch)
            gc.unfreeze()
        del beside
    took.sort()
    return Latency(
        len(took),
        *(took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99, 0.999)),
        took[-1],
        len(pauses),
        max(pauses, default=0.0),
    )


async def _ask(ref: Any, asks: int, took: list[float]) -> None:
    for number in range(asks):
        began = time.perf_counter()
        await ref.ask(number)
        took.append(time.perf_counter() - began)


def main() -> None:
    """Measure, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--askers", type=int, default=1_000)
    parser.add_argument("--idle", type=int, default=100_000)
    parser.add_argument("--asks", type=int, default=300, help="of each asker")
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # so many actors take their time to end
    found = asyncio.run(measure(options.askers, options.idle, options.asks, freeze=options.freeze))
    print(
        f"{found.count:,} asks: p50 {found.p50 * 1e3:.2f}, p99 {found.p99 * 1e3:.2f}, "
        f"p99.9 {found.p999 * 1e3:.2f}, longest {found.longest * 1e3:.2f} ms; "
        f"{found.full_collections} full collections, the longest {found.longest_collection * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    main()
