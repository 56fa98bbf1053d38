"""The cell and the mailbox of an actor that lives elsewhere: what a ref of another node, or of an entity, holds.

A ref sees no difference: a full mailbox is a window of messages that the other side has not taken yet, and who
finds it full waits in line as at any mailbox. Nothing lies in it: what there is room for goes to the `Line`, which
carries it and tells what becomes of it. Of nodes, frames and routes this file knows nothing.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from actorio._cell.notices import Terminated
from actorio._cell.states import Intent, State
from actorio._core.deadlock import wait_of_current
from actorio._core.envelope import ENDED, ENVELOPES, payload
from actorio._core.events import DeadLetter
from actorio._core.mailbox import Mailbox
from actorio._core.observer import Observers
from actorio._core.request import Call, Request
from actorio.errors import ActorError, ActorStoppedError, ExitReason, NotLocalError

if TYPE_CHECKING:
    from actorio._core.run_queue import Waiter
    from actorio._core.store import Item, WaitingSender

__all__ = ["FarCell", "FarMailbox", "Line", "Outgoing", "not_local"]

Outgoing = tuple[int, "Item", Any]
"""What was posted: its serial, the item, and how it is encoded."""


class Line(Protocol):
    """Carries the mail of far cells."""

    window: int
    ask_timeout: float
    busy: dict[FarCell, None]
    """The cells with mail under way: kept alive."""

    def node_of(self, cell: FarCell) -> str | None: ...
    def encode(self, cell: FarCell, item: Item) -> Any: ...
    def has_room(self, cell: FarCell) -> bool: ...
    def post(self, cell: FarCell, outgoing: Outgoing) -> None: ...
    def next_serial(self) -> int: ...
    def withdraw(self, cell: FarCell, request: Request, serial: int) -> None: ...
    def watch(self, cell: FarCell) -> None: ...
    def end(self, cell: FarCell, intent: int) -> None: ...


class FarMailbox(Mailbox[Any]):
    """Messages that have not been taken yet, at most `window`; behind them the line of those who wait."""

    __slots__ = ("cell", "untaken")

    def __init__(self, cell: FarCell, window: int) -> None:
        super().__init__(window)
        self.cell = cell
        self.untaken: deque[Outgoing] = deque()

    def full(self) -> bool:
        """Tell whether there is no room left."""
        return len(self.untaken) >= self._room

    def leave_line(self, room: WaitingSender) -> bool:
        """Take a waiting item back; one that has been sent is withdrawn over there."""
        if super().leave_line(room):
            return True
        if isinstance(room, Request):
            self.cell.withdraw(room)
        return False


class FarCell:
    """An actor that lives elsewhere, as its mail and its watchers see it.

    Args:
        runtime: the system on whose side it is.
        line: what carries its mail.
        address: what the line knows it by.
        path: on its own node.
        factory: its class, if that is known.
    """

    __slots__ = (
        "__weakref__",
        "_next",
        "_ref",
        "address",
        "asks",
        "error",
        "factory",
        "joiners",
        "line",
        "mailbox",
        "path",
        "reason",
        "run_queue",
        "runtime",
        "state",
        "waits_on",
        "watchers",
    )

    is_far = True
    observers = Observers(lambda: None)
    """Nobody observes the mail of another node."""
    hooks = instance = children = deferred = links = None

    def __init__(self, runtime: Any, line: Line, address: Any, path: str, factory: Any = None) -> None:
        self.runtime = runtime
        self.run_queue = runtime.run_queue
        self.line = line
        self.address = address
        self.path = path
        self.factory = factory
        self.mailbox = FarMailbox(self, line.window)
        self.asks: dict[Request, int] = {}
        self.state = State.RUNNING
        self.reason: ExitReason | None = None
        self.error: BaseException | None = None
        self.watchers: dict[Any, None] | None = None
        self.joiners: list[Waiter] | None = None
        self.waits_on: Any = None
        self._next: Any = None
        self._ref: weakref.ref[Any] | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def node(self) -> str | None:
        """The node it is on, None when that is not known yet."""
        return self.line.node_of(self)

    @property
    def has_ended(self) -> bool:
        """Tell whether it has ended, or its node was lost."""
        return self.reason is not None

    @property
    def ref(self) -> Any:
        """The ref of the actor: one object for as long as somebody has it."""
        ref = None if self._ref is None else self._ref()
        if ref is None:
            ref = self.runtime.faces.ref(self)
            self._ref = weakref.ref(ref)
        return ref

    @property
    def server(self) -> FarCell:
        """Whom one waits for who has mail here."""
        return self

    # -- mail --------------------------------------------------------------------------------------

    def put(self, item: Item) -> bool:
        """Send an item if there is room; False when it has to wait.

        Raises:
            ActorStoppedError: it has ended.
            ClusterError: the item cannot be sent.
            WrongThreadError: this is a forked child, whose parent has the cluster.
        """
        self._check_process()
        if self.mailbox.closed:
            raise ActorStoppedError(self.ref, self.reason, payload(item))
        encoded = self.line.encode(self, item)
        if type(item) is Request or type(item) is Call:
            self._limit(item)
        if self.mailbox.waiting or self.mailbox.full() or not self.line.has_room(self):
            self._next = encoded
            return False
        self._post(item, encoded)
        return True

    def _check_process(self) -> None:
        """Refuse what a forked child asks for: the ref knows the thread by heart, which is the same there."""
        if self.runtime.is_forked:
            raise self.runtime.wrong_thread(self.path)

    def _limit(self, request: Request) -> None:
        """An ask without a timeout has that of the line: it must not hang."""
        if getattr(request, "timeout", None) is None and request.alarm is None:
            request.timeout = self.line.ask_timeout
            deadline = self.run_queue.loop.time() + request.timeout
            request.alarm = self.runtime.timers.enter(deadline, request.expire)

    def queue_up(self, item: Item, room: WaitingSender) -> None:
        """Give an item that `put` has just found no room for its place in the line."""
        encoded, self._next = self._next, None
        self.line.busy[self] = None
        self.mailbox.queue_up((item, encoded), room)

    def _post(self, item: Item, encoded: Any) -> None:
        outgoing = (self.line.next_serial(), item, encoded)
        if not self.mailbox.untaken:
            self.line.busy[self] = None
        self.mailbox.untaken.append(outgoing)
        if isinstance(item, Request):
            self.asks[item] = outgoing[0]
        self.line.post(self, outgoing)

    def admit(self) -> None:
        """Send what waits, as far as there is room."""
        mailbox = self.mailbox
        while mailbox.waiting and not mailbox.full() and self.line.has_room(self):
            (item, encoded), room = mailbox.waiting.popleft()
            if type(item) in ENVELOPES and item.state >= ENDED:
                continue
            self._post(item, encoded)
            room.admitted()
        if not mailbox.waiting:
            mailbox.waiting = None
            if not mailbox.untaken:
                self.line.busy.pop(self, None)

    def taken(self, count: int) -> None:
        """The first `count` messages under way were taken."""
        untaken = self.mailbox.untaken
        for _ in range(min(count, len(untaken))):
            untaken.popleft()
        self.admit()

    def not_taken(self, serial: int) -> Item | None:
        """Take the message of that number out of those under way; None when it is not among them."""
        untaken = self.mailbox.untaken
        for index, (number, item, _) in enumerate(untaken):
            if number == serial:
                del untaken[index]
                self.admit()
                return item
        return None

    def refuse(self, item: Item, error: ActorError, reason: str) -> None:
        """Give a message that was not taken its fate: an ask fails, any other is a dead letter."""
        if isinstance(item, Request):
            self.asks.pop(item, None)
            item.fail(error)
        elif item is not None:
            self.dead_letter(payload(item), reason)

    def withdraw(self, request: Request) -> None:
        """Nobody waits for that answer any more."""
        serial = self.asks.pop(request, None)
        if serial is not None:
            self.line.withdraw(self, request, serial)

    def has_begun(self, request: Request) -> bool | None:
        """Tell whether its handling has begun: not known once it was sent."""
        return None if request in self.asks else False

    def accepted(self, item: Item) -> None:
        """Nobody observes the mail of another node."""

    def begin_interleaved(self, call: Any) -> bool:
        """Begin nothing here."""
        return False

    def dead_letter(self, message: Any, reason: str) -> None:
        """Publish a message that will not be handled, or may not be."""
        events = self.runtime.events
        if events.wants(DeadLetter):
            events.publish(DeadLetter(self.ref, message, reason))

    def wait_of_current(
        self, target: Any = None, *, ends_by_itself: bool = False
    ) -> Callable[[], None] | None:
        """Note that the actor whose turn it is waits for this one."""
        return wait_of_current(
            self.runtime, cast("Any", self) if target is None else target, ends_by_itself=ends_by_itself
        )

    # -- its end -----------------------------------------------------------------------------------

    def add_watcher(self, watcher: Any) -> None:
        """Tell `watcher.notify` of its end."""
        self._check_process()
        self.line.watch(self)
        if self.watchers is None:
            self.watchers = {}
        self.watchers[watcher] = None

    def drop_watcher(self, watcher: Any) -> None:
        """Take that back."""
        if self.watchers is not None:
            self.watchers.pop(watcher, None)

    def add_joiner(self, joiner: Waiter) -> None:
        """Wake `joiner` at its end."""
        self._check_process()
        self.line.watch(self)
        if self.joiners is None:
            self.joiners = []
        self.joiners.append(joiner)

    def drop_joiner(self, joiner: Waiter) -> None:
        """Take that back."""
        if self.joiners is not None and joiner in self.joiners:
            self.joiners.remove(joiner)

    def request(self, intent: int) -> None:
        """Ask it to end."""
        self._check_process()
        if self.reason is None and intent in (Intent.CLOSE, Intent.STOP, Intent.KILL):
            self.line.end(self, intent)

    def end(self, reason: ExitReason, error: BaseException | None = None) -> None:
        """It has ended: what waits for room is refused, and all are told. What is under way has fates to come."""
        if self.reason is not None:
            return
        self.reason, self.error = reason, error
        self.state = State.ENDED
        self.mailbox.close()
        self.mailbox.refuse_waiting(lambda packed: ActorStoppedError(self.ref, reason, payload(packed[0])))
        self.runtime.names.free_aliases(self)
        self.runtime.forget(self)
        watchers, self.watchers = self.watchers, None
        for watcher in watchers or ():
            watcher.notify(self.terminated())
        joiners, self.joiners = self.joiners, None
        for joiner in joiners or ():
            joiner.wake()
        if not self.mailbox.untaken:
            self.line.busy.pop(self, None)

    def statistics(self) -> NoReturn:
        """Raise `NotLocalError`: counters are where the actor is."""
        raise not_local("statistics", self.path)

    def terminated(self) -> Terminated:
        """Return the notice of its end."""
        return Terminated(self.ref, self.reason or ExitReason.NORMAL, self.error)


def not_local(what: str, path: str) -> NotLocalError:
    """Return the error of what cannot cross to another node: functions and iterators."""
    return NotLocalError(f"{what} needs an actor of this node, and {path} is not one; ask or call it")
