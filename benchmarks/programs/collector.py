"""Measures what actors cost the garbage collector: `python -m benchmarks.programs.collector`.

A full collection beside so many actors, idle or after one message, then once they are frozen; and the time to spawn
them under other settings of the collector, each in its own process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import subprocess
import sys
import time
from typing import Any

from actorio import Actor, ActorSystem

__all__ = ["SETTINGS", "collections", "spawning"]

SETTINGS: dict[str, tuple[int, int, int] | None] = {
    "default": (700, 10, 10),
    "third threshold 100": (700, 10, 100),
    "10,000, 50, 100": (10_000, 50, 100),
    "off": None,
}


class Quiet(Actor[Any]):
    """Handles what it gets, and does nothing."""

    def receive(self, message: Any) -> None: ...


def _timed() -> float:
    began = time.process_time()
    gc.collect()
    return time.process_time() - began


async def collections(count: int) -> dict[str, float]:
    """Return the seconds of a full collection: with no actors, with idle ones, after one message each, frozen."""
    found = {}
    gc.collect()
    found["no actors"] = _timed()
    async with ActorSystem() as system:
        refs = [await system.spawn(Quiet) for _ in range(count)]
        gc.collect()
        found["idle"] = _timed()
        for ref in refs:
            await ref.send(1)
        await refs[-1].ask(1)
        gc.collect()
        found["after a message"] = _timed()
        gc.freeze()
        try:
            found["frozen"] = _timed()
        finally:
            gc.unfreeze()
    return found


async def spawning(count: int, setting: str) -> float:
    """Return the seconds that it takes to spawn so many actors under a setting of the collector."""
    before, was_enabled = gc.get_threshold(), gc.isenabled()
    thresholds = SETTINGS[setting]
    if thresholds is None:
        gc.disable()
    else:
        gc.set_threshold(*thresholds)
    try:
        async with ActorSystem() as system:
            began = time.process_time()
            for _ in range(count):
                await system.spawn(Quiet)
            return time.process_time() - began
    finally:
        gc.set_threshold(*before)
        if was_enabled:
            gc.enable()


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--setting", choices=[*SETTINGS], help="only the time to spawn under this one")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # so many actors take their time to end
    if options.setting is not None:
        print(asyncio.run(spawning(options.count, options.setting)))
        return
    for name, seconds in asyncio.run(collections(options.count)).items():
        print(f"full collection, {name:20s} {seconds * 1e3:8.1f} ms", flush=True)
    for setting in SETTINGS:
        command = [sys.executable, "-m", "benchmarks.programs.collector"]
        command += ["--count", str(options.count), "--setting", setting]
        took = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"spawn, {setting:29s} {took / options.count * 1e6:8.1f} us an actor", flush=True)


if __name__ == "__main__":
    main()
