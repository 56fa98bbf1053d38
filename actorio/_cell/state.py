"""The fields of a cell, and what can be asked of them without changing them."""

from __future__ import annotations

import asyncio
import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from actorio._cell.notices import Statistics, Terminated
from actorio._cell.rare import NOTHING_RARE, Part, rare_part
from actorio._cell.states import Intent, Options, State
from actorio._core.acceleration import accelerated
from actorio._core.envelope import (
    NO_MESSAGE,
    QUEUED,
    Envelope,
)
from actorio._core.mailbox import SHUT, UNUSED
from actorio._core.run_queue import Waiter
from actorio.address import child_path
from actorio.errors import (
    ExitReason,
)

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Generator

    from actorio._cell.errands import Errands
    from actorio._cell.overrides import Hooks
    from actorio._cell.protocols import Siblings, System
    from actorio._core.deadlines import Deadline
    from actorio._core.deadlock import WaitForMany, Waiting
    from actorio._core.mailbox import Mailbox
    from actorio._core.observer import Observers

__all__ = ["BEGIN", "KILL_GRACE", "CellState", "is_closing"]

Thing = TypeVar("Thing", bound="Owned")

KILL_GRACE = 0.25
"""Seconds between a kill, the second cancel, and giving the task up."""


class Owned(Protocol):
    """A thing that an incarnation owns, and cancels as it ends: a timer, its stash, its interleaved calls."""

    def cancel(self) -> object:
        """End it; nothing of it is seen any more."""


@accelerated
class CellCore(Waiter):
    """The hot fields of a cell, which its own task awaits."""

    __slots__ = (
        "envelope",
        "handled",
        "instance",
        "mailbox",
        "message",
        "observers",
        "task",
        "turns",
        "urgent",
        "waits_on",
    )

    envelope: Envelope | None
    handled: int
    instance: Any
    mailbox: Mailbox[Any]
    message: Any
    observers: Observers
    task: asyncio.Task[None] | None
    urgent: bool
    waits_on: Waiting | WaitForMany | None


class CellState(CellCore):
    """The parts of a cell. Its own task awaits it, and is woken through it."""

    __slots__ = (
        "__weakref__",
        "_ref",
        "args",
        "cancel_soon",
        "children",
        "context",
        "error",
        "factory",
        "hooks",
        "in_hand",
        "intent",
        "joiners",
        "name",
        "name_given",
        "options",
        "owned",
        "rare",
        "reason",
        "runtime",
        "siblings",
        "starter",
        "state",
        "stopper",
        "work",
    )

    def __init__(  # noqa: PLR0915 (one line a part)
        self,
        siblings: Siblings,
        factory: Callable[..., Any],
        args: tuple[Any, ...],
        name: str,
        mailbox: Mailbox[Any],
        options: Options,
    ) -> None:
        runtime = siblings.runtime
        self.runtime: System = runtime
        self.siblings = siblings
        self.factory = factory
        self.args = args
        self.name = name
        self.name_given = False
        self.mailbox = mailbox
        self.options = options
        run_queue = self.run_queue = runtime.run_queue
        self._loop, self.seen = run_queue.loop, run_queue.woken  # by hand: a call less in each spawn
        self.callback = None
        self._asyncio_future_blocking = False
        self.observers = runtime.observers
        self._ref: Any = None
        self.state = State.STARTING
        self.intent = Intent.NONE
        self.handled = 0
        self.rare = NOTHING_RARE
        self.task: asyncio.Task[None] | None = None
        self.instance: Any = None
        self.hooks: Hooks | None = None
        self.context: Any = None
        self.children: Siblings | None = None
        # what the turn is at
        self.turns: Any = None
        self.work: Any = None
        self.message: Any = NO_MESSAGE
        self.in_hand = False
        self.envelope: Envelope | None = None
        self.cancel_soon = False
        self.stopper: asyncio.Task[None] | None = None
        self.waits_on: Waiting | WaitForMany | None = None
        # what came from outside
        self.urgent = False
        # who is to be told; made when needed
        self.starter: Waiter | None = None
        self.joiners: list[Waiter] | None = None
        self.owned: dict[Any, Owned] | None = None
        self.reason: ExitReason | None = None
        self.error: BaseException | None = None

    # rare parts
    _alarm: Part[Deadline | None] = rare_part("alarm")
    deferred: Part[dict[Envelope, None] | None] = rare_part("deferred")
    ending: Part[ExitReason] = rare_part("ending")
    errands: Part[Errands | None] = rare_part("errands")
    failed: Part[int] = rare_part("failed")
    failure: Part[BaseException | None] = rare_part("failure")
    incarnation: Part[int] = rare_part("incarnation")
    """How often it was restarted."""
    interrupted: Part[Envelope | None] = rare_part("interrupted")
    links: Part[dict[Any, None] | None] = rare_part("links")
    notices: Part[deque[Terminated] | None] = rare_part("notices")
    parked: Part[bool] = rare_part("parked")
    start_failed: Part[bool] = rare_part("start_failed")
    tasks: Part[dict[asyncio.Task[Any], None] | None] = rare_part("tasks")
    watchers: Part[dict[Any, None] | None] = rare_part("watchers")
    watching: Part[dict[Any, None] | None] = rare_part("watching")

    is_far = False
    """Whether it stands for an actor of another node."""

    @property
    def path(self) -> str:
        """Its path, like `/shop/till`."""
        return child_path(self.siblings.path, self.name)

    @property
    def restarts(self) -> int:
        """How often it was restarted."""
        return self.incarnation

    @property
    def node(self) -> str | None:
        """The name of the node it is on; None without a cluster."""
        return self.runtime.node

    @property
    def has_ended(self) -> bool:
        """Tell whether it has ended for good."""
        return self.reason is not None

    def has_begun(self, request: Any) -> bool | None:
        """Tell whether the handling of a request has begun."""
        return bool(request.state != QUEUED)

    def add_watcher(self, watcher: Any) -> None:
        """Tell `watcher.notify` of its end, which has not come yet."""
        if self.watchers is None:
            self.watchers = {}
        self.watchers[watcher] = None

    def drop_watcher(self, watcher: Any) -> None:
        """Take that back."""
        if self.watchers is not None:
            self.watchers.pop(watcher, None)

    def add_joiner(self, joiner: Waiter) -> None:
        """Wake `joiner` at its end, which has not come yet."""
        if self.joiners is None:
            self.joiners = []
        self.joiners.append(joiner)

    def drop_joiner(self, joiner: Waiter) -> None:
        """Take that back."""
        if self.joiners is not None and joiner in self.joiners:
            self.joiners.remove(joiner)

    @property
    def ref(self) -> Any:
        """The ref of the actor: one object, held weakly after the end so that no cycle is left to collect."""
        ref: Any = self._ref
        if type(ref) is weakref.ref:
            ref = ref()
        if ref is None:
            ref = self.runtime.faces.ref(self)
            self._ref = ref if self.state != State.ENDED else weakref.ref(ref)
        return ref

    def disown(self) -> None:
        """Make its ref refuse everything, in a forked child: the ref knows the thread by heart."""
        if self._ref is not None and type(self._ref) is not weakref.ref:
            self._ref._thread = self.runtime.thread

    @property
    def owner(self) -> str:
        """The path of the actor that waits."""
        return self.path

    @property
    def reply_errors(self) -> tuple[type[Exception], ...]:
        """The exceptions that are answers, not failures."""
        errors: tuple[type[Exception], ...] = self.instance.reply_errors
        return errors

    def must_end(self) -> bool:
        """Tell whether no further message may run."""
        return self.intent > Intent.CLOSE

    def is_about_to_end(self) -> bool:
        """Tell whether the incarnation ends after its current turn, asked to or by a failure from outside."""
        return self.must_end() or self.failure is not None

    def must_end_at_once(self) -> bool:
        """Tell whether the current message may not end either."""
        return self.intent == Intent.KILL or self.intent == Intent.RESTART_NOW

    def is_killed(self) -> bool:
        """Tell whether a cancel of the task is a kill: ours, or one from outside that nobody took back."""
        task = self.task
        return self.must_end_at_once() or (
            self.interrupted is None and task is not None and task.cancelling() > 0
        )

    def exit_reason(self) -> ExitReason:
        """Return the reason that the present intent leads to."""
        intent = self.intent
        if intent <= Intent.CLOSE or intent == Intent.STOP_SELF:
            return ExitReason.NORMAL
        return ExitReason.KILLED if self.must_end_at_once() else ExitReason.SHUTDOWN

    def statistics(self) -> Statistics:
        """Return the counters."""
        depth = len(self.mailbox.items)
        return Statistics(depth, max(self.mailbox.peak, depth), self.handled, self.failed, self.restarts)

    def terminated(self) -> Terminated:
        """Return the notice of an actor that has ended."""
        return Terminated(self.ref, self.reason or ExitReason.NORMAL, self.error)

    @property
    def is_asleep(self) -> bool:
        """Tell whether it waits for mail, or for anything else to do."""
        mailbox = self.mailbox
        return mailbox.sleeper is self or (self.task is None and (mailbox is UNUSED or mailbox is SHUT))

    # -- what the incarnation owns ------------------------------------------------------------------

    def own(self, key: object, thing: Thing) -> Thing:
        """Keep a thing until the incarnation ends, which cancels it."""
        if self.owned is None:
            self.owned = {}
        self.owned[key] = thing
        return thing

    def owned_of(self, kind: type[Thing]) -> Thing | None:
        """Return the one of its kind that the incarnation owns, None when there is none."""
        return None if self.owned is None else cast("Thing | None", self.owned.get(kind))

    def let_go(self, key: object) -> None:
        """Let go of a thing."""
        if self.owned is not None:
            del self.owned[key]

    # -- telling -----------------------------------------------------------------------------------

    def _report(self, error: BaseException) -> None:
        """Make a failure known."""
        message = None if self.message is NO_MESSAGE else self.message
        if (tell := self.observers.failed) is not None:
            tell(self, message, error)

    def observers_changed(self) -> None:
        """Look at who observes it anew, before its next message; one that has ended is as it is."""
        if self.state == State.ENDED:
            return
        if self.observers.arrivals:
            self.open_mailbox()
        if self.mailbox is not UNUSED:
            self.mailbox.observe(every=self.observers.arrivals)
        self.urgent = True

    def count_failure(self, error: BaseException, *, unheard: bool) -> None:
        """Count an exception that does not end the actor; report one that nobody heard."""
        self.failed += 1
        if unheard:
            self._report(error)

    # -- what each part needs of the others ---------------------------------------------------------

    def set_wait(self, target: Waiting | WaitForMany | None) -> None:
        """Note whom it waits for."""
        self.waits_on = target

    def cancel_now(self) -> None:
        """Deliver a cancel that was asked for from inside the turn, at the await that is just beginning."""
        self.cancel_soon = False
        if self.task is not None:
            self.task.cancel()

    def _end_turn(self) -> None:
        self.run_queue.current = None
        self.waits_on = None

    @abstractmethod
    def open_mailbox(self) -> Mailbox[Any]:
        """Return the mailbox, made for it if it had none yet."""

    @abstractmethod
    def request(self, intent: int) -> None:
        """Note down what is asked and wake the task."""

    @abstractmethod
    def _request(self, intent: int) -> None:
        """Do so for this one alone."""

    @abstractmethod
    def construct(self) -> Any:
        """Make and return a new instance."""

    @abstractmethod
    def _tell_starter(self) -> None:
        """Wake who waits for its start."""

    @abstractmethod
    def _poke(self) -> None:
        """Wake the task, to look again."""

    @abstractmethod
    def _end(self, reason: ExitReason, error: BaseException | None) -> None:
        """End for good."""


class _Begin:
    """Awaited first in a coroutine that is begun by hand, before there is a task: a cancel always finds it there."""

    def __await__(self) -> Generator[None, None, None]:
        yield


BEGIN = _Begin()


def is_closing(error: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Tell whether the coroutine of a task is closed with its loop; a GeneratorExit in its own step is its failure."""
    if not isinstance(error, GeneratorExit):
        return False
    return task is None or asyncio.current_task(task.get_loop()) is not task
