"""Real servers for the tests, that can be killed and started again, and a proxy that can freeze a link."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from pathlib import Path
from typing import Any, Self

import nats
from nats.errors import Error as NatsError

from actorio.cluster import Nats
from actorio.cluster.server import find_binary


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """One `nats-server` on 127.0.0.1, with a store that outlives it.

    Args:
        directory: of its store, configuration and log.
        config: further lines of its configuration.
    """

    def __init__(self, directory: Path, config: str = "") -> None:
        self.port = free_port()
        self.directory = directory
        self._config = config
        self._child: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def engine(self, port: int | None = None, **options: Any) -> Nats:
        engine = Nats(f"nats://127.0.0.1:{port or self.port}", **options)
        engine.lease, engine.heartbeat = 2.0, 0.5
        return engine

    async def start(self, *, forget: bool = False) -> None:
        store = self.directory / "store"
        if forget:
            store = self.directory / f"store-{free_port()}"
        config = self.directory / "server.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\nmax_payload: 8388608\n'
            f'jetstream {{ store_dir: "{store}", sync_interval: always }}\n{self._config}'
        )
        log = (self.directory / "log").open("ab")
        self._child = await asyncio.create_subprocess_exec(
            find_binary(), "-c", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=log
        )
        log.close()
        await until_listening(self.port)

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()

    def freeze(self) -> None:
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._child is not None
        self._child.send_signal(signal.SIGCONT)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.kill()


class ThreeServers:
    """A cluster of three servers, each with its store; the bucket has three copies.

    Args:
        directory: of their stores.
    """

    def __init__(self, directory: Path) -> None:
        ports = [free_port() for _ in range(3)]
        routes = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in ports)
        self.servers: dict[str, Server] = {}
        for number, port in enumerate(ports, 1):
            name, where = f"s{number}", directory / f"s{number}"
            where.mkdir()
            config = f'server_name: {name}\ncluster {{ name: three, listen: "127.0.0.1:{port}", routes: [{routes}] }}\n'
            self.servers[name] = Server(where, config)

    def engine(self) -> Nats:
        """Return an engine that knows all three, with what `Nats` advises."""
        return Nats([server.url for server in self.servers.values()])

    async def leader(self, cluster: str) -> tuple[str, bool]:
        """Return which server leads the bucket, none perhaps, and whether all copies are up to date."""
        connection = await nats.connect([server.url for server in self.servers.values()])
        try:
            stream = await connection.jetstream(timeout=2).stream_info(f"KV_actorio-{cluster}")
            state = stream.cluster
            copies = (state and state.replicas) or []
            return (state and state.leader) or "", len(copies) == 2 and all(
                copy.current and not copy.offline for copy in copies
            )
        except (NatsError, TimeoutError):
            return "", False
        finally:
            await connection.close()

    async def until_whole(self, cluster: str, within: float = 60.0) -> str:
        """Wait until the bucket has a leader and all its copies; returns who leads it."""
        async with asyncio.timeout(within):
            while True:
                leader, whole = await self.leader(cluster)
                if leader and whole:
                    return leader
                await asyncio.sleep(0.05)

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(server.start() for server in self.servers.values()))
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.gather(*(server.kill() for server in self.servers.values()))


async def until_listening(port: int, within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.01)


class Proxy:
    """Stands between a node and its server, and can hold all up."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        """Hold up what is under way, and all that comes."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: Any = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._flows.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
            finally:
                back.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.close()
