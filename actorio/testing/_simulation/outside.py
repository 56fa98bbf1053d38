"""The wall around the simulation: whatever is decided outside of it is refused by name.

A socket, a child process or a foreign thread would bring in a choice that is not on the tape, and a
blocking wait would stop the only thread there is. The loop's own doors are refused by `ClosedLoop`; those of
the standard library that do not pass a loop are refused by `walled`, for as long as a run lasts and for its
thread alone.
"""

from __future__ import annotations

import _thread
import asyncio
import multiprocessing.process
import os
import socket
import subprocess
import threading
from asyncio.base_events import _run_until_complete_cb  # type: ignore[attr-defined]
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn, TypeVar

from actorio.testing.failures import Escaped, SimulationError

__all__ = ["ClosedLoop", "replaced", "walled"]

T = TypeVar("T")

_REFUSED = """
    add_reader add_writer connect_accepted_socket connect_read_pipe connect_write_pipe create_connection
    create_datagram_endpoint create_server create_unix_connection create_unix_server getaddrinfo getnameinfo
    sendfile sock_accept sock_connect sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall
    sock_sendfile sock_sendto start_tls subprocess_exec subprocess_shell
""".split()  # noqa: SIM905 - as a list it is thirty lines


_PROCESSES = """
    execv execve fork forkpty posix_spawn posix_spawnp spawnv spawnve spawnvp spawnvpe startfile system
""".split()  # noqa: SIM905


class ClosedLoop(asyncio.BaseEventLoop):
    """An event loop without sockets, pipes, processes and other threads.

    Attributes:
        home: the identifier of its thread.
        escaped: the first escape.
        broken: the first guarantee seen broken.
    """

    # asyncio's own, and absent from its type stubs
    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        super().__init__()
        self.home = threading.get_ident()
        self.escaped: Escaped | None = None
        self.broken: SimulationError | None = None
        self._reported = False

    def escape(self, what: str) -> NoReturn:
        """Refuse `what`, and remember it: the run ends even if the program catches the error.

        Raises:
            Escaped: always.
        """
        task = asyncio.current_task(self) if threading.get_ident() == self.home else None
        who = f" by task {task.get_name()}" if task else ""
        error = Escaped(
            f"{what} was used{who}: it is outside of the simulation, which could not replay it; "
            "give the code a stand-in, or test it on a real loop"
        )
        self.escaped = self.escaped or error
        raise error

    def break_guarantee(self, error: SimulationError) -> None:
        """Remember what an oracle has found: the run ends before its next step."""
        if self.broken is None:
            self.broken = error

    @property
    def verdict(self) -> Escaped | SimulationError | None:
        """Return the error that ends this run whatever the program makes of it."""
        return self.escaped or self.broken

    def report_verdict(self) -> None:
        """End the run by its verdict, once; it may still be cleared away.

        Raises:
            Escaped: the first escape, if there was one.
            GuaranteeBroken: the first guarantee seen broken, if there was one.
        """
        if self.verdict is not None and not self._reported:
            self._reported = True
            raise self.verdict

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """Run until the future is done; a run that was broken off does not stop the next one as well."""
        try:
            return super().run_until_complete(future)
        finally:
            for handle in self._ready:
                if handle._callback is _run_until_complete_cb:  # type: ignore[attr-defined]
                    handle.cancel()


def _refused(name: str) -> Callable[..., NoReturn]:
    def refuse(self: ClosedLoop, *args: object, **options: object) -> NoReturn:
        self.escape(f"loop.{name}")

    return refuse


for _name in _REFUSED:
    setattr(ClosedLoop, _name, _refused(_name))


@contextmanager
def replaced(target: object, name: str, value: object) -> Iterator[None]:
    """Set an attribute for a while; what it was inherited from, if it was, shows again afterwards."""
    absent = object()
    original = vars(target).get(name, absent)
    setattr(target, name, value)
    try:
        yield
    finally:
        if original is absent:
            delattr(target, name)
        else:
            setattr(target, name, original)


@contextmanager
def walled(loop: ClosedLoop) -> Iterator[None]:
    """Refuse sockets, processes, new threads and blocking waits in this thread."""
    doors: list[tuple[Any, str, str]] = [
        (socket.socket, "__init__", "a socket"),
        (subprocess.Popen, "__init__", "a subprocess"),
        (threading.Thread, "start", "a new thread"),
        (_thread, "start_new_thread", "a new thread"),
        (_thread, "start_new", "a new thread"),
        (multiprocessing.process.BaseProcess, "start", "a subprocess"),
        *((os, name, "a subprocess") for name in _PROCESSES if hasattr(os, name)),
    ]
    with ExitStack() as stack:
        for target, name, what in doors:
            stack.enter_context(replaced(target, name, _guarded(loop, getattr(target, name), what)))
        stack.enter_context(
            replaced(threading.Condition, "wait", _never_waiting(loop, threading.Condition.wait))
        )
        yield


def _guarded(loop: ClosedLoop, original: Callable[..., Any], what: str) -> Callable[..., Any]:
    def guard(*args: Any, **options: Any) -> Any:
        if threading.get_ident() == loop.home:
            loop.escape(what)
        return original(*args, **options)

    return guard


def _never_waiting(loop: ClosedLoop, original: Callable[..., bool]) -> Callable[..., bool]:
    """Refuse the one wait that `threading`, `queue` and `concurrent.futures` are built on."""

    def wait(condition: threading.Condition, timeout: float | None = None) -> bool:
        if threading.get_ident() == loop.home and (timeout is None or timeout > 0):
            loop.escape("a blocking wait (of threading, queue or concurrent.futures)")
        return original(condition, timeout)

    return wait
