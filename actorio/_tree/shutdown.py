"""How a system ends: in order, within its time, with hooks before and after; and what its block raises then.

It is the owner of the top level: what a supervisor is to its children. When the top level gives up, the body
of the block is cancelled and the block raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from contextvars import Context as Variables
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from actorio._cell.frames import await_chain, lines_at_work
from actorio._cell.last_hooks import run_hook
from actorio._cell.state import KILL_GRACE
from actorio._cell.states import Intent
from actorio._core.checks import kind_of
from actorio._core.log import log
from actorio._core.scopes import is_in_cancelled_scope, shielded
from actorio._core.whose_code import own_line
from actorio.errors import ActorStoppedError, describe, exit_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from actorio._tree.runtime import Runtime

__all__ = ["Shutdown", "ShutdownReport"]

_LONG = 5.0
"""Seconds of a normal end after which the log says once whom it waits for."""
_MOST_NAMED = 20
"""Of those that it waits for, in one record of the log."""


@dataclass(frozen=True, slots=True)
class ShutdownReport:
    """How the end of a system went.

    Attributes:
        abandoned: what did not end by any means and was given up: paths of actors, names of tasks and threads.
        failed: exceptions raised by shutdown hooks.
    """

    abandoned: tuple[str, ...]
    failed: tuple[BaseException, ...]


class ClosableStore(Protocol):
    """A store, as the system that opens and closes it sees it."""

    @property
    def is_open(self) -> bool: ...
    @property
    def abandoned(self) -> str: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...


S = TypeVar("S", bound=ClosableStore)


def check_store(store: S) -> S:
    """Refuse what cannot be opened and closed.

    Raises:
        TypeError: it is no store.
    """
    given: object = store
    names = ("is_open", "open", "close", "abandoned")
    if isinstance(given, type) or not all(hasattr(given, name) for name in names):
        raise TypeError(f"store must be a Store, such as SqliteStore(path), not {kind_of(given)}")
    return store


class Shutdown:
    """The end of one system."""

    path = ""

    def __init__(self, runtime: Runtime, timeout: float, close_timeout: float | None) -> None:
        self._runtime = runtime
        self._timeout = timeout
        self._close_timeout = close_timeout
        self._intent = Intent.NONE
        self._limited = False
        self._failures: list[BaseException] = []
        self._exit: BaseException | None = None
        self._body: asyncio.Task[Any] | None = None
        self._body_cancelled = False
        self.hook: asyncio.Task[BaseException | None] | None = None
        """The hook that runs now."""
        self._hook_errors: list[BaseException] = []
        self.before: list[Callable[[], Any]] = []
        self.after: list[Callable[[], Any]] = []
        self._is_before = True
        self.store: ClosableStore | None = None
        """The store that the block has opened, and has to close."""
        self.leaving = False
        self.task: asyncio.Task[None] | None = None

    @property
    def report(self) -> ShutdownReport:
        """How the end went, as far as it has."""
        return ShutdownReport(tuple(self._runtime.abandoned), tuple(self._hook_errors))

    @property
    def has_begun(self) -> bool:
        """Tell whether the system ends, or has ended."""
        return self._intent != Intent.NONE

    def watch_over(self, body: asyncio.Task[Any] | None) -> None:
        """Note whose block it is."""
        self._body = body
        self._killed: asyncio.Future[None] = self._runtime.loop.create_future()

    def add_hook(self, hook: Callable[[], Any], *, before: bool) -> None:
        """Call a hook before any actor ends, or when all have.

        Raises:
            ActorStoppedError: that moment is over.
        """
        if self._runtime.has_ended or (before and not self._is_before):
            raise ActorStoppedError(None)
        (self.before if before else self.after).append(hook)

    async def leave(self, error: BaseException | None) -> None:
        """End all actors as the block is left, and raise what has ended it, if that was not its body."""
        self.leaving = True
        if self._exit is None:
            self._exit = exit_in(error)
        self.begin(Intent.CLOSE if error is None else Intent.STOP)
        if self._intent == Intent.CLOSE and not self._runtime.has_ended:
            self._runtime.timers.after(_LONG, self._tell_of_wait)
            if self._close_timeout is not None:
                self._runtime.timers.after(self._close_timeout, self._stop_closing)
        cancelled = await self._until_ended(told=error is not None and is_in_cancelled_scope())
        if (tell := self._runtime.observers.left) is not None:
            tell(self._runtime.system)
        if self._body_cancelled and self._body is not None:
            self._body.uncancel()
        self._raise_outcome(error, cancelled)

    async def _until_ended(self, *, told: bool) -> asyncio.CancelledError | None:
        """Wait for the end; a cancel of the block makes it a stop, a further one a kill.

        A cancelled scope of anyio cancels anew whenever its task waits. That is one cancel: once the block has been
        `told` of it, the waits are shielded from scopes, and only a cancel of the task gets through.
        """
        cancelled = None
        task = self.task
        while task is not None and not task.done():
            waiter = self._runtime.loop.create_future()
            task.add_done_callback(functools.partial(_wake, waiter))
            with shielded(when=told):
                try:
                    await waiter
                except asyncio.CancelledError as error:
                    if not self._body_cancelled or cancelled is not None:
                        cancelled = error
                    self.begin(Intent.STOP if self._intent < Intent.STOP else Intent.KILL)
            told = told or (cancelled is not None and is_in_cancelled_scope())
        if task is not None:
            task.result()
        return cancelled

    def _raise_outcome(self, error: BaseException | None, cancelled: asyncio.CancelledError | None) -> None:
        exit_, self._exit = self._exit, None
        failures, self._failures = self._failures, []
        failed = f"the actor system {self._runtime.name!r} has failed"
        if exit_ is not None:
            if failures:
                log(
                    logging.ERROR,
                    "%s",
                    failed,
                    error=BaseExceptionGroup(failed, failures),
                    system=self._runtime.name,
                )
                with contextlib.suppress(Exception):  # one of a class of the user's that takes no notes
                    exit_.add_note(f"{failed}: {describe(failures)}")
            if exit_ is not error:
                raise exit_
        elif failures:
            if error is not None and not isinstance(error, (ActorStoppedError, asyncio.CancelledError)):
                failures.append(error)
            raise BaseExceptionGroup(failed, failures)
        elif cancelled is not None and (error is None or isinstance(error, asyncio.CancelledError)):
            raise cancelled  # otherwise what the body has raised is the cause, and surfaces

    def fail_from_outside(self, error: BaseException) -> None:
        """The top level has given up: the body of the block is cancelled, the block raises."""
        with contextlib.suppress(Exception):
            error.add_note(f"the system {self._runtime.name!r} ends with it")
        self._failures.append(error)
        self._end_body()

    def end_by(self, error: BaseException) -> None:
        """A handler has raised SystemExit or KeyboardInterrupt: end in order, and raise it from the block."""
        if self._exit is None:
            self._exit = error
        self._end_body()

    def request(self, intent: int) -> None:
        """Nothing is significant at the top level."""

    def _end_body(self) -> None:
        """Stop the tree and cancel the block's body, soon: never in the middle of the body's own step."""
        self.begin(Intent.STOP)
        if not self._body_cancelled and not self.leaving:
            self._runtime.loop.call_soon(self._cancel_body)

    def _cancel_body(self) -> None:
        if not self.leaving and not self._body_cancelled and self._body is not None:
            self._body_cancelled = True
            self._body.cancel()

    def begin(self, intent: int) -> None:
        if intent <= self._intent or self._runtime.has_ended:
            return
        self._intent = intent
        self._runtime.resume_all()
        if intent == Intent.KILL:
            self._killed.set_result(None)
        if self.task is None:
            self.task = self._runtime.make_task(self._end(), f"{self._runtime.name} ends")
        elif intent == Intent.KILL:
            self._kill_all()
        else:
            self._runtime.root.begin_stop(intent)
        if intent == Intent.STOP:
            self.limit()

    def limit(self) -> None:
        """Kill what is left once the time for the end is over."""
        if not self._limited and not self._runtime.has_ended:
            self._limited = True
            self._runtime.timers.after(self._timeout, lambda: self.begin(Intent.KILL))

    def _tell_of_wait(self) -> None:
        """The normal end takes long, which may be as it should, or not."""
        if self._intent == Intent.CLOSE:
            text = "the block of %s has waited for %g s for its actors to end; still at work: %s"
            self._warn(text, _LONG)

    def _stop_closing(self) -> None:
        """The time for the normal end is over: what is left is stopped, and what it is at is named."""
        if self._intent == Intent.CLOSE:
            text = "%s has not ended within close_timeout=%g s, and is stopped; still at work: %s"
            self._warn(text, self._close_timeout)
            self.begin(Intent.STOP)

    def _warn(self, text: str, seconds: float | None) -> None:
        name = self._runtime.name
        log(logging.WARNING, text, name, seconds, "; ".join(self._at_work()) or "no actor", system=name)

    def _at_work(self) -> list[str]:
        """Name what is waited for by the line that it is at, or the top level where no code of the user's runs."""
        cells, hook = self._runtime.root.table.values(), self.hook
        lines = lines_at_work(cells)
        if hook is not None and (line := own_line(await_chain(hook.get_coro()))) is not None:
            lines = chain([f"{hook.get_name()} at {line}"], lines)
        named = list(islice(lines, _MOST_NAMED + 1))
        if not named:
            named = [f"{cell.path} ({cell.state})" for cell in islice(cells, _MOST_NAMED + 1)]
        return named if len(named) <= _MOST_NAMED else [*named[:_MOST_NAMED], "and more"]

    async def _end(self) -> None:
        for hook in self.before:
            await self._run_hook(hook)
        self._is_before = False
        if self._intent == Intent.KILL:
            self._kill_all()
        await self._runtime.root.stop_all(self._intent)
        await self._close_store()
        while self.after:
            await self._run_hook(self.after.pop())
        self._runtime.end()

    def _kill_all(self) -> None:
        self._runtime.root.begin_stop(Intent.KILL)
        for cell in tuple(self._runtime.root.table.values()):
            cell.request(Intent.KILL)

    async def _close_store(self) -> None:
        """Close the store that the block has opened; once all is killed it has twice the grace to end its writes."""
        if self.store is None:
            return
        task = self._runtime.make_task(
            run_hook(self.store.close), f"{self._runtime.name} closes its store", Variables()
        )
        either: list[asyncio.Future[Any]] = [task, self._killed]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([task], timeout=2 * KILL_GRACE)
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=KILL_GRACE)
        if not task.done():
            self._runtime.abandon(task)
        elif not task.cancelled() and (error := task.result()) is not None:
            self._note_failure("the store of %s has failed to close", error)
        if self.store.abandoned:
            self._runtime.abandoned.append(self.store.abandoned)

    async def _run_hook(self, hook: Callable[[], Any]) -> None:
        task = self.hook = self._runtime.make_task(
            run_hook(hook), f"{self._runtime.name} shutdown hook", Variables()
        )
        error = await self._outcome_of(task)
        self.hook = None
        if (exit_ := exit_in(error)) is not None:
            self._exit = self._exit or exit_
        elif error is not None:
            self._note_failure("a shutdown hook of %s has failed", error)

    def _note_failure(self, words: str, error: BaseException) -> None:
        """Log what has failed at the end, and keep it for the block to raise."""
        self._hook_errors.append(error)
        log(logging.ERROR, words, self._runtime.name, error=error, system=self._runtime.name)

    async def _outcome_of(self, task: asyncio.Task[BaseException | None]) -> BaseException | None:
        """Wait for a hook and return what it raised; once all is killed it is cancelled, twice, and given up."""
        if self._killed.done():
            await asyncio.wait([task], timeout=KILL_GRACE)
        else:
            either: list[asyncio.Future[Any]] = [task, self._killed]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(2):
            if not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=KILL_GRACE)
        if not task.done():
            self._runtime.abandon(task)
        return TimeoutError("it took too long") if not task.done() or task.cancelled() else task.result()


def _wake(waiter: asyncio.Future[None], _: object) -> None:
    if not waiter.done():
        waiter.set_result(None)
