"""The runtime that all the cells of a system share: its loop and thread, clock, run queue, tasks and failures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sys
from collections import deque
from contextvars import Context as Variables
from threading import get_ident
from typing import TYPE_CHECKING, Any

from actorio._cell.faces import Faces
from actorio._cell.frames import await_chain
from actorio._core.checks import check_instance
from actorio._core.deadlines import Deadlines
from actorio._core.events import EventBus
from actorio._core.log import is_logged, log
from actorio._core.observer import Observer, Observers
from actorio._core.run_queue import RunQueue, may_nest
from actorio._core.whose_code import own_line
from actorio._tree import forks
from actorio._tree.children import Children
from actorio._tree.groups import Groups
from actorio._tree.life_log import LifeLog, StartLog
from actorio._tree.names import Names
from actorio.errors import ActorError, ActorStoppedError, WrongThreadError
from actorio.policy import Supervision

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actorio._cell.cell import Cell
    from actorio._cell.protocols import Root
    from actorio._core.deadlock import Waiting

__all__ = ["Runtime"]

NO_THREAD = -1
"""What no thread has as its identity."""

_EAGER = sys.version_info >= (3, 12)
"""Whether the loop may run a task's first step inside another task's (eager task factories)."""


_MOST_FROM_THREADS = 256
"""Calls of other threads in one go, at most, before actors, timers and I/O have their turn."""


class Runtime:
    """The machinery of one system, for the runtime alone; `ActorSystem` is what users see of it."""

    loop: asyncio.AbstractEventLoop
    thread: int
    run_queue: RunQueue
    timers: Deadlines
    root: Children
    shutdown: Root
    starts_within = 0
    """How many starts run at this moment, one within the other."""
    is_forked = False
    """Whether this is a forked child, and the system its parent's."""

    def __init__(
        self, system: Any, faces: Faces, supervision: Supervision, *, log_messages: bool = False
    ) -> None:
        self.system = system
        self.faces = faces
        self.name = system.name
        self._supervision = supervision
        self.random = random.Random()
        self.node: str | None = None
        self.forgetters: tuple[Callable[[Any], None], ...] = ()
        self.groups = Groups(self.check_thread)
        self.observers = Observers(self._observers_changed)
        self.events = EventBus(self.check_thread, self.observers.compose)
        self.observers.add_last(self.events.publisher)
        self.log = LifeLog(contents=log_messages)
        self.observers.add_last(self.log)
        self._observer: Observer | None = None
        self.names = Names()
        self.starting: dict[tuple[Children, str], asyncio.Future[Any | None]] = {}
        self.abandoned: list[str] = []
        self.suspended: dict[Any, None] = {}
        """The actors that begin no turn for now."""
        self.turn_clock: Callable[[Any], float | None] | None = None
        """Says for how long an actor has been in its turn: set by who looks at all of them now and then."""
        self.is_running = False
        self.has_ended = False
        self._inbox: deque[tuple[Callable[[], object], object]] = deque()
        self._is_called = False

    def start(self, shutdown: Root) -> None:
        """Bind the system to the running loop."""
        loop = self.loop = asyncio.get_running_loop()
        self.thread = get_ident()
        self.is_running = True
        forks.remember(self)
        self.shutdown = shutdown
        self.run_queue = RunQueue.of(loop)
        self.run_queue.choose = getattr(loop, "actorio_choose", None)
        self.timers = Deadlines(loop)
        self._variables = Variables()
        self._task_class: type[asyncio.Task[Any]] = getattr(loop, "actorio_task_class", asyncio.Task)
        self.root = Children(self, shutdown, "", self._supervision)
        if is_logged(logging.DEBUG):
            self.observers.add_last(StartLog())
        if self.observer is None:  # simulation watches every system of its loop
            self.observer = getattr(loop, "actorio_observer", None)

    def end(self) -> None:
        """Let go of what is left when all actors have ended."""
        self.has_ended = True
        self.groups.close()
        self.events.close()
        while self._inbox:
            self._drain_inbox()
        self.timers.close()

    def children_of(self, owner: Cell, supervision: Supervision) -> Children:
        """Make the table of a cell's children."""
        return Children(self, owner, owner.path, supervision)

    def make_task(
        self, work: Coroutine[Any, Any, Any], name: str, variables: Variables | None = None
    ) -> asyncio.Task[Any]:
        """Make a task: the one place where the runtime does.

        Not by the loop's task factory: an eager first step would run before the cell knows its task.
        """
        if variables is None:  # one for all, but where a task may be stepped within the step of another
            variables = Variables() if may_nest(self.loop) else self._variables
        task = self._task_class(work, loop=self.loop, name=name, context=variables)
        if (tell := self.observers.task_made) is not None:
            tell(self.system, task)
        return task

    # -- observers ---------------------------------------------------------------------------------

    @property
    def observer(self) -> Observer | None:
        """The observer that was set before the block, by the simulation for instance."""
        return self._observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        if self._observer is not None:
            self.unobserve(self._observer)
        self._observer = observer
        if observer is not None:
            self.observe(observer)

    def observe(self, observer: Observer, cell: Cell | None = None) -> None:
        """Tell an observer of all that happens in the system from now on, or to one actor over its restarts.

        It may come and go at any time, in a turn too; several are told in the order in which they came. The events of
        a system (`task_made`, `group_restarts`, `left`) are told only to those that observe all of it.

        Raises:
            TypeError: not an `Observer`.
            WrongThreadError: from another thread or event loop.
        """
        check_instance("observer", observer, Observer)
        self.check_thread()
        if cell is None:
            self.observers.add(observer)
            return
        if cell.observers is self.observers:
            cell.observers = Observers(cell.observers_changed, above=self.observers)
            cell.observers_changed()
        cell.observers.add(observer)

    def unobserve(self, observer: Observer, cell: Cell | None = None) -> None:
        """Take `observe` back, with the same arguments; nothing is told to the observer after that.

        Raises:
            ValueError: it does not observe.
            WrongThreadError: from another thread or event loop.
        """
        self.check_thread()
        if cell is None:
            self.observers.remove(observer)
            return
        cell.observers.remove(observer)
        if cell.observers.is_empty and cell.observers is not self.observers:
            cell.observers = self.observers
            cell.observers_changed()

    def _observers_changed(self) -> None:
        if not self.is_running or self.has_ended:
            return
        cells = list(self.root.table.values())
        for cell in cells:  # and all below it
            if cell.children is not None:
                cells.extend(cell.children.table.values())
            cell.observers_changed()

    # -- names -------------------------------------------------------------------------------------

    def is_alias(self, children: Children, name: str) -> bool:
        """Tell whether a top-level name is taken by an alias."""
        return children is self.root and name in self.names

    def remember(self, cell: Cell) -> None:
        """A cell is in the tree."""
        if self.observers.arrivals:
            cell.open_mailbox().observe(every=True)
        if (tell := self.observers.spawned) is not None:
            tell(cell)

    def forget(self, cell: Cell) -> None:
        """A cell has ended: it is a member of nothing before anybody is told."""
        if self.groups.joined:
            self.groups.forget(cell)
        for forget in self.forgetters:
            forget(cell)

    def current(self) -> Waiting | None:
        """Return the cell whose turn, or the call beside its turns that, is running this code; None outside."""
        cell: Waiting | None = self.run_queue.current
        if _EAGER and cell is not None:
            task = asyncio.current_task()
            if task is not cell.task and task is not cell.stopper:
                return None
        return cell

    def resume_all(self) -> None:
        """End all suspensions: the system is about to end, which waits for its actors."""
        for cell in tuple(self.suspended):
            cell.errands.resume()

    def turn_seconds(self, cell: Cell) -> float | None:
        """Return for how long the actor has been in its turn, None where nobody has looked."""
        return None if self.turn_clock is None else self.turn_clock(cell)

    def disown(self) -> None:
        """This is a forked child, and the system its parent's: no thread of it is the system's."""
        self.is_forked = True
        self.thread = NO_THREAD
        cells = list(self.root.table.values())
        for cell in cells:
            cell.disown()
            if cell.children is not None:
                cells.extend(cell.children.table.values())

    def wrong_thread(self, what: str, instead: str = "") -> WrongThreadError:
        """Return the error of a call that is made where the system is not."""
        if self.is_forked:
            return WrongThreadError(f"{what} belongs to the process that this one was forked from")
        return WrongThreadError(f"{what} belongs to another thread or event loop{instead}")

    def check_usable(self) -> None:
        """Refuse use from another thread or loop, and before the block.

        Raises:
            WrongThreadError: another thread, or another loop.
            ActorError: outside of the block.
        """
        if not self.is_running:
            raise ActorError(
                f"the system {self.name!r} is not running: use `async with ActorSystem() as system`"
            )
        if get_ident() != self.thread or asyncio._get_running_loop() is not self.loop:
            self.check_thread()

    def check_thread(self) -> None:
        """Refuse use from another thread or loop; before the block any will do.

        Raises:
            WrongThreadError: another thread, or another loop.
        """
        if not self.is_running:
            return
        running = asyncio._get_running_loop()
        if get_ident() != self.thread or (running is not None and running is not self.loop):
            raise self.wrong_thread(f"the system {self.name!r}")

    # -- failures ----------------------------------------------------------------------------------

    def end_by(self, error: BaseException) -> None:
        """A handler has raised SystemExit or KeyboardInterrupt: end in order, and raise it from the block."""
        self.shutdown.end_by(error)

    def broken(self, where: str, error: BaseException) -> None:
        """The machinery itself has failed, which is a bug of this package: never silent."""
        log(logging.CRITICAL, "internal error in the task of %s", where, error=error, system=self.name)
        self.shutdown.fail_from_outside(error)

    def abandon(self, task: asyncio.Task[Any], why: str = "it swallows every cancel") -> None:
        """Give up a task that does not end; named in the log and in the report."""
        self.abandoned.append(task.get_name())
        line = own_line(await_chain(task.get_coro()))
        where = "" if line is None else f" at {line}"
        log(logging.WARNING, "abandoned %s: %s%s", task.get_name(), why, where, system=self.name)

    # -- threads -----------------------------------------------------------------------------------

    def from_thread(self, work: Callable[[], object], message: object) -> None:
        """Call `work` on the system's thread; in order per thread.

        Raises:
            ActorStoppedError: the system has ended; `message` is handed back.
        """
        if self.is_forked:
            raise self.wrong_thread(f"the system {self.name!r}")
        if not self.is_running or self.has_ended:
            raise ActorStoppedError(None, None, message)
        self._inbox.append((work, message))
        if not self._is_called:  # looked at after the append: whoever clears it afterwards sees the work
            self._is_called = True
            try:
                self.loop.call_soon_threadsafe(self._drain_inbox)
            except RuntimeError:  # the loop was closed, with the system in it or in between
                self._is_called = False  # nor is the next one to wait for what never comes
                raise ActorStoppedError(None, None, message) from None

    def finalise(self, work: Callable[[], object]) -> None:
        """Do the work of a finaliser, which may be called on any thread: on this one if it is the system's, or soon."""
        if get_ident() == self.thread and asyncio._get_running_loop() in (self.loop, None):
            work()
        else:
            with contextlib.suppress(ActorError):  # it has ended, and nobody waits any more
                self.from_thread(work, None)

    def _drain_inbox(self) -> None:
        """Do a share of what threads have asked for: one that never pauses must not keep the loop from its turn."""
        self._is_called = False
        try:
            for _ in range(min(len(self._inbox), _MOST_FROM_THREADS)):
                work, _message = self._inbox.popleft()
                work()
        finally:
            if self._inbox and not self._is_called and not self.has_ended:
                self._is_called = True
                self.loop.call_soon(self._drain_inbox)
