"""A program as several nodes: processes of one terminal, with a server of their own."""

import asyncio
import contextlib
import importlib
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from actorio.cli.cluster_status import quiet_view
from actorio.cluster import Nats, NatsServer
from actorio.cluster.engine import Receive, Up
from actorio.cluster.server import engine_of
from actorio.cluster.store import lease_key

__all__ = ["Nodes", "is_there", "run_up"]

_URL, _TOKEN, _JOINED = "ACTORIO_CLUSTER_SERVER", "ACTORIO_CLUSTER_TOKEN", "ACTORIO_CLUSTER_JOINED"
_END_WITHIN = 20.0


class Nodes:
    """Child processes, each a node.

    Args:
        module: what is run as `python -m module node *args`.
        args: further arguments.
        url: of the server.
        token: of the server, None for one that is in the URL.
    """

    def __init__(self, module: str, args: tuple[str, ...], url: str, token: str | None) -> None:
        self._module, self._args = module, args
        self._env = {**os.environ, _URL: url, **({} if token is None else {_TOKEN: token})}
        self._env["PYTHONPATH"] = os.pathsep.join(
            [str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        self._told = tempfile.TemporaryDirectory(prefix="actorio-nodes-")
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, node: str) -> None:
        """Start a node."""
        self.processes[node] = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            node,
            *self._args,
            env={**self._env, _JOINED: str(self._joined(node))},
        )

    def _joined(self, node: str) -> Path:
        return Path(self._told.name) / node

    def joined(self, node: str) -> list[tuple[str, str]]:
        """Return the clusters that a child has joined, each with the name that it joined by."""
        try:
            lines = self._joined(node).read_text().splitlines()
        except FileNotFoundError:
            return []
        return [(cluster, name) for cluster, name in map(str.split, lines)]

    async def stop(self) -> None:
        """End all in order: a signal, time to leave, and then a kill."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_WITHIN):
                for process in self.processes.values():
                    await process.wait()
        except TimeoutError:
            for process in self.processes.values():
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        self._told.cleanup()


class ChildEngine(Nats):
    """The engine of a child: it tells its parent which cluster it joins, and as whom."""

    async def connect(self, cluster: str, node: str, receive: Receive, up: Up) -> None:
        """Connect, as any engine."""
        _tell_joined(cluster, node)
        await super().connect(cluster, node, receive, up)


def _tell_joined(cluster: str, node: str) -> None:
    if _JOINED in os.environ:
        with Path(os.environ[_JOINED]).open("a") as joined:
            joined.write(f"{cluster} {node}\n")


def child_engine() -> Nats:
    """Return the engine of a child: what its parent has told it."""
    url, token = os.environ[_URL], os.environ.get(_TOKEN)
    return _engine(url, token, ChildEngine)


def _engine(url: str, token: str | None, kind: type[Nats] = Nats) -> Nats:
    return kind(url) if token is None else engine_of(url, token, kind)


async def run_up(target: str, count: int, server: str | None, say: Callable[[str], Any]) -> int:
    """Run the nodes until all have ended, or a signal ends them; returns the status of the first that failed."""
    module, _, function = target.partition(":")
    async with contextlib.AsyncExitStack() as stack:
        token = None
        if server is None:
            own = await stack.enter_async_context(NatsServer())
            server, token = str(own.url), own.token
        nodes = Nodes("actorio.cli.cluster_up", (module, function or "main"), server, token)
        stack.push_async_callback(nodes.stop)
        say(f"server: {server}")
        for number in range(1, count + 1):
            await nodes.start(f"n{number}")
        return await _watch_over(nodes, lambda: _engine(server, token), say)


async def _watch_over(nodes: Nodes, engine: Callable[[], Nats], say: Callable[[str], Any]) -> int:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    status, running = 0, dict(nodes.processes)
    while running and not ended.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await ended.wait()
        for node, process in list(running.items()):
            if process.returncode is not None:
                del running[node]
                say(f"{node} has ended with status {process.returncode}")
                status = status or process.returncode
                for cluster, name in nodes.joined(node) if process.returncode else ():
                    await release_lease(engine(), cluster, name)
    return status if status >= 0 else 128 - status


async def release_lease(engine: Nats, cluster: str, node: str) -> None:
    """Delete the lease of a child that died: it is known to be dead, so that nobody needs to wait."""
    view = quiet_view()
    try:
        async with asyncio.timeout(5.0):
            await engine.connect(cluster, f"up-{os.getpid()}", lambda sender, frame: None, lambda up: None)
            events: Any = engine.watch()
            async with contextlib.aclosing(events):
                async for event in events:
                    view.take(event)
                    if view.is_live:
                        break
            seen = view.members.get(node)
            if seen is not None:
                await engine.delete(lease_key(node), seen.revision)
    except Exception:  # its lease runs out all the same
        return
    finally:
        await engine.close()


def is_there(module: str) -> bool:
    """Tell whether a child could import a module, from the working directory too; none is run but its packages."""
    path = str(Path.cwd())
    if path not in sys.path:
        sys.path.insert(0, path)
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # of a package that is not there, or no name at all
        return False


def _main() -> None:
    node, module, function = sys.argv[1:4]
    main = getattr(importlib.import_module(module), function, None)
    if main is None:
        sys.exit(f"actorio: module {module!r} has no {function!r}")
    asyncio.run(_run(main, node))


async def _run(main: Callable[[str, Nats], Awaitable[object]], node: str) -> None:
    """Run a program; its parent's signal cancels it, so that it leaves in order whether it handles signals or not."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    has_come = False

    def end() -> None:
        nonlocal has_come
        has_come = True
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    try:
        await main(node, child_engine())
    except asyncio.CancelledError:
        if not has_come:
            raise


if __name__ == "__main__":
    _main()
