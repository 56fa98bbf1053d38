"""The process of a worker: made when first needed, given one piece of work at a time, replaced when it has died.

It outlives nobody: it ends with its worker, by a kill if it does not react, and with the main process, however
that has ended. A thread of its own speaks with it over a pipe of which no other process has the other end: a process
that dies in the middle of a result ends that pipe, where the shared queue of a `ProcessPoolExecutor` would wait for the
rest for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from multiprocessing import connection, resource_tracker
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from actorio._core.scopes import shielded
from actorio.errors import WorkerError
from actorio.work.packing import name_of, pack, run_packed, unpack

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["Process"]

END_GRACE = 0.5
"""Seconds that a process without work has to end by itself."""


class Process:
    """One process, and its replacement when it dies."""

    def __init__(self) -> None:
        self._life: _Life | None = None

    async def run(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a function in the process.

        Raises:
            WorkerError: the function, an argument or the result cannot be sent, or the process died at it.

        Cancellation: kills the process.
        """
        payload = pack(func, args, kwargs)
        if self._life is not None and not self._life.is_alive:
            await self.close()  # it died without work: no one needs to hear of it
        if self._life is None:
            self._life = _Life()
        answer = self._life.do(payload)
        try:
            packed = await answer
        except asyncio.CancelledError:
            await self.close(grace=0)
            raise
        if packed is None:
            await self.close(grace=0)
            raise WorkerError(f"the process died while it ran {name_of(func)}; a new one takes its place")
        return unpack(func, packed)

    async def close(self, grace: float = END_GRACE) -> None:
        """Wait until the process and its thread are gone.

        Args:
            grace: seconds after which the process is killed, whatever it is at.

        Cancellation: kills the process, and waits for that; a further one ends the wait.
        """
        life, self._life = self._life, None
        if life is None:
            return
        gone = life.end()
        try:
            if grace:
                await asyncio.wait([gone], timeout=grace)
        finally:
            life.kill()
            with shielded():
                await gone
            life.thread.join()
            life.forget()


class _Life:
    """One process, from its start to its end, and the thread that speaks with it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        context = multiprocessing.get_context("spawn")  # never forked: with threads and a loop that may hang
        ours, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,))
        with _signals_held_back():
            self.process.start()
        theirs.close()  # so that the pipe ends with the process
        self._loop = loop
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._gone: asyncio.Future[None] = loop.create_future()
        self.thread = threading.Thread(
            target=_speak,
            args=(self.process, ours, self._jobs, loop, self._gone),
            name="actorio speaks with a worker's process",
            daemon=True,
        )
        self.thread.start()
        with contextlib.suppress(
            NotImplementedError
        ):  # Windows, where nothing stays of a process that has died
            loop.add_reader(self.process.sentinel, _died, loop, self.process, self._jobs)
        # Also when the interpreter ends: `multiprocessing` would wait for a process that nobody has ended.
        self._at_exit = weakref.finalize(self, _end_at_once, self.process, self._jobs)

    @property
    def is_alive(self) -> bool:
        # By the sentinel: `is_alive` of a process still says so while another thread reads its exit status.
        return not self._gone.done() and not connection.wait([self.process.sentinel], timeout=0)

    def do(self, payload: bytes) -> asyncio.Future[tuple[bool, bytes] | None]:
        """Run packed work in it: the future has what came back, None when it died."""
        answer: asyncio.Future[tuple[bool, bytes] | None] = self._loop.create_future()
        self._jobs.put((payload, answer))
        return answer

    def end(self) -> asyncio.Future[None]:
        """End it when it is done with its work; the future ends when it is gone."""
        self._jobs.put(None)
        return self._gone

    def forget(self) -> None:
        """Look for its death no more."""
        with contextlib.suppress(NotImplementedError):
            self._loop.remove_reader(self.process.sentinel)

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self._at_exit.detach() is not None and not self._gone.done():
            _kill(self.process)


_Job = tuple[bytes, "asyncio.Future[tuple[bool, bytes] | None]"]


def _speak(
    process: SpawnProcess,
    pipe: Connection,
    jobs: SimpleQueue[_Job | None],
    loop: asyncio.AbstractEventLoop,
    gone: asyncio.Future[None],
) -> None:
    """In the thread: hand the process its work, until it is to end or has died; then see it off."""
    while (job := jobs.get()) is not None:
        payload, answer = job
        packed = _exchange(pipe, payload)
        _tell(loop, answer, packed)
        del job, payload, answer, packed  # or they would be kept until the next work
    pipe.close()
    process.join()
    _tell(loop, gone, None)


def _died(loop: asyncio.AbstractEventLoop, process: SpawnProcess, jobs: SimpleQueue[_Job | None]) -> None:
    """Let the thread see off a process that has died, with work or without."""
    loop.remove_reader(process.sentinel)
    jobs.put(None)


def _exchange(pipe: Connection, payload: bytes) -> tuple[bool, bytes] | None:
    try:
        pipe.send_bytes(payload)
        return pipe.recv_bytes() == _GOOD, pipe.recv_bytes()
    except Exception:  # it has died, perhaps in the middle of its answer; or there is no memory for that
        return None  # nor for the thread to end by: whoever waits is to hear of it, and kills the process


def _tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], value: Any) -> None:
    with contextlib.suppress(RuntimeError):  # nobody waits any longer, and the loop is closed
        loop.call_soon_threadsafe(_set_result, future, value)


def _set_result(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _end_at_once(process: SpawnProcess, jobs: SimpleQueue[_Job | None]) -> None:
    """End what nobody holds any more."""
    jobs.put(None)
    _kill(process)


def _kill(process: SpawnProcess) -> None:
    with contextlib.suppress(ValueError):  # it is closed already
        process.kill()


_GOOD, _BAD = b"good", b"bad"


def _serve(pipe: Connection) -> None:
    """In the process: run what comes, until the other end is closed."""
    _end_with_parent()
    _keep_to_itself(pipe)
    with contextlib.suppress(EOFError, OSError):
        while True:
            good, packed = run_packed(pipe.recv_bytes())
            pipe.send_bytes(_GOOD if good else _BAD)
            pipe.send_bytes(packed)


def _end_with_parent() -> None:
    """In the process: have it end when its parent has, even in the middle of its work.

    A parent that is killed cannot tell it to, and the queue that it reads has no end of file, as it holds the
    other end itself. The sentinel has: no other process inherits its other end.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="actorio watches the parent", daemon=True).start()


def _keep_to_itself(pipe: Connection) -> None:
    """In the process: keep the pipe from the processes that the work starts, so that it ends when this one does.

    One that outlived this process would hold the pipe open, and its answer would be waited for until then. Where the
    work forks, and comes back here in the child, the child finds the pipe closed, and ends without an answer.
    """
    if hasattr(os, "register_at_fork"):
        os.set_inheritable(pipe.fileno(), False)  # noqa: FBT003 (it takes no keyword)
        os.register_at_fork(after_in_child=pipe.close)


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let a process that starts meanwhile ignore Ctrl-C: its parent ends it in order.

    A terminal sends SIGINT to the whole group. The mask is inherited; an initializer would come too late, while
    the process is still importing.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # started with the first process, it would take the mask back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
