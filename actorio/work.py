"""The `Worker`: an actor whose messages are functions, run on the loop, in a thread or in a process.

Source: `Worker` of the *Python Cookbook*, recipe 12.10.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler
from typing import Any, Literal, cast

import anyio
import anyio.to_thread

from actorio.actor import Actor
from actorio.errors import ExitReason, WorkerError, describe

__all__ = ["Worker"]

Runner = Literal["loop", "thread", "process"]
_unpickle = cast("Callable[[bytes], Any]", cast("Any", ForkingPickler).loads)  # its type is wrong in typeshed


class Worker(Actor[Any]):
    """Runs what is submitted to it, one at a time: `result = worker.submit(func, *args)`.

    Coroutine functions always run on the loop. Plain functions run where `runner` says:

    - `loop`: in the actor's turn; they hold up the loop while they run.
    - `thread`: in a thread of anyio's pool. One that was cancelled runs to its end, and the next one waits for it.
    - `process`: in a process of this worker's own, made when first needed, replaced when it dies. Cancelling
      the `Result` of running work kills the process.

    Args:
        runner: where plain functions run.
    """

    def __init__(self, runner: Runner = "loop") -> None:
        if runner not in ("loop", "thread", "process"):
            raise ValueError(f"runner must be 'loop', 'thread' or 'process', not {runner!r}")
        self._runner = runner
        self._process: _Process | None = None

    def on_submit(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a function where the runner says, a coroutine function on the loop.

        Raises:
            WorkerError: when awaited: the function, an argument or the result cannot be sent between
                processes, or the process died.
        """
        if self._runner == "loop" or inspect.iscoroutinefunction(func):
            return func(*args, **kwargs)
        if self._runner == "thread":
            return _in_thread(functools.partial(func, *args, **kwargs))
        if self._process is None:
            self._process = _Process()
        return self._process.run(func, args, kwargs)

    async def on_stop(self, reason: ExitReason) -> None:
        """End the process."""
        if self._process is not None:
            await self._process.close()


async def _in_thread(call: Callable[[], Any]) -> Any:
    """Run in a thread. A thread cannot be stopped: a first cancel waits for its end, a second does not."""
    ended = asyncio.Event()
    exits: list[BaseException] = []

    async def work() -> Any:
        try:
            return await anyio.to_thread.run_sync(call, limiter=anyio.CapacityLimiter(1))
        except (
            SystemExit,
            KeyboardInterrupt,
        ) as error:  # raised by this task, it would stop the loop at once
            exits.append(error)
        finally:
            ended.set()

    try:
        value = await asyncio.shield(work())
    except asyncio.CancelledError:
        await ended.wait()
        raise
    if exits:
        raise exits[0]
    return value


class _Process:
    """One process of a worker, and its replacement when it dies."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        payload = _pack(func, args, kwargs)
        if self._pool is None:  # never forked: a fork of a process with threads and a loop may hang
            self._pool = ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
        try:
            with _signals_held_back():
                running = self._pool.submit(_run_packed, payload)
            packed = await asyncio.wrap_future(running)
        except BrokenExecutor as error:
            await self.close()
            raise WorkerError(
                f"the process died while it ran {_name(func)}; a new one takes its place"
            ) from error
        except asyncio.CancelledError:
            self.kill()
            raise
        return _unpack(func, packed)

    def kill(self) -> None:
        """End the process at once, in the middle of its work."""
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in tuple((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)

    async def close(self) -> None:
        """Wait until the process and the pool's threads are gone."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        loop = asyncio.get_running_loop()
        gone = loop.create_future()

        def close() -> None:
            pool.shutdown(wait=True)
            loop.call_soon_threadsafe(gone.set_result, None)

        thread = threading.Thread(target=close, name="actorio closes a worker's process")
        thread.start()
        await gone
        thread.join()

    def __del__(self) -> None:
        self.kill()  # a killed actor has no on_stop


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Have a process that starts meanwhile ignore Ctrl-C: its parent ends it in order.

    A terminal sends SIGINT to the whole group. The mask is inherited; an initializer would come too late, while
    the process is still importing.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pack(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Pickle work, or say which part of it cannot be."""
    try:
        return bytes(ForkingPickler.dumps((func, args, kwargs)))
    except Exception:
        parts = {"the function": func}
        parts |= {f"argument {index}": value for index, value in enumerate(args)}
        parts |= {f"argument {name!r}": value for name, value in kwargs.items()}
        for what, value in parts.items():
            try:
                ForkingPickler.dumps(value)
            except Exception as error:
                raise WorkerError(
                    f"{what} of {_name(func)} cannot be sent to a process: {describe(value)} ({error})"
                ) from error
        raise


def _run_packed(payload: bytes) -> tuple[bool, bytes]:
    """In the process: run the work; the result, or the exception, comes back pickled and checked."""
    try:
        func, args, kwargs = _unpickle(payload)
    except Exception as error:
        return False, _pack_error(WorkerError(f"what was sent to the process cannot be read: {error!r}"))
    try:
        value = func(*args, **kwargs)
    except BaseException as error:
        return False, _pack_error(error)
    try:
        return True, bytes(ForkingPickler.dumps(value))
    except Exception as error:
        return False, _pack_error(
            WorkerError(f"the result of {_name(func)} cannot be sent back: {describe(value)} ({error})")
        )


def _pack_error(error: BaseException) -> bytes:
    """Pickle an exception so that it can be had back; one that cannot be comes as a `WorkerError`.

    So does a SystemExit: it is about that process, not about the system.
    """
    try:
        if not isinstance(error, Exception):
            raise error
        packed = bytes(ForkingPickler.dumps(error))
        _unpickle(packed)
    except BaseException:
        packed = bytes(ForkingPickler.dumps(WorkerError(f"{type(error).__name__}: {describe(error)}")))
    return packed


def _unpack(func: Callable[..., Any], packed: tuple[bool, bytes]) -> Any:
    good, payload = packed
    try:
        value = _unpickle(payload)
    except Exception as error:
        raise WorkerError(f"what {_name(func)} gave back cannot be read: {error}") from error
    if good:
        return value
    raise value


def _name(func: object) -> str:
    return getattr(func, "__qualname__", None) or describe(func)
