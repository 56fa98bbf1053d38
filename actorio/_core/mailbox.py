"""The mailbox of an actor: an `asyncio.Queue` with one reader, a bound, and fair waiting senders.

It differs from a plain `asyncio.Queue` where that loses or costs: one deque instead of four, made when it first
holds more than a few messages; the closed flag is tested in the same step that stores; a sender that waits has its
place in line, since the reader itself moves its message in as soon as it takes one out.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from actorio._core.acceleration import accelerated
from actorio._core.checks import check_count, check_instance
from actorio._core.envelope import payload
from actorio._core.ring import MOST_FEW, Few, FirstStore, Ring
from actorio._core.store import Item, Items, Line, WaitingSender, drop_dead
from actorio._core.typevar import TypeVar
from actorio.errors import ActorStoppedError, MailboxFullError

if TYPE_CHECKING:
    from actorio._core.deadlock import WaitForMany, Waiting

__all__ = ["SHUT", "UNUSED", "Mailbox", "MailboxCore", "Overflow"]

M = TypeVar("M", default=Any)


class Overflow(enum.Enum):
    """The ways of a bounded mailbox with a message for which there is no room."""

    WAIT = "wait"
    """The sender waits, first come first served."""
    FAIL = "fail"
    """The sender gets `MailboxFullError`."""
    DROP_NEW = "drop_new"
    """The message becomes a dead letter."""
    DROP_OLD = "drop_old"
    """The oldest message in the mailbox becomes a dead letter, this one gets its place."""


class _Sleeper(Protocol):
    def wake(self) -> None: ...


@accelerated
class MailboxCore:
    """The fields of a mailbox."""

    __slots__ = (
        "_room",
        "capacity",
        "closed",
        "dead",
        "items",
        "limit",
        "observed",
        "overflow",
        "peak",
        "sleeper",
        "waiting",
    )


class Mailbox(MailboxCore, asyncio.Queue[M], Generic[M]):
    """A bounded queue with one reader.

    Passed to `spawn` it is a pattern: each actor gets a mailbox of its own with the same settings. Public are its
    settings and what an `asyncio.Queue` has; all else is for the runtime, and may change with any version.

    Args:
        capacity: most messages at a time, at least 1; None is unbounded.
        overflow: what happens to a message for which there is no room.
    """

    __slots__ = ()

    readers: Waiting | WaitForMany | None = None
    """Who takes what is in it, as one node of the graph of waits; None for its own actor."""
    items: Items
    """What was accepted and not taken, first to last."""
    limit: int
    """Below this many items a message goes straight in; -1 sends every one through `accept`."""

    def __init__(self, capacity: int | None = 1000, *, overflow: Overflow = Overflow.WAIT) -> None:
        if capacity is not None:
            check_count("capacity", capacity, least=1)
        room = _MOST if capacity is None else min(capacity, _MOST)
        self._setup(capacity, check_instance("overflow", overflow, Overflow), room)

    def _setup(self, capacity: int | None, overflow: Overflow, room: int) -> None:
        self.capacity = capacity
        self.overflow = overflow
        self.items = _EMPTY
        self.limit = -1
        self.peak = 0
        self.closed = False
        self.observed = False
        self.dead = 0
        self.sleeper: _Sleeper | None = None
        self.waiting: Line | None = None
        self._room = room

    def fresh(self) -> Mailbox[M]:
        """Return an empty mailbox with the same settings."""
        mailbox = MailboxCore.__new__(type(self))
        mailbox._setup(self.capacity, self.overflow, self._room)
        return mailbox

    # -- for senders -------------------------------------------------------------------------------

    def accept(self, item: Item, dropped: Callable[[Item], None]) -> bool:
        """Store the item if that can be done at once; True when done with, False when it has to wait or fail.

        `dropped` is told which item the overflow policy gave up, this one or an older one.
        The caller has seen that the mailbox is not closed.
        """
        if self.items is _EMPTY:
            self._open()
        if len(self.items) >= self._room and not self._sweep():
            if self.overflow is Overflow.DROP_NEW:
                dropped(item)
                return True
            if self.overflow is not Overflow.DROP_OLD:
                return False
            oldest = self.items.popleft()
            try:
                self.force(item)
            except BaseException:  # of a priority function or a routing: what stays out takes no place
                cast("Any", self.items).extendleft((oldest,))
                raise
            dropped(oldest)
            return True
        self.force(item)
        return True

    def force(self, item: Item) -> None:
        """Store the item even above the capacity: an actor's mail to itself, a timer's tick."""
        if self.items is _EMPTY:
            self._open()
        elif type(self.items) is Few and len(self.items) >= MOST_FEW:
            self._grow()
        if self.sleeper is not None:
            self.sleeper.wake()  # from the wrong loop that is refused, with nothing changed
            self.sleeper = None
        self.items.append(item)
        if len(self.items) > self._room:  # the reader does not see all of a peak that its own turn has made
            self.peak = max(self.peak, len(self.items))

    def put_back(self, items: Sequence[Item]) -> None:
        """Put items that were taken out in front of all others, above the capacity if need be, in their order."""
        if type(self.items) is Few and len(self.items) + len(items) > MOST_FEW:
            self._grow()
        cast("Any", self.items).extendleft(reversed(items))

    def _grow(self) -> None:
        self.items = Ring(self.items)
        self._set_limit()

    def queue_up(self, item: Item, room: WaitingSender) -> None:
        """Give the item a place in the line of those who wait for room."""
        if self.waiting is None:
            self.waiting = Line()
        self.waiting.append(item, room)

    def leave_line(self, room: WaitingSender) -> bool:
        """Take a waiting item back; False when it is not in line any more."""
        return self.waiting is not None and self.waiting.remove(room)

    def give_room_up(self) -> None:
        """Note that an item in it has ended: who needs the room gets it."""
        self.dead += 1
        if self.waiting is not None and self._sweep():
            self.admit()

    def _sweep(self) -> bool:
        """Make room, if items that have ended take some; True when there is room now."""
        if not self.dead:
            return False
        self.dead = 0
        drop_dead(cast("Any", self.items))
        return len(self.items) < self._room

    # -- for the reader ----------------------------------------------------------------------------

    def admit(self) -> None:
        """Move waiting items in, as far as there is room; the reader calls it after each item it takes."""
        waiting = self.waiting
        while waiting and len(self.items) < self._room:
            item, room = waiting.popleft()
            try:
                self.items.append(item)
            except Exception as error:  # a priority function's: the sender's to see, not the reader's
                room.refused(error)
            else:
                room.admitted()
        if not waiting:
            self.waiting = None

    def close(self) -> None:
        """Accept no more. What was accepted stays; what waits for room stays in line for `refuse_waiting`."""
        self.closed = True
        self.limit = -1

    def observe(self, *, every: bool) -> None:
        """Lead every message through `accept`, or, in the usual case, straight in again."""
        self.observed = every
        self._set_limit()

    def refuse_waiting(self, error: Callable[[Item], BaseException]) -> None:
        """Fail everybody who waits for room."""
        waiting, self.waiting = self.waiting, None
        for item, room in waiting or ():
            room.refused(error(item))

    def drain(self) -> list[Item]:
        """Take out all that is left."""
        left = list(self.items)
        self.items = _EMPTY
        self.limit = -1
        return left

    def _open(self) -> None:
        self.items = self._new_items()
        self._set_limit()

    def _set_limit(self) -> None:
        if self.observed or self.closed or self.items is _EMPTY:
            self.limit = -1
        elif type(self.items) is Few and self._room > MOST_FEW:
            self.limit = MOST_FEW  # the next one has the store become a deque
        else:
            self.limit = self._room

    def _new_items(self) -> Items:
        return FirstStore()  # type: ignore[no-any-return]

    # -- as an asyncio.Queue -----------------------------------------------------------------------

    @property
    def maxsize(self) -> int:
        """The capacity, 0 when unbounded."""
        return self.capacity or 0

    @property
    def _maxsize(self) -> int:
        return self.capacity or 0

    def qsize(self) -> int:
        """Return how many messages are in the mailbox."""
        return len(self.items)

    def empty(self) -> bool:
        """Tell whether no message is in the mailbox."""
        return not self.items

    def full(self) -> bool:
        """Tell whether there is no room left."""
        return len(self.items) >= self._room

    def put_nowait(self, item: M) -> None:
        """Put a message in, or follow the overflow policy.

        Raises:
            MailboxFullError: no room, and the policy is WAIT or FAIL.
            ActorStoppedError: the mailbox is closed.
        """
        if self.closed:
            raise ActorStoppedError(None, None, item)
        if not self.accept(item, lambda _: None):
            raise MailboxFullError(None, item)

    async def put(self, item: M) -> None:
        """Put a message in, waiting for room if the policy is WAIT.

        Raises:
            MailboxFullError: no room, and the policy is FAIL.
            ActorStoppedError: the mailbox is closed, or its actor ends while the message waits.

        Cancellation: the message is not put in, unless it was in already.
        """
        if self.closed or not self.full() or self.overflow is not Overflow.WAIT:
            return self.put_nowait(item)
        room = _WaitingPut(asyncio.get_running_loop().create_future())
        self.queue_up(item, room)
        try:
            await room.future
        except asyncio.CancelledError:
            self.leave_line(room)
            raise

    def get_nowait(self) -> M:
        """Take the first message.

        Raises:
            asyncio.QueueEmpty: there is none.
        """
        if not self.items:
            raise asyncio.QueueEmpty
        self.peak = max(self.peak, len(self.items))
        item = self.items.popleft()
        if self.waiting is not None:
            self._forget_cancelled()
            self.admit()
        return cast("M", payload(item))

    def _forget_cancelled(self) -> None:
        """Take those out of the line whose `put` was cancelled, and whose task has not run since."""
        gone = [
            room
            for _, room in self.waiting or ()
            if isinstance(room, _WaitingPut) and room.future.cancelled()
        ]
        for room in gone:
            self.leave_line(room)

    async def get(self) -> M:
        """Take the first message, waiting for one. One reader at a time.

        Raises:
            RuntimeError: another one is waiting already.

        Cancellation: no message is lost.
        """
        while not self.items:
            if self.sleeper is not None:
                raise RuntimeError("a mailbox has one reader, and it is waiting already")
            reader = _Reader(asyncio.get_running_loop().create_future())
            self.sleeper = reader
            try:
                await reader.future
            finally:
                if self.sleeper is reader:
                    self.sleeper = None
        return self.get_nowait()

    def task_done(self) -> None:
        """Not of use here: an actor's `close` and `join` say when all was handled."""
        raise NotImplementedError("a mailbox does not count finished work; close and join its actor instead")

    async def join(self) -> None:
        """Not of use here: an actor's `close` and `join` say when all was handled."""
        raise NotImplementedError("a mailbox does not count finished work; close and join its actor instead")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self.items)} of {self.capacity or 'unbounded'}>"

    __str__ = __repr__


class _Reader:
    """A plain task that waits in `Mailbox.get`."""

    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class _WaitingPut(_Reader):
    """A plain task that waits in `Mailbox.put`."""

    __slots__ = ()

    def admitted(self) -> None:
        self.wake()

    def refused(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


_EMPTY: Any = ()
"""Stands for the deque until the first message: an actor that never had mail does not pay for one."""
_MOST = 1 << 62
"""The room of a mailbox without a bound."""

UNUSED: Mailbox[Any] = Mailbox()
"""Stands for the mailbox of an actor that had no mail yet, with the settings of most: nothing is ever put into it."""
SHUT: Mailbox[Any] = Mailbox()
"""Stands for that of an actor that never will have any."""
SHUT.close()
