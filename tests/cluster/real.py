"""Nodes on a real server: in this process, and in one of their own. L is 2 s, H 0.5 s, if nothing else is said."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from actorio import ActorSystem
from actorio.cluster import Cluster
from tests.cluster.servers import Server
from tests.cluster.shop import Account, Till

LEASE, HEARTBEAT = 2.0, 0.5


@contextlib.asynccontextmanager
async def node(server: Server, name: str, port: int | None = None, **options: Any) -> AsyncIterator[Cluster]:
    """Run a node in this process."""
    given: dict[str, Any] = {
        "engine": server.engine(port),
        "entities": [Account],
        "actors": [Till],
        "lease": LEASE,
        "heartbeat": HEARTBEAT,
    }
    async with (
        ActorSystem(name) as system,
        Cluster(system, node=name, name="shop", **given | options) as cluster,
    ):
        yield cluster


class Child:
    """A node in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def said(self, what: str, within: float = 20.0) -> dict[str, Any]:
        """Wait until it says that, whatever else it says before."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within):
            while True:
                line = await self.process.stdout.readline()
                assert line, f"the child has ended before it said {what!r}"
                said: dict[str, Any] = json.loads(line)
                if said["what"] == what:
                    return said

    async def end(self) -> None:
        """End it in order, by a signal."""
        self.process.terminate()
        assert self.process.stdout is not None
        await self.process.stdout.read()
        assert await self.process.wait() == 128 + signal.SIGTERM


@contextlib.asynccontextmanager
async def child(
    url: str, name: str, *args: str, module: str = "tests.cluster.child", within: float = 20.0
) -> AsyncIterator[Child]:
    """Run `python -m MODULE URL NODE ...`, from when it says that it is up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, url, name, *args, stdout=asyncio.subprocess.PIPE
    )
    try:
        made = Child(process)
        await made.said("up", within)
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def say(what: str, **details: Any) -> None:
    """Say something to the parent of this child, in one write: the watchdog says its things in a thread of its own."""
    sys.stdout.write(json.dumps({"what": what, "at": time.monotonic(), **details}) + "\n")
    sys.stdout.flush()


async def until(condition: Callable[[], Any], within: float = 20.0) -> float:
    """Wait for something; returns how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def outcome(work: Awaitable[Any]) -> Any:
    """Return what it gives, or the error that it ends with."""
    try:
        return await work
    except Exception as error:
        return error
