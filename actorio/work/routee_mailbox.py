"""The mailbox of a routee: what it sees is its own mail, then the jobs that are meant for it, then the common ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from actorio._core.mailbox import Mailbox
from actorio._core.store import drop_dead

if TYPE_CHECKING:
    from actorio._core.store import Item
    from actorio.work.job_queue import JobQueue

__all__ = ["RouteeMailbox"]


class RouteeMailbox(Mailbox[Any]):
    """The mailbox of a routee: its own mail first, then the jobs of its lane, then the common ones."""

    __slots__ = ("_reader", "_ref", "jobs", "lane", "number", "own")

    def __init__(self, jobs: JobQueue, number: int) -> None:
        self.jobs = jobs
        self.number = number
        self.own: deque[Item] = deque()
        self.lane = jobs.new_queue()
        self._ref: Any | None = None
        self._reader: Any = None
        super().__init__()
        self.items = _Shown(self)

    def observe(self, *, every: bool) -> None:
        """Change nothing: no message goes straight in, observed or not."""

    def fresh(self) -> Mailbox[Any]:
        """Return itself: each routee has one made for it."""
        return self

    @property
    def ref(self) -> Any:
        """The routee."""
        return cast("Any", self._ref)

    @ref.setter
    def ref(self, ref: Any) -> None:
        self._ref = ref

    @property
    def load(self) -> int:
        """How many jobs are meant for it: those in its lane, and the one it is at."""
        return len(self.lane) + (self._reader is None)

    @property  # a hook where the base has an attribute: the one moment at which a routee is known to be idle
    def sleeper(self) -> Any:
        """Who waits for mail: the routee, when it is idle."""
        return self._reader

    @sleeper.setter
    def sleeper(self, reader: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._reader = reader
        if reader is None:
            self.jobs.awake(self)
            self.jobs.watch.done(self)  # woken it had no job, and one that fails or goes on has it no more
        else:
            self.jobs.asleep(self)

    def wake(self) -> None:
        """Wake the routee to look for jobs."""
        reader = self._reader
        if reader is not None:
            self._reader = None
            self.jobs.awake(self)
            reader.wake()

    def close(self) -> None:
        """Take no more but what is meant for it alone, whatever the reason; the pool puts another one in its place."""
        super().close()
        self.jobs.leaves(self)

    def drain(self) -> list[Item]:
        """Take out its own mail; the jobs go back to the pool."""
        left = list(self.own)
        self.own.clear()
        self.jobs.give_back(self)
        return left


class _Shown:
    """The contents of a mailbox as its routee sees them."""

    __slots__ = ("_routee",)

    def __init__(self, routee: RouteeMailbox) -> None:
        self._routee = routee

    def __bool__(self) -> bool:
        routee = self._routee
        return bool(routee.own) or (
            bool(routee.lane or (routee.jobs.common and not routee.closed)) and routee.jobs.watch.may_take()
        )

    def __len__(self) -> int:
        """Its own mail and its lane, and one for the common queue, which is nobody's backlog."""
        routee = self._routee
        return len(routee.own) + len(routee.lane) + bool(self and not routee.own and not routee.lane)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._routee.own)

    def append(self, item: Item, /) -> None:
        self._routee.own.append(item)

    def extendleft(self, items: Iterable[Item], /) -> None:
        self._routee.own.extendleft(items)

    def drop_dead(self) -> None:
        drop_dead(self._routee.own)

    def popleft(self) -> Item:
        routee = self._routee
        jobs = routee.jobs
        if not routee.own:
            return jobs.take(routee)
        jobs.watch.done(routee)
        jobs.wake_idle()  # it may have been woken for a job, which now is for others
        return routee.own.popleft()
