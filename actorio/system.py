"""The system: the root of the tree of actors, and an async context manager around its life.

The block is the system's life. Leaving it closes all actors in order (or stops them, when it is left by an
exception, a cancellation or a signal), and leaves nothing behind: no task, timer, name or thread.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import signal
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context as Variables
from dataclasses import dataclass
from threading import current_thread, get_ident, main_thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVarTuple, Unpack, cast, overload

from actorio._cell import KILL_GRACE, Cell, run_hook
from actorio._children import Children
from actorio._dispatcher import Dispatcher
from actorio._durations import check_duration, check_optional_duration
from actorio._states import Intent, Options
from actorio._typevar import TypeVar
from actorio.actor import Actor
from actorio.address import check_name, split_path
from actorio.errors import (
    ActorError,
    ActorStoppedError,
    NameInUseError,
    NameNotFoundError,
    WrongThreadError,
    describe,
)
from actorio.events import EventBus
from actorio.groups import Groups
from actorio.mailbox import Mailbox
from actorio.policy import Restart, Supervision
from actorio.ref import ActorRef
from actorio.registry import Registry
from actorio.snapshot import SystemSnapshot, take
from actorio.timers import TimerQueue

if TYPE_CHECKING:
    from actorio._observer import Observer
    from actorio.pool import PoolOptions, PoolRef

__all__ = ["ActorSystem", "ShutdownReport", "run"]

A = TypeVar("A", bound=Actor[Any])
R = TypeVar("R")
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")

logger = logging.getLogger("actorio")

_EAGER = sys.version_info >= (3, 12)
"""Whether the loop may run a task's first step inside another task's (eager task factories)."""
_REPORT_EVERY = 1.0
"""Seconds between two log records of failures of one actor: a crash loop must not flood the log."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_DEFAULT_MAILBOX: Mailbox[Any] = Mailbox()


@dataclass(frozen=True, slots=True)
class ShutdownReport:
    """How the end of a system went.

    Attributes:
        abandoned: what did not end by any means and was given up: paths of actors, names of tasks.
        failed: exceptions raised by shutdown hooks.
    """

    abandoned: tuple[str, ...]
    failed: tuple[BaseException, ...]


class ActorSystem:
    """A tree of actors on one event loop: `async with ActorSystem() as system`.

    Args:
        name: for logs and snapshots.
        shutdown_timeout: seconds that a stop of the whole tree may take before what is left is killed.
        handle_signals: SIGINT and SIGTERM end the block: the first in order, the second at once, the third
            exits the process. Only in the main thread.
    """

    path = ""

    def __init__(
        self, name: str = "actorio", *, shutdown_timeout: float = 10.0, handle_signals: bool = False
    ) -> None:
        self.name = check_name(name)
        self.shutdown_timeout = check_duration("shutdown_timeout", shutdown_timeout)
        self._handle_signals = handle_signals
        self.random = random.Random()
        """The source of all randomness of the system; seed it, or replace it before the block."""
        self.observer: Observer | None = None
        """Told of every boundary event, see `actorio.observability`; set it before the block."""
        self.groups = Groups()
        self.events = EventBus()
        self._registry = Registry()
        self._starting: dict[tuple[Children, str], asyncio.Future[ActorRef[Any] | None]] = {}
        self._inbox: deque[tuple[Callable[[], object], object]] = deque()
        self._abandoned: list[str] = []
        self._failures: list[BaseException] = []
        self._exit: BaseException | None = None
        self._signalled = 0
        self._before: list[Callable[[], Any]] = []
        self._after: list[Callable[[], Any]] = []
        self._hook_errors: list[BaseException] = []
        self._hook: asyncio.Task[BaseException | None] | None = None
        self._entered = self._ended = self._body_cancelled = False
        self._leaving = False
        self._end_task: asyncio.Task[None] | None = None

    # -- the block ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ActorError(f"the system {self.name!r} was entered already; make a new one")
        self._entered = True
        loop = asyncio.get_running_loop()
        self.loop = loop
        self.thread = get_ident()
        self.dispatcher = Dispatcher(loop)
        self.dispatcher.choose = getattr(loop, "actorio_choose", None)
        if self.observer is None:  # simulation watches every system of its loop
            self.observer = getattr(loop, "actorio_observer", None)
        self.timers = TimerQueue(loop)
        self.sent: asyncio.Future[None] = asyncio.Future(loop=loop)
        self.sent.set_result(None)
        self._variables = Variables()
        self._task_class: type[asyncio.Task[Any]] = getattr(loop, "actorio_task_class", asyncio.Task)
        self._body = asyncio.current_task()
        self._root = Children(self, self, "", Supervision())
        if self._handle_signals:
            self._catch_signals()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._leaving = True
        self._begin_end(Intent.CLOSE if error is None else Intent.STOP)
        cancelled = await self._until_ended()
        if self.observer is not None:
            self.observer.left(self)
        if self._body_cancelled and self._body is not None:
            self._body.uncancel()
        self._raise_outcome(error)
        if cancelled is not None:
            raise cancelled
        return None

    def _raise_outcome(self, error: BaseException | None) -> None:
        if self._exit is not None:
            exit_, self._exit = self._exit, None
            raise exit_
        if self._failures:
            failures, self._failures = self._failures, []
            if isinstance(error, Exception) and not isinstance(error, ActorStoppedError):
                failures.append(error)
            raise BaseExceptionGroup(f"the actor system {self.name!r} has failed", failures)

    async def _until_ended(self) -> asyncio.CancelledError | None:
        """Wait for the end; a cancel of the block makes it a stop, a further one a kill."""
        cancelled = None
        task = self._end_task
        while task is not None and not task.done():
            waiter = self.loop.create_future()
            task.add_done_callback(functools.partial(_wake, waiter))
            try:
                await waiter
            except asyncio.CancelledError as error:
                if not self._body_cancelled or cancelled is not None:
                    cancelled = error
                self._begin_end(Intent.STOP if self._intent < Intent.STOP else Intent.KILL)
        if task is not None:
            task.result()
        return cancelled

    async def shutdown(self) -> ShutdownReport:
        """End all actors in order; what they have accepted is handled, within `shutdown_timeout` seconds.

        Idempotent, and may be called from anywhere. Called in a handler it only begins the end, since that
        waits for the handler, and the report is empty.

        Cancellation: only this wait ends; the shutdown goes on.
        """
        self.check_usable()
        in_turn = self.current() is not None
        self._begin_end(Intent.CLOSE)
        self._limit(Intent.STOP)
        if not in_turn and self._end_task is not None:
            await asyncio.shield(self._end_task)
        return self.report

    @property
    def report(self) -> ShutdownReport:
        """How the end went, as far as it has."""
        return ShutdownReport(tuple(self._abandoned), tuple(self._hook_errors))

    def before_shutdown(self, hook: Callable[[Unpack[Ts]], Any], *args: Unpack[Ts]) -> None:
        """Call `hook(*args)`, a function or coroutine function, when the end begins, before any actor ends.

        In the order given; to stop taking requests, for instance. One that raises does not stop the others
        (see `ShutdownReport.failed`).
        """
        self._before.append(lambda: hook(*args))

    def after_shutdown(self, hook: Callable[[Unpack[Ts]], Any], *args: Unpack[Ts]) -> None:
        """Call `hook(*args)` when all actors have ended, the last given first; to close pools, for instance."""
        self._after.append(lambda: hook(*args))

    # -- actors ------------------------------------------------------------------------------------

    async def spawn(
        self,
        factory: Callable[[Unpack[Ts]], A],
        *args: Unpack[Ts],
        name: str | None = None,
        mailbox: Mailbox[Any] | None = None,
        restart: Restart = Restart.TRANSIENT,
        shutdown: float | None = 5.0,
        start_timeout: float | None = None,
    ) -> ActorRef[A]:
        """Start an actor; returns when its `on_start` has finished.

        Args:
            factory: a class of actors, or any function that makes one; called anew for each incarnation.
            args: its arguments; for keyword arguments use `functools.partial`.
            name: unique among its siblings, no `/`; None makes one up from the class.
            mailbox: the pattern of its mailbox, None for `Mailbox()`, which holds 1,000 messages.
            restart: when it is restarted.
            shutdown: seconds for its end (current message, `on_stop`) before it is killed; 0 kills at once,
                None waits for ever.
            start_timeout: seconds for `on_start`, None for no limit.

        Raises:
            Exception: what the constructor or `on_start` raised, unchanged; nothing is left behind then.
            NameInUseError: a sibling or an alias has the name.
            StartTimeoutError: `on_start` took longer than `start_timeout`.
            ActorStoppedError: the system, or the parent, is ending.
            TypeError, ValueError: an argument is not of its kind.

        Cancellation: the actor is killed, and the name is free when the call returns.
        """
        return await self.spawn_in(
            self._tree(), factory, args, name, mailbox, restart, shutdown, start_timeout
        )

    async def spawn_pool(
        self, factory: Callable[[Unpack[Ts]], A], *args: Unpack[Ts], **options: Unpack[PoolOptions]
    ) -> PoolRef[A]:
        """Start several actors of one kind behind one ref; options and promises as in `actorio.pool`.

        Raises and cancellation as in `spawn`.
        """
        from actorio.pool import spawn_pool

        return await spawn_pool(self.spawn, self, factory, args, options)

    async def get_or_spawn(
        self, name: str, factory: Callable[[Unpack[Ts]], A], *args: Unpack[Ts], **options: Any
    ) -> ActorRef[A]:
        """Return the top-level actor of that name, spawned if there is none; two calls at once give one actor.

        Options as in `spawn`. A start that fails is raised to all who wait for it; the next call tries again.
        """
        return await self.get_or_spawn_in(self._tree(), name, factory, args, options)

    @overload
    def lookup(self, name: str) -> ActorRef[Any]: ...
    @overload
    def lookup(self, name: str, expect: type[A]) -> ActorRef[A]: ...
    def lookup(self, name: str, expect: type[Any] | None = None) -> ActorRef[Any]:
        """Return the actor of a top-level name, an alias, or a path like `/shop/till`.

        Raises:
            NameNotFoundError: no living actor has it.
            TypeError: it is not of the class `expect`.
        """
        self.check_usable()
        cell = self._find(name)
        if cell is None:
            raise NameNotFoundError(f"no actor is called {name!r} in the system {self.name!r}")
        made_by = type(cell.instance) if cell.instance is not None else cell.factory
        if expect is not None and not (isinstance(made_by, type) and issubclass(made_by, expect)):
            raise TypeError(
                f"{cell.path} is a {getattr(made_by, '__qualname__', made_by)}, not a {expect.__qualname__}"
            )
        return cell.ref

    def register(self, alias: str, ref: ActorRef[Any]) -> None:
        """Give an actor a further name in the whole system; freed when it ends.

        Raises:
            NameInUseError: a top-level actor or an alias has it.
            ActorStoppedError: the actor has ended.
        """
        self.check_usable()
        check_name(alias)
        if not isinstance(ref, ActorRef):
            raise TypeError(f"register takes an ActorRef, not {type(ref).__name__}")
        if alias in self._registry or alias in self._root.table:
            raise NameInUseError(f"the name {alias!r} is in use")
        if not ref.is_alive:
            raise ActorStoppedError(ref, ref._cell.reason)
        self._registry.add(alias, ref._cell)

    def unregister(self, alias: str) -> None:
        """Free an alias.

        Raises:
            NameNotFoundError: there is no such alias.
        """
        if not self._registry.remove(alias):
            raise NameNotFoundError(f"there is no alias {alias!r}")

    def snapshot(self) -> SystemSnapshot:
        """Take a picture of the tree as it is now."""
        return SystemSnapshot(self.name, take(list(self._tree().table.values())))

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name!r}>"

    def _find(self, name: str) -> Cell | None:
        if not isinstance(name, str):
            raise TypeError(f"a name must be a str, not {type(name).__name__}")
        if not name.startswith("/"):
            return self._root.table.get(name) or self._registry.get(name)
        children: Children | None = self._root
        cell = None
        for part in split_path(name):
            cell = children.table.get(part) if children is not None else None
            if cell is None:
                return None
            children = cell.children
        return cell

    def _tree(self) -> Children:
        self.check_usable()
        if self._ended:
            raise ActorStoppedError(None)
        return self._root

    # -- for the runtime: starting -----------------------------------------------------------------

    async def spawn_in(
        self,
        children: Children,
        factory: Callable[..., Any],
        args: tuple[Any, ...],
        name: str | None = None,
        mailbox: Mailbox[Any] | None = None,
        restart: Restart = Restart.TRANSIENT,
        shutdown: float | None = 5.0,
        start_timeout: float | None = None,
        *,
        significant: bool = False,
        dynamic: bool = False,
    ) -> ActorRef[Any]:
        """Check the options of a spawn, and start the actor among these siblings."""
        self.check_usable()
        if not _is_factory(factory):
            raise TypeError(
                f"spawn takes a class of actors or a function that makes one, not {describe(factory)}"
            )
        if isinstance(factory, type) and not issubclass(factory, Actor):
            raise TypeError(
                f"spawn takes a class of actors, and {factory.__qualname__} is not a subclass of Actor"
            )
        if name is not None:
            check_name(name)
        options = _options(restart, shutdown, significant=significant, dynamic=dynamic)
        check_optional_duration("start_timeout", start_timeout)
        if mailbox is None:
            mailbox = _DEFAULT_MAILBOX
        elif not isinstance(mailbox, Mailbox):
            raise TypeError(f"mailbox must be a Mailbox, not {describe(mailbox)}")
        cell = children.start(factory, args, name, mailbox, options)
        if cell.starter is not None:
            await children.until_started(cell, start_timeout)
        return cell.ref

    async def get_or_spawn_in(
        self,
        children: Children,
        name: str,
        factory: Callable[..., Any],
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> ActorRef[Any]:
        """Find an actor among these siblings or start it, once."""
        key = (children, check_name(name))
        found = await self._found(key)
        if found is not None:
            return found
        future = self._starting[key] = self.loop.create_future()
        try:
            ref = await self.spawn_in(children, factory, args, name=name, **options)
        except BaseException as error:
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()  # raised here; the others, if any, raise it too
            else:
                future.set_result(None)
            raise
        else:
            future.set_result(ref)
            return ref
        finally:
            del self._starting[key]

    async def _found(self, key: tuple[Children, str]) -> ActorRef[Any] | None:
        """Return the actor of that name, once it has started; None when there is none."""
        children, name = key
        while True:
            starting, cell = self._starting.get(key), children.table.get(name)
            if starting is not None:
                found = await asyncio.shield(starting)
                if found is not None:  # otherwise who has started it was cancelled: the next in line is to
                    return found
            elif cell is None or cell.starter is None:
                return None if cell is None else cell.ref
            else:
                await children.after_start(cell)

    def children_of(self, owner: Cell, supervision: Supervision) -> Children:
        """Make the table of a cell's children."""
        return Children(self, owner, owner.path, supervision)

    def make_task(
        self, work: Coroutine[Any, Any, Any], name: str, variables: Variables | None = None
    ) -> asyncio.Task[Any]:
        """Make a task: the one place where the runtime does.

        Not by the loop's task factory: an eager first step would run before the cell knows its task.
        """
        task = self._task_class(
            work, loop=self.loop, name=name, context=self._variables if variables is None else variables
        )
        if self.observer is not None:
            self.observer.task_made(self, task)
        return task

    def is_alias(self, children: Children, name: str) -> bool:
        """Whether a top-level name is taken by an alias."""
        return children is self._root and name in self._registry

    def remember(self, cell: Cell) -> None:
        """A cell is in the tree."""
        if self.observer is not None:
            cell.mailbox.observed = True
            self.observer.spawned(cell)

    def forget(self, cell: Cell) -> None:
        """A cell has ended: its names and memberships are free before anybody is told."""
        self._registry.forget(cell)
        self.groups.forget(cell)

    def current(self) -> Cell | None:
        """Return the cell whose turn is running this code, None outside of turns."""
        cell = cast("Cell | None", self.dispatcher.current)
        if _EAGER and cell is not None and asyncio.current_task() is not cell.task:
            return None
        return cell

    def check_usable(self) -> None:
        """Refuse use from another thread or loop, and before the block.

        Raises:
            WrongThreadError: another thread, or another loop.
            ActorError: outside of the block.
        """
        if not self._entered:
            raise ActorError(
                f"the system {self.name!r} is not running: use `async with ActorSystem() as system`"
            )
        running = asyncio._get_running_loop()
        if get_ident() != self.thread or (running is not None and running is not self.loop):
            raise WrongThreadError(f"the system {self.name!r} belongs to another thread or event loop")

    # -- for the runtime: failures -----------------------------------------------------------------

    def fail_from_outside(self, error: BaseException) -> None:
        """The top level has given up: the body of the block is cancelled, the block raises."""
        error.add_note(f"the system {self.name!r} ends with it")
        self._failures.append(error)
        self._end_body()

    def end_by(self, error: BaseException) -> None:
        """A handler has raised SystemExit or KeyboardInterrupt: end in order, and raise it from the block."""
        if self._exit is None:
            self._exit = error
        self._end_body()

    def request(self, intent: Intent) -> None:
        """Nothing is significant at the top level."""

    def broken(self, where: str, error: BaseException) -> None:
        """The machinery itself has failed, which is a bug of this package: never silent."""
        logger.critical("internal error in the task of %s", where, exc_info=error)
        self.fail_from_outside(error)

    def log_failure(self, cell: Cell, message: object, error: BaseException, last: float) -> float:
        """Log a failure unless that actor had one within the last second; returns when it last was logged."""
        now = self.timers.now()
        if now - last < _REPORT_EVERY or isinstance(error, (SystemExit, KeyboardInterrupt)):
            return last
        what = "" if message is None else f" while it handled {describe(message)}"
        logger.error("%s (incarnation %d) has failed%s", cell.path, cell.incarnation, what, exc_info=error)
        return now

    def abandon(self, cell: Cell, task: asyncio.Task[Any]) -> None:
        """Give up a task that swallows every cancel; named in the log and in the report."""
        self._abandoned.append(task.get_name())
        stack = task.get_stack(limit=1)
        where = f" at {stack[0].f_code.co_filename}:{stack[0].f_lineno}" if stack else ""
        logger.warning("abandoned %s: it swallows every cancel%s", task.get_name(), where)

    def _end_body(self) -> None:
        """Stop the tree and cancel the block's body, soon: never in the middle of the body's own step."""
        self._begin_end(Intent.STOP)
        if not self._body_cancelled and not self._leaving:
            self.loop.call_soon(self._cancel_body)

    def _cancel_body(self) -> None:
        if not self._leaving and not self._body_cancelled and self._body is not None:
            self._body_cancelled = True
            self._body.cancel()

    # -- for the runtime: the end ------------------------------------------------------------------

    _intent = Intent.NONE
    _limited = False

    def _begin_end(self, intent: Intent) -> None:
        if intent <= self._intent or self._ended:
            return
        self._intent = intent
        if self._end_task is None:
            self._end_task = self.make_task(self._end(), f"{self.name} ends")
        elif intent is Intent.KILL:
            self._kill_all()
        else:
            self._root.begin_stop(intent)
        if intent is Intent.STOP:
            self._limit(intent)

    def _limit(self, intent: Intent) -> None:
        """Kill what is left once the time for the end is over."""
        if not self._limited and not self._ended:
            self._limited = True
            self.timers.after(self.shutdown_timeout, lambda: self._begin_end(Intent.KILL))

    async def _end(self) -> None:
        await self._run_hooks(self._before)
        if self._intent is Intent.KILL:
            self._kill_all()
        await self._root.stop_all(self._intent)
        await self._run_hooks(list(reversed(self._after)))
        self._ended = True
        self._release_signals()
        self.groups.close()
        self.events.close()
        self._drain_inbox()
        self.timers.close()

    def _kill_all(self) -> None:
        if self._hook is not None:
            self._hook.cancel()
        self._root.begin_stop(Intent.KILL)
        for cell in tuple(self._root.table.values()):
            cell.request(Intent.KILL)

    async def _run_hooks(self, hooks: list[Callable[[], Any]]) -> None:
        for hook in hooks:
            task = self._hook = self.make_task(run_hook(hook), f"{self.name} shutdown hook", Variables())
            if self._intent is Intent.KILL:
                self.timers.after(KILL_GRACE, task.cancel)
            await asyncio.wait([task])
            self._hook = None
            error = TimeoutError("it took too long") if task.cancelled() else task.result()
            if isinstance(error, (SystemExit, KeyboardInterrupt)):
                self._exit = self._exit or error
            elif error is not None:
                self._hook_errors.append(error)
                logger.error("a shutdown hook of %s has failed", self.name, exc_info=error)

    # -- threads and signals -----------------------------------------------------------------------

    def from_thread(self, work: Callable[[], object], message: object) -> None:
        """Have `work` called on the system's thread; in order per thread.

        Raises:
            ActorStoppedError: the system has ended; `message` is handed back.
        """
        if not self._entered or self._ended:
            raise ActorStoppedError(None, None, message)
        first = not self._inbox
        self._inbox.append((work, message))
        if first:
            try:
                self.loop.call_soon_threadsafe(self._drain_inbox)
            except RuntimeError:  # the loop was closed in between
                raise ActorStoppedError(None, None, message) from None

    def _drain_inbox(self) -> None:
        while self._inbox:
            work, _ = self._inbox.popleft()
            work()

    def _catch_signals(self) -> None:
        if current_thread() is not main_thread():
            raise ActorError("handle_signals=True needs the main thread")
        for number in _SIGNALS:
            self.loop.add_signal_handler(number, self._on_signal, number)

    def _release_signals(self) -> None:
        if self._handle_signals:
            for number in _SIGNALS:
                self.loop.remove_signal_handler(number)

    def _on_signal(self, number: int) -> None:
        self._signalled += 1
        if self._signalled == 1:
            logger.info("%s ends by signal %d", self.name, number)
            self.end_by(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number))
        elif self._signalled == 2:
            self._begin_end(Intent.KILL)
        else:
            import os

            os._exit(128 + number)


def _called(main: object, args: tuple[object, ...]) -> object:
    return main(*args) if callable(main) else None


def _is_factory(factory: object) -> bool:
    return callable(factory) and not isinstance(factory, (Actor, ActorRef))


def _wake(waiter: asyncio.Future[None], _: object) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _options(restart: Restart, shutdown: float | None, *, significant: bool, dynamic: bool) -> Options:
    if restart is Restart.TRANSIENT and shutdown == 5.0 and not significant and not dynamic:
        return _DEFAULT_OPTIONS
    if not isinstance(restart, Restart):
        raise TypeError(f"restart must be a Restart, not {describe(restart)}")
    return Options(restart, check_optional_duration("shutdown", shutdown), significant, dynamic)


_DEFAULT_OPTIONS = Options()


def run(main: Callable[[Unpack[Ts]], Coroutine[Any, Any, R]], *args: Unpack[Ts]) -> R:
    """Run `main(*args)` as `asyncio.run` does, on uvloop where it is installed.

    Raises:
        TypeError: `main` is not a coroutine function.
    """
    work = _called(main, args)
    if not asyncio.iscoroutine(work):
        raise TypeError(f"run takes a coroutine function and its arguments, not {describe(main)}")
    try:
        import uvloop
    except ImportError:
        return cast("R", asyncio.run(work))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return cast("R", runner.run(work))
