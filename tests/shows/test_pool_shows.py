"""What pools have to show at scale, each with a small version that runs every time."""

import asyncio
import gc
import time
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Mailbox, Worker
from tests.shows.test_shows import _scales, resident

MEGABYTE = 1 << 20
PATIENCE = 300.0  # seconds

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


class Stage(Actor[int]):
    """Passes each number on to the next pool, when that has room for it."""

    def __init__(self, following: ActorRef[Any]) -> None:
        self.following = following

    async def receive(self, message: int) -> None:
        if message % 16 == 0:
            await asyncio.sleep(0)  # the routees are to overlap
        await self.following.send(message)


class Sink(Actor[int]):
    """Counts how often each number comes."""

    def __init__(self, counts: bytearray) -> None:
        self.counts = counts

    async def receive(self, message: int) -> None:
        self.counts[message] += 1


@_scales(20_000, 1_000_000)
async def test_a_pipeline_of_three_pools_loses_and_doubles_nothing_in_flat_memory(count: int) -> None:
    counts = bytearray(count)
    after_warm_up = 0
    started = time.perf_counter()
    async with asyncio.timeout(PATIENCE), ActorSystem() as system:
        pool = await system.spawn_pool(Sink, counts, size=4, mailbox=Mailbox(100))
        pools = [pool]
        for _ in range(2):
            pool = await system.spawn_pool(Stage, pool, size=4, mailbox=Mailbox(100))
            pools.append(pool)
        for number in range(count):
            await pool.send(number)
            if number == count // 10:
                gc.collect()
                after_warm_up = resident()
        gc.collect()
        grown = resident() - after_warm_up
        peaks = [pool.statistics().peak for pool in pools]
    assert counts.count(1) == count
    assert max(peaks) <= 100
    assert grown < 8 * MEGABYTE
    seconds = time.perf_counter() - started
    print(
        f"\n{count:,} items through three pools: {count / seconds:,.0f} items/s, {grown / MEGABYTE:+.1f} MB"
    )


async def _nap(number: int) -> int:
    await asyncio.sleep(0)
    return number


@_scales(30_000, 300_000)
async def test_a_mapping_holds_ten_thousand_in_flight_in_flat_memory(count: int) -> None:
    limit = 1_000 if count < 100_000 else 10_000
    total = after_warm_up = 0
    started = time.perf_counter()
    async with asyncio.timeout(PATIENCE), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=limit)
        async for number in pool.map(_nap, range(count), limit=limit):
            total += number
            if number == count // 3:  # by then each routee has had mail, which makes its task
                gc.collect()
                after_warm_up = resident()
        gc.collect()
        grown = resident() - after_warm_up
    assert total == sum(range(count))
    assert grown < 8 * MEGABYTE
    seconds = time.perf_counter() - started
    print(f"\n{limit:,} in flight of {count:,}: {count / seconds:,.0f} items/s, {grown / MEGABYTE:+.1f} MB")
