"""The doors of an observatory: a socket for this user, a page on the loopback; in a thread with a loop of its own.

So a blocked loop of the system is shown while it is blocked.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.server import ServerState

from actorio._core.deadlines import Deadlines
from actorio.observability.app import App
from actorio.observability.bridge import Bridge
from actorio.observability.connection import Connection, default_headers
from actorio.observability.gate import Gate, Pass
from actorio.observability.sockets import socket_folder, socket_name

if TYPE_CHECKING:
    from actorio.observability.observatory import Observatory

__all__ = ["Doors"]

_BACKLOG = 128
_SENT_AHEAD = 128 * 1024
"""Bytes that the kernel keeps for a slow reader, about."""

_open_ones: dict[Path, None] = {}
"""The sockets of this process: two of its systems may have one name."""


class Doors:
    """Serves what an observatory sees.

    Args:
        observatory: whose doors they are.
        page: the port of the page, 0 for any; None for none.
        has_socket: whether there is a socket.
    """

    def __init__(self, observatory: Observatory, page: int | None, *, has_socket: bool) -> None:
        self._observatory = observatory
        self._page = page
        self._has_socket = has_socket
        self._bridge = Bridge(observatory.runtime)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = False
        self._ready: asyncio.Future[None] = observatory.runtime.loop.create_future()
        self._servers: list[tuple[asyncio.Server, ServerState]] = []
        self._admission: Pass | None = None
        self.socket_path: Path | None = None

    @property
    def port(self) -> int | None:
        """The port of the page."""
        return None if self._admission is None else self._admission.port

    @property
    def token(self) -> str | None:
        """Return the secret that opens the page."""
        return None if self._admission is None else self._admission.token

    @property
    def url(self) -> str | None:
        """The link to the page."""
        if self._admission is None:
            return None
        host = "[::1]" if self._observatory.host == "::1" else self._observatory.host
        return f"http://{host}:{self._admission.port}/?token={self._admission.token}"

    # -- on the system's loop ----------------------------------------------------------------------

    async def open(self) -> None:
        """Open the doors; returns when they are open.

        Raises:
            OSError: the port is in use.
            ActorError: the folder of the socket is not of this user alone.
        """
        sockets: list[tuple[socket.socket, Pass | None]] = []
        try:
            if self._has_socket:
                sockets.append((self._bind_socket(), None))
            if self._page is not None:
                bound = _bind_port(self._observatory.host, self._page)
                self._admission = _new_pass(bound)
                sockets.append((bound, self._admission))
        except BaseException:
            for bound, _ in sockets:
                bound.close()
            self._remove_socket()
            raise
        self._thread = threading.Thread(
            target=self._run,
            args=(sockets,),
            name=f"actorio doors of {self._observatory.runtime.name}",
            daemon=True,
        )
        self._thread.start()
        await self._ready

    async def close(self) -> None:
        """Close the doors, and what has come in; returns when the thread has ended."""
        self._observatory.on_census = None
        if self._thread is not None:
            self._is_over = True  # seen by a thread that has no loop yet
            if self._loop is not None:
                with contextlib.suppress(RuntimeError):  # it has ended by itself
                    self._loop.call_soon_threadsafe(self._over.set)
            await self._bridge.close()
            await self._observatory.runtime.loop.run_in_executor(None, self._thread.join)
            self._thread = None
        self._remove_socket()
        self._admission = None

    def _bind_socket(self) -> socket.socket:
        runtime = self._observatory.runtime
        folder = socket_folder(make=True)
        names = (socket_name(runtime.name, folder, number) for number in itertools.count(1))
        path = next(folder / name for name in names if folder / name not in _open_ones)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of a process that had the same number
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bound.bind(str(path))
            path.chmod(0o600)
            self.socket_path = path
            _open_ones[path] = None
        except BaseException:
            bound.close()
            raise
        return bound

    def _remove_socket(self) -> None:
        path, self.socket_path = self.socket_path, None
        if path is not None:
            _open_ones.pop(path, None)
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    # -- in the thread -----------------------------------------------------------------------------

    def _run(self, sockets: list[tuple[socket.socket, Pass | None]]) -> None:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(self._serve(sockets))

    async def _serve(self, sockets: list[tuple[socket.socket, Pass | None]]) -> None:
        self._over = asyncio.Event()
        self._loop = loop = asyncio.get_running_loop()
        if self._is_over:
            self._over.set()
        self._timers = Deadlines(loop)
        self._app = App(self._observatory, self._bridge, self._open_page)
        self._asgi = self._app.asgi()
        try:
            for bound, admission in sockets:
                await self._listen(bound, admission)
        except BaseException as error:
            for bound, _ in sockets:
                bound.close()
            self._tell(error)
            return
        streams = self._app.streams
        self._observatory.on_census = lambda: loop.call_soon_threadsafe(streams.change)
        self._tell(None)
        await self._over.wait()
        await self._shut()

    def _tell(self, error: BaseException | None) -> None:
        """Tell the system's loop that the doors are open, or why not."""

        def tell() -> None:
            if self._ready.done():
                return
            if error is None:
                self._ready.set_result(None)
            else:
                self._ready.set_exception(error)

        self._observatory.runtime.loop.call_soon_threadsafe(tell)

    async def _listen(self, bound: socket.socket, admission: Pass | None) -> None:
        gate = Gate(self._asgi, admission, actions=self._observatory.actions)
        config = Config(
            gate,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            interface="asgi3",
            proxy_headers=False,
        )
        config.load()
        loop = asyncio.get_running_loop()
        state = ServerState()
        state.default_headers = default_headers()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AHEAD)
        server = await loop.create_server(
            lambda: Connection(config, state, self._timers, loop), sock=bound, backlog=_BACKLOG
        )
        self._servers.append((server, state))

    async def _open_page(self) -> str:
        """Open the page, if it is not; returns its link."""
        if self._admission is None:
            bound = _bind_port(self._observatory.host, 0)
            admission = _new_pass(bound)
            await self._listen(bound, admission)
            self._admission = admission
        return self.url or ""

    async def _shut(self) -> None:
        self._app.streams.close()
        tasks: list[asyncio.Task[None]] = []
        for server, state in self._servers:
            server.close()
            tasks.extend(state.tasks)
            for connection in tuple(state.connections):
                connection.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        for server, state in self._servers:
            for task in tuple(state.tasks):
                task.cancel()
            await server.wait_closed()
        self._timers.close()


def _bind_port(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("::1" if host == "::1" else "127.0.0.1", port))
    except BaseException:
        bound.close()
        raise
    return bound


def _new_pass(bound: socket.socket) -> Pass:
    return Pass(bound.getsockname()[1], *(secrets.token_urlsafe(32) for _ in range(3)))
