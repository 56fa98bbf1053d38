"""The system: the root of the tree of actors, and an async context manager around its life.

The block is the system's life. Leaving it closes all actors in order (or stops them, when it is left by an
exception, a cancellation or a signal), and leaves nothing behind: no task, timer, name or thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, Never, Self, TypeVarTuple, Unpack, cast, overload

from actorio._cell.current import current_cell
from actorio._cell.faces import Faces
from actorio._cell.states import Intent
from actorio._core.checks import (
    check_callable,
    check_class,
    check_duration,
    check_instance,
    check_optional_duration,
)
from actorio._core.observer import Observer
from actorio._core.typevar import TypeVar
from actorio._tree.keyboard_interrupt import InterruptGuard
from actorio._tree.runtime import Runtime
from actorio._tree.shutdown import Shutdown, ShutdownReport, check_store
from actorio._tree.signals import Signals
from actorio._tree.snapshot import SystemSnapshot, take
from actorio._tree.spawning import Spawning, SpawnOptions, get_or_spawn, spawn
from actorio.actor import Actor
from actorio.address import check_name, check_ref, split_path
from actorio.context import Context
from actorio.errors import ActorError, ActorStoppedError, NameInUseError, NameNotFoundError
from actorio.policy import AutoShutdown, Restart, Supervision
from actorio.ref import ActorRef
from actorio.work.pool import PoolOptions, PoolRef, spawn_pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actorio._cell.cell import Cell
    from actorio._cell.protocols import Siblings
    from actorio._core.events import EventBus
    from actorio._core.mailbox import Mailbox
    from actorio._tree.children import Children
    from actorio._tree.groups import Groups
    from actorio.inspection import Inspector
    from actorio.persistence.store import Store

__all__ = ["ActorSystem", "ShutdownReport", "current_actor"]

A = TypeVar("A", bound=Actor[Any])
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


_SUPERVISION = Supervision()


class ActorSystem:
    """A tree of actors on one event loop: `async with ActorSystem() as system`.

    Args:
        name: for logs and snapshots.
        shutdown_timeout: seconds that a stop of the whole tree may take before what is left is killed; with 0 a stop
            is a kill.
        close_timeout: seconds that the normal end of the block may take, in which actors handle what they have
            accepted; then what is left is stopped, within `shutdown_timeout`, and the log names the lines that it is
            at. None for no limit. Give one where nobody looks on, as in a web server.
        handle_signals: SIGINT and SIGTERM end the block: the first in order, the second at once, the third
            exits the process. Only in the main thread. On Windows, which sends no SIGTERM, Ctrl-Break (SIGBREAK)
            does the same.
        store: keeps what durable actors write (`actorio.persistence`). The block opens it before any actor, and
            closes it after the last one; one that is open already is left open.
        supervision: of the top-level actors: strategy, budget, backoff, and what to do about which exception.
        log_messages: the contents of messages are in the log too, not their types alone.
    """

    def __init__(
        self,
        name: str = "actorio",
        *,
        shutdown_timeout: float = 10.0,
        close_timeout: float | None = None,
        handle_signals: bool = False,
        store: Store | None = None,
        supervision: Supervision = _SUPERVISION,
        log_messages: bool = False,
    ) -> None:
        check_instance("supervision", supervision, Supervision)
        if supervision.auto_shutdown is not AutoShutdown.NEVER:
            raise ValueError("the top level has no significant actors: auto_shutdown is for a Supervisor")
        self.name = check_name(name)
        self.shutdown_timeout = check_duration("shutdown_timeout", shutdown_timeout)
        self._runtime = Runtime(self, Faces(Actor, ActorRef, Context), supervision, log_messages=log_messages)
        self.close_timeout = check_optional_duration("close_timeout", close_timeout)
        self._shutdown = Shutdown(self._runtime, self.shutdown_timeout, self.close_timeout)
        self._store = None if store is None else check_store(store)
        self._signals = Signals(self._runtime) if handle_signals else InterruptGuard(self._runtime)

    @property
    def groups(self) -> Groups:
        """The process groups, which are named sets of actors."""
        return self._runtime.groups

    @property
    def events(self) -> EventBus:
        """Return the events of the system, to subscribe to."""
        return self._runtime.events

    @property
    def random(self) -> Random:
        """The source of all randomness of the system; seed it, or replace it before the block."""
        return self._runtime.random

    @random.setter
    def random(self, source: Random) -> None:
        self._runtime.random = check_instance("random", source, Random)

    @property
    def observer(self) -> Observer | None:
        """For the simulation alone: what it is told is not public, and may change with any version."""
        return self._runtime.observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        self._runtime.observer = None if observer is None else check_instance("observer", observer, Observer)

    @property
    def store(self) -> Store:
        """The store that the system was given.

        Raises:
            ActorError: there is none.
        """
        if self._store is None:
            raise ActorError(f"the system {self.name!r} has no store: give it one by ActorSystem(store=...)")
        return self._store

    # -- the block ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._runtime.is_running:
            raise ActorError(f"the system {self.name!r} was entered already; make a new one")
        self._signals.check()
        if self._store is not None and not self._store.is_open:
            await self._store.open()
            self._shutdown.store = self._store
        self._runtime.start(self._shutdown)
        self._shutdown.watch_over(asyncio.current_task())
        self._signals.catch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if self._runtime.is_forked:
            if error is None:
                raise self._runtime.wrong_thread(f"the system {self.name!r}")
            return None
        try:
            await self._shutdown.leave(error)
        finally:
            self._signals.release()
        return None

    async def shutdown(self) -> ShutdownReport:
        """End all actors in order; what they have accepted is handled, within `shutdown_timeout` seconds.

        Idempotent, and may be called from anywhere. Called in a handler, or in a hook of the shutdown, it only
        begins the end, since that waits for the handler, and the report says what is known by then.

        Cancellation: only this wait ends; the shutdown goes on.
        """
        self._runtime.check_usable()
        current, hook = self._runtime.current(), self._shutdown.hook
        in_turn = current is not None and current.runtime is self._runtime
        in_hook = hook is not None and hook is asyncio.current_task()
        self._shutdown.begin(Intent.CLOSE)
        self._shutdown.limit()
        if not in_turn and not in_hook and self._shutdown.task is not None:
            await asyncio.shield(self._shutdown.task)
        return self.report

    @property
    def report(self) -> ShutdownReport:
        """How the end went, as far as it has."""
        return self._shutdown.report

    def before_shutdown(self, hook: Callable[[Unpack[Ts]], Any], *args: Unpack[Ts]) -> None:
        """Call `hook(*args)`, a function or coroutine function, when the end begins, before any actor ends.

        In the order given; to stop taking requests, for instance. One that raises does not stop the others
        (see `ShutdownReport.failed`).

        Raises:
            TypeError: not a callable.
            ActorStoppedError: the end has begun, and these hooks have run.
            WrongThreadError: from another thread or event loop than that of the block, once it was entered.
        """
        self._runtime.check_thread()
        check_callable("before_shutdown", hook)
        self._shutdown.add_hook(lambda: hook(*args), before=True)

    def after_shutdown(self, hook: Callable[[Unpack[Ts]], Any], *args: Unpack[Ts]) -> None:
        """Call `hook(*args)` when all actors have ended, the last given first; to close pools, for instance.

        Raises as `before_shutdown` does.
        """
        self._runtime.check_thread()
        check_callable("after_shutdown", hook)
        self._shutdown.add_hook(lambda: hook(*args), before=False)

    # -- actors ------------------------------------------------------------------------------------

    def spawn(
        self,
        factory: Callable[[Unpack[Ts]], A],
        *args: Unpack[Ts],
        name: str | None = None,
        mailbox: Mailbox[Any] | None = None,
        restart: Restart = Restart.TRANSIENT,
        shutdown: float | None = 5.0,
        start_timeout: float | None = None,
        dynamic: bool = False,
        **unknown: Never,
    ) -> Coroutine[Any, Never, ActorRef[A]]:
        """Start an actor: `ref = await system.spawn(...)`, which returns when its `on_start` has finished.

        Args:
            factory: a class of actors, or any function that makes one; called anew for each incarnation.
            args: its arguments; for keyword arguments use `functools.partial`.
            name: unique among its siblings, no `/`; None makes one up from the class.
            mailbox: the pattern of its mailbox, None for `Mailbox()`, which holds 1,000 messages.
            restart: when it is restarted.
            shutdown: seconds, None for no limit. When its supervisor or the system stops it, that is its time
                to end (current message, children, last hooks) before it is killed; however it ends, each of
                `on_undelivered` and `on_stop` has that long. A `ref.stop()` does not limit the current
                message. With 0 each stop is a kill, and no last hook ever runs.
            start_timeout: seconds for `on_start`, more than 0; None for no limit.
            dynamic: one of many alike: they are stopped together, not one after the other.
            unknown: there are no others.

        Raises:
            Exception: what the constructor or `on_start` raised, unchanged; nothing is left behind then.
            NameInUseError: a sibling or an alias has the name.
            StartTimeoutError: `on_start` took longer than `start_timeout`.
            ActorStoppedError: the system, or the parent, is ending; or `on_start` was left by `ActorExit` or a kill.
            DeadlockError: in a turn; the start waits, through whomever, for the actor whose turn it is.
            ActorError: the system was not entered.
            WrongThreadError: from another thread or event loop.
            TypeError, ValueError: an argument is not of its kind.

        Cancellation: the actor is killed, and the name is free when the call returns.
        """
        options = (name, mailbox, restart, shutdown, start_timeout)
        return Spawning(spawn(self._tree, factory, args, *options, dynamic=dynamic, unknown=unknown))

    def spawn_pool(
        self, factory: Callable[[Unpack[Ts]], A], *args: Unpack[Ts], **options: Unpack[PoolOptions]
    ) -> Coroutine[Any, Never, PoolRef[A]]:
        """Start several actors of one kind behind one ref; options and promises as in `actorio.work.pool`.

        Raises and cancellation as in `spawn`.
        """
        return Spawning(spawn_pool(self.spawn, self, factory, args, options))

    def get_or_spawn(
        self,
        name: str,
        factory: Callable[[Unpack[Ts]], A],
        *args: Unpack[Ts],
        **options: Unpack[SpawnOptions],
    ) -> Coroutine[Any, Never, ActorRef[A]]:
        """Return the top-level actor of that name, spawned if there is none; two calls at once give one actor.

        Whoever has the name is returned, made by that factory or not: `lookup(name, expect=Shop)` tells a class.
        One that is on its way to its end is waited for, and spawned anew.
        Options as in `spawn`. A start that fails is raised to all who wait for it; the next call tries again.
        """
        return Spawning(get_or_spawn(self._tree, name, factory, args, options))

    @overload
    def lookup(self, name: str) -> ActorRef[Any]: ...
    @overload
    def lookup(self, name: str, expect: type[A]) -> ActorRef[A]: ...
    def lookup(self, name: str, expect: type[Any] | None = None) -> ActorRef[Any]:
        """Return the actor of a top-level name, an alias, or a path like `/shop/till`.

        Raises:
            NameNotFoundError: no living actor has it.
            ValueError: it begins with a `/` and is no path.
            TypeError: it, or the routees of a pool, are not of the class `expect`, or that is no class.
        """
        self._runtime.check_usable()
        if expect is not None:
            check_class("expect", expect)
        cell = self._find(name)
        if cell is None:
            raise NameNotFoundError(f"no actor is called {name!r} in the system {self.name!r}")
        ref = cast("ActorRef[Any]", cell.ref)
        kind = ref._kind()
        if expect is not None and not (kind is not None and issubclass(kind, expect)):
            made = cell.factory if kind is None else kind
            raise TypeError(
                f"{cell.path} is a {getattr(made, '__qualname__', made)}, not a {expect.__qualname__}"
            )
        return ref

    def inspect(self, ref_or_path: ActorRef[Any] | str) -> Inspector:
        """Look into one actor: its figures, its state, its mail, the line it is at; see `actorio.inspection`.

        Args:
            ref_or_path: an actor of this system, or what `lookup` finds.

        Raises:
            NameNotFoundError: there is no such actor.
            ValueError: it belongs to another system.
            WrongThreadError: from another thread or event loop.
        """
        from actorio.inspection import Inspector  # `import actorio` brings nothing of it along

        self._runtime.check_usable()
        ref = self.lookup(ref_or_path) if isinstance(ref_or_path, str) else ref_or_path
        check_ref("inspect", ref)
        if ref._cell.runtime is not self._runtime:
            raise ValueError(f"inspect takes an actor of this system, and {ref.path} belongs to another")
        return Inspector(ref._cell)

    def register(self, alias: str, ref: ActorRef[Any]) -> None:
        """Give an actor a further name in the whole system; freed when it ends.

        Raises:
            NameInUseError: a top-level actor or an alias has it.
            ActorStoppedError: the actor has ended.
            TypeError, ValueError: not a name, not a ref, or one of another system.
        """
        self._runtime.check_usable()
        check_name(alias)
        check_ref("register", ref)
        if ref._cell.runtime is not self._runtime:
            raise ValueError(f"register takes an actor of this system, and {ref.path} belongs to another")
        if alias in self._runtime.names or alias in self._runtime.root.table:
            raise NameInUseError(f"the name {alias!r} is in use")
        if not ref.is_alive:
            raise ActorStoppedError(ref, ref._cell.reason)
        self._runtime.names.add(alias, ref._cell)

    def unregister(self, alias: str) -> None:
        """Free an alias.

        Raises:
            NameNotFoundError: there is no such alias.
        """
        self._runtime.check_usable()
        check_name(alias)
        if not self._runtime.names.remove(alias):
            raise NameNotFoundError(f"there is no alias {alias!r}")

    def snapshot(self) -> SystemSnapshot:
        """Take a picture of the tree as it is now; `ActorStoppedError` once the system has ended.

        It is one moment, so nothing else runs meanwhile: about 3 us an actor.
        """
        return SystemSnapshot(self.name, take(list(self._tree().table.values())))

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name!r}>"

    def _find(self, name: str) -> Cell | None:
        if not isinstance(name, str):
            raise TypeError(f"a name must be a str, not {type(name).__name__}")
        if not name.startswith("/"):
            return self._runtime.root.table.get(name) or self._runtime.names.get(name)
        children: Siblings | None = self._runtime.root
        cell = None
        for part in split_path(name):
            cell = children.table.get(part) if children is not None else None
            if cell is None:
                return None
            children = cell.children
        return cell

    def _tree(self) -> Children:
        self._runtime.check_usable()
        if self._runtime.has_ended:
            raise ActorStoppedError(None)
        return self._runtime.root


def current_actor() -> ActorRef[Any] | None:
    """Return the actor whose turn, hook or owned task runs this code, or whose `Worker`'s thread; None anywhere else.

    Owned tasks are those of `start_soon`, `pipe` and sources, and interleaved calls.
    """
    cell = current_cell()
    return None if cell is None else cell.ref
