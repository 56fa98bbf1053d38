"""The seam for tracing, metrics, inspection and simulation: the one place that is told of every boundary event.

Subclass `Observer`, override the events that matter, say by `level` how much is to be told, and hand it over:

    class Crashes(Observer):
        level = "lives"

        def failed(self, cell, message, error):
            ...

    runtime.observe(Crashes())              # of all the system; runtime.unobserve(it) takes that back
    runtime.observe(Crashes(), ref._cell)   # of one actor, over its restarts

Observers come and go at any time, also in the middle of a turn, and several may be there at once; they are told in
the order in which they came, the event bus and the log of failures after them, which are observers as well.
`system.observer`, set before the block, is one more. All methods are called on the system's thread, in the order of
what happens, and must not wait. What one raises is a report to the loop's exception handler, the first time for each
event, and nobody else's concern: no message, reply or notice is lost by it.

The levels, each with all that comes before it:

- `lives`: lives of actors, dead letters, watches, the system. Nothing is told per message, and nothing is slower.
- `turns`: `begun`, `ended`, `begun_beside`, `ended_beside`, `answered`, `put_back`. Mailboxes keep their fast path, so
  an item is what lies in them: a plain message as it is, or an envelope of `_core.envelope` or `_core.request`.
- `arrivals`: `asked`, `queued`, `accepted`, `handed_over`. Mailboxes give up their fast path, and each
  plain message has a `Parcel` of its own, which tells equal messages apart; only those that were accepted before the
  observer came have none.

An item's way is `queued` (only when there is no room), `accepted`, `begun`, then one of `ended`, `failed` and
`dead_letter`; an ask or submitted work also has one `answered`, wherever it is by then. An observer that comes during a
turn may be told of the end of that turn alone.

An event that nobody wants costs one `is not None`: `Observers` has None for it.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from actorio._core.log import log

if TYPE_CHECKING:
    from actorio.errors import ExitReason

__all__ = ["Combined", "Level", "Observer", "Observers"]

Level = Literal["lives", "turns", "arrivals"]
Tell = Callable[..., None]

_LEVELS: tuple[Level, ...] = ("lives", "turns", "arrivals")
_OF_AN_ITEM = frozenset({"accepted", "answered", "asked", "begun", "ended", "queued"})
"""Events of a cell and one item, that come with each message."""
_LEVEL_OF: dict[str, Level] = {
    **dict.fromkeys(("begun", "ended", "begun_beside", "ended_beside", "answered", "put_back"), "turns"),
    **dict.fromkeys(("asked", "queued", "accepted", "handed_over"), "arrivals"),
}


class Observer:
    """Told of boundary events. Subclass it; what is not overridden does nothing, and costs nothing.

    Attributes:
        level: how much it is told of, see above; each level has all of those before it.
    """

    level: Level = "arrivals"
    never_raises = False
    """Whether it catches all that other code raises in it: alone, it is then told of messages without a guard, which
    costs a tenth of a send."""

    def wants(self, event: str) -> bool:
        """Tell whether it is to be told of the event of that name; asked whenever observers come or go."""
        is_overridden = getattr(getattr(self, event), "__func__", None) is not getattr(Observer, event)
        return is_overridden and _LEVELS.index(_LEVEL_OF.get(event, "lives")) <= _LEVELS.index(self.level)

    # -- an actor's life ---------------------------------------------------------------------------

    def constructed(self, cell: Any) -> None:
        """It has a new instance; neither `on_start` nor a message has begun."""

    def spawned(self, cell: Any) -> None:
        """The cell is in the tree; its `on_start` has not begun."""

    def started(self, cell: Any) -> None:
        """Its first incarnation has started."""

    def restarted(self, cell: Any) -> None:
        """A further incarnation has started."""

    def requested(self, cell: Any, intent: int) -> None:
        """It was asked to end, more urgently than before."""

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """The incarnation has failed, in a message, or in a hook or task when it is None."""

    def continued(self, cell: Any) -> None:
        """The incarnation goes on after a failure, as its supervisor has decided: the turn is over."""

    def suspended(self, cell: Any) -> None:
        """It begins no turn for now."""

    def resumed(self, cell: Any) -> None:
        """It goes on with its turns."""

    def decided(self, cell: Any, reason: ExitReason, verdict: int) -> None:
        """The incarnation takes no more turns; what its supervisor makes of that."""

    def last_hook(self, cell: Any, name: str) -> None:
        """`on_undelivered` or `on_stop` begins."""

    def stopped(self, cell: Any, reason: ExitReason) -> None:
        """An incarnation is gone."""

    def ended_for_good(self, cell: Any, reason: ExitReason) -> None:
        """The actor has ended: its name is free, nobody is told yet."""

    def group_restarts(self, group: Sequence[Any]) -> None:
        """These siblings are stopped in reverse order and started in order."""

    # -- messages ----------------------------------------------------------------------------------

    def asked(self, cell: Any, envelope: Any) -> None:
        """An ask, a call or submitted work is about to be put into its mailbox."""

    def queued(self, cell: Any, item: Any) -> None:
        """There is no room in its mailbox; the item waits in line."""

    def accepted(self, cell: Any, item: Any) -> None:
        """Its mailbox has taken an item (or, told so before, has dropped it as the newest)."""

    def handed_over(self, cell: Any, other: Any, item: Any) -> None:
        """An item that one mailbox has accepted is another actor's from now on, which is about to begin it."""

    def put_back(self, cell: Any, items: Sequence[Any]) -> None:
        """Items whose turn has ended without their being handled are first in the mailbox again, in order."""

    def begun(self, cell: Any, item: Any) -> None:
        """The item is taken out: a turn begins with it, or nobody waits for it any more and it is skipped."""

    def ended(self, cell: Any, item: Any) -> None:
        """The turn has ended without failing the actor."""

    def begun_beside(self, cell: Any, item: Any) -> None:
        """A call of an interleaved method begins, at its arrival, or in a turn that ends with that."""

    def ended_beside(self, cell: Any, item: Any) -> None:
        """A call of an interleaved method has ended, whatever came of it."""

    def answered(self, cell: Any, envelope: Any) -> None:
        """An ask, a call or submitted work has its outcome: its `value` if it is ANSWERED, its `error` if FAILED.

        Who asks is still its `asker`, if that is an actor; it is forgotten after this.
        """

    def dead_letter(self, cell: Any, message: Any, reason: str) -> None:
        """A message will not be handled."""

    # -- watches -----------------------------------------------------------------------------------

    def watched(self, cell: Any, other: Any) -> None:
        """The cell is to be told of the end of the other."""

    def unwatched(self, cell: Any, other: Any) -> None:
        """The cell is not to be told."""

    def notified(self, cell: Any, notice: Any) -> None:
        """The cell is about to be told of the end of an actor it watches."""

    # -- durable actors ----------------------------------------------------------------------------

    def recovered(self, cell: Any, actor: Any) -> None:
        """A durable actor has its state back; its first message has not begun."""

    def persisting(self, cell: Any, actor: Any, write: Any) -> None:
        """A durable actor hands a write to its store."""

    def persisted(self, cell: Any, actor: Any, write: Any, error: BaseException | None) -> None:
        """The actor has learned what came of that write; nothing of an error is a success."""

    # -- the system --------------------------------------------------------------------------------

    def task_made(self, system: Any, task: asyncio.Task[Any]) -> None:
        """The runtime has made a task."""

    def left(self, system: Any) -> None:
        """The block is about to be left: all actors have ended."""


EVENTS = tuple(
    name
    for name, value in vars(Observer).items()
    if callable(value) and not name.startswith("_") and name != "wants"
)


class Combined(Observer):
    """Several observers as one: each is told of the events that it wants, in the order given."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.level = _LEVELS[max((_LEVELS.index(observer.level) for observer in observers), default=0)]
        for event in EVENTS:
            tell = _tell_all(
                event, [getattr(observer, event) for observer in observers if observer.wants(event)]
            )
            if tell is not None:
                setattr(self, event, tell)


class Observers:
    """All who observe a system, or one actor: for each event what tells them of it, None where nobody wants it.

    Args:
        changed: called when the mailboxes and loops of the actors concerned have to look anew.
        above: whose events are told to these observers too: those of the system, for one actor.
    """

    __slots__ = (*EVENTS, "__weakref__", "_above", "_below", "_changed", "_last", "_own", "arrivals", "turns")

    constructed: Tell | None
    spawned: Tell | None
    started: Tell | None
    restarted: Tell | None
    requested: Tell | None
    failed: Tell | None
    continued: Tell | None
    suspended: Tell | None
    resumed: Tell | None
    decided: Tell | None
    last_hook: Tell | None
    stopped: Tell | None
    ended_for_good: Tell | None
    group_restarts: Tell | None
    asked: Tell | None
    queued: Tell | None
    accepted: Tell | None
    handed_over: Tell | None
    put_back: Tell | None
    begun: Tell | None
    ended: Tell | None
    begun_beside: Tell | None
    ended_beside: Tell | None
    answered: Tell | None
    dead_letter: Tell | None
    watched: Tell | None
    unwatched: Tell | None
    notified: Tell | None
    recovered: Tell | None
    persisting: Tell | None
    persisted: Tell | None
    task_made: Tell | None
    left: Tell | None
    turns: bool
    """Whether anybody is told of turns."""
    arrivals: bool
    """Whether somebody observes arrivals, so that mailboxes give up their fast path."""

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        above: Observers | None = None,
    ) -> None:
        self._changed = changed
        self._above = above
        self._below: weakref.WeakSet[Observers] = weakref.WeakSet()
        self._last: list[Observer] = [] if above is None else above._last
        self._own: list[Observer] = []
        self.turns = self.arrivals = False
        if above is not None:
            above._below.add(self)
        self.compose()

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody observes but those above and those that are told last."""
        return not self._own

    def add(self, observer: Observer) -> None:
        """Tell it from now on, after those that are there."""
        self._own.append(observer)
        self.compose()

    def add_last(self, observer: Observer) -> None:
        """Tell it from now on, after all those that come and go."""
        self._last.append(observer)
        self.compose()

    def remove(self, observer: Observer) -> None:
        """Tell it no more.

        Raises:
            ValueError: it is not there.
        """
        self._own.remove(observer)
        self.compose()

    def compose(self) -> None:
        """Ask each observer anew what it wants to be told of."""
        before = self.turns, self.arrivals
        observers = self._first()
        for event in EVENTS:
            wanted = [getattr(observer, event) for observer in observers if observer.wants(event)]
            setattr(self, event, _tell_all(event, [*wanted, *self._wanted_last(event)]))
        self.turns = self.begun is not None or self.ended is not None
        self.arrivals = any(observer.level == "arrivals" for observer in observers)
        for below in tuple(self._below):
            below.compose()
        if before != (self.turns, self.arrivals):
            self._changed()

    def _first(self) -> list[Observer]:
        return self._own if self._above is None else [*self._above._first(), *self._own]

    def _wanted_last(self, event: str) -> list[Tell]:
        return [getattr(observer, event) for observer in self._last if observer.wants(event)]


def _tell_all(event: str, listeners: Sequence[Tell]) -> Tell | None:
    """Return one function that tells all of them, None when there is nobody."""
    if not listeners:
        return None
    if event not in _OF_AN_ITEM:
        return _telling(event, listeners)
    if len(listeners) == 1 and getattr(getattr(listeners[0], "__self__", None), "never_raises", False):
        return listeners[0]
    return _telling_of_item(event, listeners) if len(listeners) > 1 else _telling_one(event, listeners[0])


def _telling(event: str, listeners: Sequence[Tell]) -> Tell:
    failed: list[Tell] = []

    def tell(*details: Any) -> None:
        for listener in listeners:
            try:
                listener(*details)
            except (Exception, asyncio.CancelledError) as error:
                _report(event, listener, failed, error)

    return tell


def _telling_of_item(event: str, listeners: Sequence[Tell]) -> Tell:
    """Return what tells of the events that come with each message, in half the time of the other."""
    failed: list[Tell] = []

    def tell(cell: Any, item: Any) -> None:
        for listener in listeners:
            try:
                listener(cell, item)
            except (Exception, asyncio.CancelledError) as error:
                _report(event, listener, failed, error)

    return tell


def _telling_one(event: str, listener: Tell) -> Tell:
    """Return what tells one alone, in half of that: the usual case."""
    failed: list[Tell] = []

    def tell(cell: Any, item: Any) -> None:
        try:
            listener(cell, item)
        except (Exception, asyncio.CancelledError) as error:
            _report(event, listener, failed, error)

    return tell


def _report(event: str, listener: Tell, failed: list[Tell], error: BaseException) -> None:
    """Report what an observer has raised, once for each event: it may be told of very many."""
    if listener in failed:
        return
    failed.append(listener)
    name = type(getattr(listener, "__self__", listener)).__qualname__
    message = f"the observer {name} of actors has failed, told of {event!r}"
    loop = asyncio._get_running_loop()
    if loop is None:
        log(logging.CRITICAL, "%s", message, error=error)
    else:
        loop.call_exception_handler({"message": message, "exception": error})
