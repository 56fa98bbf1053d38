"""The queue of a pool and the mailboxes of its routees, which are two ends of one thing.

A pool's mailbox is never read by the pool: its routees read it. A job that is put into it lies in the common
queue, or in the lane of the routee it is for; the mailbox of a routee shows the jobs that it may take, behind
what was sent to that routee itself. So a job makes one hop, not two; it is taken by whoever is idle, in
the turn of that routee, with the sender's contextvars and timeout; and what a sender is promised of an actor
holds of a pool, since the envelope is the same one.
"""

from __future__ import annotations

import asyncio
import bisect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from actorio._cell.states import State
from actorio._core.deadlock import WaitForMany
from actorio._core.envelope import ENVELOPES, QUEUED, Cast, Parcel, payload
from actorio._core.mailbox import Mailbox
from actorio._core.request import Call, Request, Submission
from actorio._core.store import Item, drop_dead
from actorio.errors import ActorError, describe
from actorio.work.routing import Work

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio.work.routee_mailbox import RouteeMailbox
    from actorio.work.routing import Routing

__all__ = ["JobQueue", "JobWatcher", "PoolMailbox"]


class PoolMailbox(Mailbox[Any]):
    """The mailbox of a pool: bound, overflow policy and line of waiting senders of the jobs of its routees.

    Args:
        jobs: what is behind it.
        pattern: its capacity and overflow policy, and the kind of its queue.
    """

    __slots__ = ("jobs", "readers")

    def __init__(self, jobs: JobQueue, pattern: Mailbox[Any]) -> None:
        super().__init__(pattern.capacity, overflow=pattern.overflow)
        self.jobs = jobs
        self.items = jobs
        self.readers = jobs.any_routee

    def observe(self, *, every: bool) -> None:
        """Change nothing: a send never stores a job by itself, observed or not."""

    def fresh(self) -> Mailbox[Any]:
        """Return itself: a pool has one mailbox, made for it."""
        return self

    def force(self, item: Item) -> None:
        """Store the item, and leave the pool asleep: whose job it is wakes up."""
        self.items.append(item)

    def close(self) -> None:
        """Take no more jobs, and have the pool see what that means for it."""
        super().close()
        self.jobs.changed()

    def drain(self) -> list[Item]:
        """Take out the jobs that nobody will do."""
        left = list(self.jobs)
        while self.jobs:
            self.jobs.popleft()
        return left


class JobWatcher:
    """Told when a routee begins a job and when it is done with it; a seam for limits on rate and time."""

    def may_take(self) -> bool:
        """Tell whether a job may begin now."""
        return True

    def begins(self, routee: RouteeMailbox, item: Item) -> None:
        """A routee takes a job."""

    def done(self, routee: RouteeMailbox) -> None:
        """A routee is done with its job, or has ended."""


class JobQueue:
    """The jobs of a pool that nobody has begun, and the routees that take them: the store behind a `PoolMailbox`."""

    def __init__(self, system: Any, routing: Routing, pattern: Mailbox[Any], watch: JobWatcher) -> None:
        self.system = system
        self.routing = routing
        self.watch = watch
        self.cell: Cell | None = None
        self.new_queue: Callable[[], Any] = pattern._new_items
        self.common: Any = self.new_queue()
        self._shortened: tuple[Any, bool] = self.common, False
        self.routees: tuple[RouteeMailbox, ...] = ()
        self._leaving: dict[RouteeMailbox, None] = {}
        """Those that take no new jobs any more, and whose lanes still hold some."""
        self._copies: dict[Item, bool] = {}
        """What lies in the lanes of several routees, each of which has one of its own."""
        self._size = 0
        self._idle: OrderedDict[RouteeMailbox, None] = OrderedDict()
        self._waiters: list[asyncio.Future[None]] = []
        self._failure: BaseException | None = None
        self.any_routee = WaitForMany(self._those_who_take, every=False)
        """Any of the routees, as one who may be waited for."""
        self.mailbox = PoolMailbox(self, pattern)

    # -- as the store of a mailbox -----------------------------------------------------------------

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Item]:
        yield from self.common
        for routee in (*self.routees, *self._leaving):
            yield from routee.lane

    def append(self, item: Item, /) -> None:
        """Put a job in its place, and wake whom it is for."""
        routees = self.routees
        chosen = self.routing.select(_seen(item), routees) if routees else ()
        if not chosen:
            self.common.append(item)
            self._size += 1  # only now: the priority function may have raised
            if self._idle and self.watch.may_take():
                next(iter(self._idle)).wake()
        elif len(chosen) == 1:
            self._assign(item, cast("RouteeMailbox", chosen[0]))
        else:
            self._hand_round(item, cast("Sequence[RouteeMailbox]", chosen))
        if self._size > self.mailbox.peak:
            self.mailbox.peak = self._size

    def popleft(self) -> Item:
        """Take out the oldest job of the longest queue: the overflow policy gives it up."""
        lanes = (routee.lane for routee in (*self.routees, *self._leaving))
        queue = self.common or max(lanes, key=len)
        item = queue.popleft()
        self._size -= 1
        self._shortened = queue, type(item) in ENVELOPES and self._copies.pop(item, False)
        return item

    def extendleft(self, items: Sequence[Item], /) -> None:
        """Put what `popleft` has just taken out back where it was."""
        queue, is_copy = self._shortened
        queue.extendleft(items)
        self._size += len(items)
        if is_copy:
            self._copies.update(dict.fromkeys(items, True))

    def drop_dead(self) -> None:
        """Take the jobs out that have ended."""
        for queue in (self.common, *(routee.lane for routee in (*self.routees, *self._leaving))):
            before = len(queue)
            drop_dead(queue)
            self._size -= before - len(queue)

    def _assign(self, item: Item, routee: RouteeMailbox) -> None:
        self._check_routee(routee)
        routee.lane.append(item)
        self._size += 1  # as above
        if self.watch.may_take():
            routee.wake()

    def _hand_round(self, item: Item, routees: Sequence[RouteeMailbox]) -> None:
        if type(item) in ENVELOPES and item.answers:
            item.fail(ActorError("several routees would answer; only a send or a cast goes to more than one"))
            return
        for routee in routees:
            self._check_routee(routee)
        for number, routee in enumerate(routees):
            copy = _copied(item, is_first=not number)
            self._assign(copy, routee)
            self._copies[copy] = True
            if number and self.cell is not None and (tell := self.cell.observers.accepted) is not None:
                tell(self.cell, copy)

    def _check_routee(self, routee: object) -> None:
        if routee not in self.routees:
            raise ActorError(f"the routing has chosen {describe(routee)}, who is not among the routees")

    # -- for the routees ---------------------------------------------------------------------------

    def take(self, routee: RouteeMailbox) -> Item:
        """Give a routee, whose turn it is, its next job."""
        item = (routee.lane or self.common).popleft()
        self._size -= 1
        if self.mailbox.waiting is not None:
            self.mailbox.admit()
        elif not self._size and self.mailbox.closed:
            self.changed()
        if type(item) in ENVELOPES:
            self._copies.pop(item, False)
            self._adopt(item, self.system._runtime.run_queue.current)
        self.watch.begins(routee, item)
        return item

    def _adopt(self, item: Any, cell: Cell) -> None:
        """Bind an envelope that was sent to the pool to the routee that is about to run it."""
        if self.cell is not None and (tell := cell.observers.handed_over) is not None:
            tell(self.cell, cell, item)
        kind = type(item)
        if kind is Request or kind is Call:
            item.cell = cell
            if item.asker is not None and item.state == QUEUED:
                item.asker.waits_on = cell
        elif kind is Submission:
            item.cell = cell

    def asleep(self, routee: RouteeMailbox) -> None:
        """A routee has nothing to do."""
        self.watch.done(routee)
        self._idle[routee] = None

    def awake(self, routee: RouteeMailbox) -> None:
        """A routee has been woken, whatever for."""
        self._idle.pop(routee, None)

    def joins(self, routee: RouteeMailbox) -> None:
        """A routee has started: from now on the routing may choose it."""
        routees = list(self.routees)
        bisect.insort(routees, routee, key=_number)
        self.routees = tuple(routees)
        self._place_again(self.common, self.new_queue())
        self.wake_idle()
        self.changed()

    def leaves(self, routee: RouteeMailbox) -> None:
        """A routee takes no more new jobs: it closes, or is on its way out."""
        self._idle.pop(routee, None)
        routees = self.routees
        place = bisect.bisect_left(
            routees, routee.number, key=_number
        )  # a scan would make the end of many quadratic
        if place < len(routees) and routees[place] is routee:
            self.routees = routees[:place] + routees[place + 1 :]
        if routee.lane:
            self._leaving[routee] = None
        self.wake_idle()  # a job that this one had been woken for
        self.changed()

    def give_back(self, routee: RouteeMailbox) -> None:
        """A routee has ended: what was meant for it goes to others, but for copies, of which they have their own."""
        self.watch.done(routee)
        self._leaving.pop(routee, None)
        lane, routee.lane = routee.lane, self.new_queue()
        if self._copies and self.cell is not None:
            lane = self._without_copies(lane, self.cell)
        self._place_again(lane, None)
        if self.mailbox.waiting is not None:  # copies may have made room
            self.mailbox.admit()
        if not self._size and self.mailbox.closed:
            self.changed()
        self.wake_idle()  # for those that were kept where the routing has failed

    def _without_copies(self, lane: Any, cell: Cell) -> list[Item]:
        left: list[Item] = []
        for item in lane:
            if type(item) in ENVELOPES and item in self._copies:
                del self._copies[item]
                self._size -= 1
                cell._undeliver(item)
            else:
                left.append(item)
        return left

    def wake_idle(self) -> None:
        """Wake those for whom there is something to do."""
        if not self._idle or not self._size or not self.watch.may_take():
            return
        for routee in [routee for routee in self._idle if routee.lane]:
            routee.wake()
        for routee in list(self._idle)[: len(self.common)]:
            routee.wake()

    def _place_again(self, queue: Any, fresh: Any) -> None:
        """Route the jobs of a queue anew, in their order."""
        if fresh is not None:
            self.common = fresh
        left = list(queue)
        self._size -= len(left)
        for item in left:
            try:
                self.append(item)
            except Exception:  # of a routing that did not raise when it took the job in: anyone may have it
                self._keep(item)

    def _keep(self, item: Item) -> None:
        try:
            self.common.append(item)
        except Exception:  # of the priority function, which has not raised before either
            self.common.extendleft((item,))
        self._size += 1

    def _those_who_take(self) -> Iterator[Cell | None]:
        """Return whom one waits for whose job nobody has begun; nobody in particular where there are no routees."""
        for routee in self.routees:
            yield routee.ref._cell

    # -- for the pool ------------------------------------------------------------------------------

    def changed(self) -> None:
        """Wake the pool, and those who wait for a change of the routees."""
        if (pool := self.mailbox.sleeper) is not None:
            self.mailbox.sleeper = None
            pool.wake()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Fail the pool in its turn, for what has failed outside of it; reported when it has no turn left."""
        if self.cell is not None and self.cell.state == State.STOPPING:
            self.cell.count_failure(error, unheard=True)
            return
        self._failure = error
        self.changed()

    def raise_failure(self) -> None:
        """Raise, in the pool's turn, what `fail` was told, once."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    async def change(self) -> None:
        """Wait for a change."""
        waiter = self.system._runtime.loop.create_future()
        self._waiters.append(waiter)
        await waiter


def _number(routee: RouteeMailbox) -> int:
    return routee.number


def _seen(item: Item) -> Any:
    """Return what a routing sees of an item: the message, or the work."""
    kind = type(item)
    if kind is Call or kind is Cast or kind is Submission:
        return Work(item.invocation.func, item.invocation.args, item.invocation.kwargs)
    return payload(item)


def _copied(item: Item, *, is_first: bool) -> Item:
    """Return an item to be handed round: the first one itself, else a copy, as no two turns may share contextvars."""
    if type(item) not in ENVELOPES:
        return Parcel(item, None)  # they are to be told apart
    return item if is_first else item.copy()
