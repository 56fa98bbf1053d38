"""What a cluster needs of an engine: one suite for the real one and the simulated one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actorio.cluster import LIVE, SNAPSHOT, Change, RevisionConflict
from actorio.testing import SimulatedNetwork
from tests.cluster.servers import Server


class Real:
    """A server of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def engine(self) -> Any:
        return self._server.engine()

    async def restart(self) -> None:
        await self._server.kill()
        await self._server.start()


class Simulated:
    """A simulated network."""

    def __init__(self) -> None:
        self._network = SimulatedNetwork()

    def engine(self) -> Any:
        return self._network.engine()

    async def restart(self) -> None:
        self._network.stop_engine()
        await asyncio.sleep(0.02)
        self._network.start_engine()


@pytest.fixture(params=["nats", "simulated"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    if request.param == "simulated":
        world = Simulated()
        yield world
        await asyncio.sleep(0.02)  # what was under way has come
        if world._network._quiet is not None:
            world._network._quiet.cancel()
        return
    async with Server(tmp_path) as server:
        yield Real(server)


@contextlib.asynccontextmanager
async def connected(world: Any, node: str) -> AsyncIterator[tuple[Any, list[tuple[str, bytes]]]]:
    engine, frames = world.engine(), []
    await engine.connect("shop", node, lambda sender, frame: frames.append((sender, frame)), lambda up: None)
    try:
        yield engine, frames
    finally:
        await engine.close()
        await engine.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(10.0):
        while not condition():
            await asyncio.sleep(0.005)


async def test_frames_come_in_order_with_the_name_of_their_sender(world: Any) -> None:
    async with (
        connected(world, "a") as (a, _),
        connected(world, "b") as (b, frames),
        connected(world, "c") as c,
    ):
        for number in range(100):
            a.send("b", b"%d" % number)
        await until(lambda: len(frames) == 100)
        assert frames == [("a", b"%d" % number) for number in range(100)]
        b.send("c", b"hello")
        await until(lambda: [each for each in c[1] if each[1]])
        assert [each for each in c[1] if each[1]] == [("b", b"hello")]
        assert a.max_frame > 1_000_000


async def test_a_write_needs_the_revision_that_the_key_has(world: Any) -> None:
    async with connected(world, "a") as (a, _), connected(world, "b") as (b, _):
        first = await a.create("c.kind.1", b"a")
        with pytest.raises(RevisionConflict):
            await b.create("c.kind.1", b"b")
        second = await b.update("c.kind.1", b"b", first)
        with pytest.raises(RevisionConflict):
            await a.update("c.kind.1", b"a", first)
        with pytest.raises(RevisionConflict):
            await a.delete("c.kind.1", first)
        other = await a.create("m.a", b"x")
        assert first < second < other
        await a.delete("c.kind.1", second)
        assert await b.create("c.kind.1", b"again") > other


async def test_a_watch_tells_all_there_is_and_then_each_change_in_order(world: Any) -> None:
    async with connected(world, "a") as (a, _), connected(world, "b") as (b, _):
        first = await a.create("m.a", b"1")
        watch = b.watch()
        async with contextlib.aclosing(watch):
            assert [await anext(watch) for _ in range(3)] == [SNAPSHOT, Change("m.a", b"1", first), LIVE]
            second = await a.update("m.a", b"2", first)
            third = await a.create("m.b", b"3")
            await a.delete("m.a", second)
            assert await anext(watch) == Change("m.a", b"2", second)
            assert await anext(watch) == Change("m.b", b"3", third)
            gone = await anext(watch)
            assert (gone.key, gone.value) == ("m.a", None)


async def test_the_watch_of_an_empty_store_is_live(world: Any) -> None:
    async with connected(world, "a") as (a, _):
        watch = a.watch()
        async with contextlib.aclosing(watch):
            assert [await anext(watch) for _ in range(2)] == [SNAPSHOT, LIVE]


async def test_keys_and_revisions_outlive_a_restart_and_a_watch_begins_anew(world: Any) -> None:
    async with connected(world, "a") as (a, _), connected(world, "b") as (b, frames):
        first = await a.create("m.a", b"1")
        watch = b.watch()
        async with contextlib.aclosing(watch):
            assert [await anext(watch) for _ in range(3)] == [SNAPSHOT, Change("m.a", b"1", first), LIVE]
            await world.restart()
            async with asyncio.timeout(10.0):
                while True:
                    try:
                        second = await a.update("m.a", b"2", first)
                        break
                    except RevisionConflict:
                        raise
                    except Exception:
                        await asyncio.sleep(0.02)
            assert second > first
            if isinstance(world, Real):
                async with asyncio.timeout(10.0):
                    while await anext(watch) != SNAPSHOT:
                        pass
                    while await anext(watch) != Change("m.a", b"2", second):
                        pass
        a.send("b", b"after")
        async with asyncio.timeout(10.0):
            while ("a", b"after") not in frames:
                await asyncio.sleep(0.05)
                a.send("b", b"after")
