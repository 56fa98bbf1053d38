"""Pools: several actors of one kind behind one ref.

    pool = await system.spawn_pool(Parser, size=4)
    facts = await pool.ask(path)

The ref is one like any other: what is sent to it waits, in the pool's bounded queue, for one of the routees.
A routee that fails is restarted, one that ends is replaced, and the queue goes on. Closing the pool has all
jobs done first.

Source: `factory` of ractor, `poolboy` of Erlang, `Pool` routers of Akka.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast, overload

from actorio._cell.notices import Statistics
from actorio._cell.own_loop import until_woken
from actorio._core.checks import check_count, check_instance, check_optional_some_time, check_options, kind_of
from actorio._core.deadlock import check_no_cycle
from actorio._core.mailbox import Mailbox
from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.errors import ActorStoppedError
from actorio.policy import Restart, Supervision
from actorio.ref import ActorRef
from actorio.work.job_queue import JobQueue
from actorio.work.limits import Limits, RateLimit, StuckJob
from actorio.work.mapping import OnError, PoolMap, Progress
from actorio.work.routee_mailbox import RouteeMailbox
from actorio.work.routing import RandomRoutee, Routing, SharedQueue

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio._core.request import Request

__all__ = ["Pool", "PoolOptions", "PoolRef", "RateLimit", "StuckJob", "spawn_pool"]

A_co = TypeVar("A_co", bound=Actor[Any], covariant=True, default=Actor[Any])
T = TypeVar("T")
R = TypeVar("R")
E = TypeVar("E")


class PoolOptions(TypedDict, total=False):
    """The options of `spawn_pool`, all of them keyword-only.

    Attributes:
        size: how many routees, 4 when not said; `PoolRef.resize` changes it.
        routing: who gets a job, `SharedQueue()` when not said.
        name: of the pool, as in `spawn`.
        mailbox: the pattern of the pool's queue: its capacity is that of all jobs that nobody has begun, and
            its overflow policy is the pool's. With a `PriorityMailbox` an urgent job is taken first.
        restart: when a routee is restarted, `Restart.TRANSIENT` when not said. One that ends is replaced.
        shutdown: seconds for the end of the pool and of each routee, as in `spawn`.
        start_timeout: seconds for the start of them all, as in `spawn`.
        supervision: of the routees, in order of their start: budget, backoff, and with `ONE_FOR_ALL` or
            `REST_FOR_ONE` others are restarted with one that fails. When the budget is used up the pool itself
            fails. `auto_shutdown` does nothing here, since no routee is significant.
        rate: at most so many jobs may begin within so many seconds.
        job_timeout: seconds for one job; a routee that takes longer is reported, killed and replaced. More
            than 0; None for no limit.
        on_stuck: a plain function, called with a `StuckJob` for each of those, beside the warning in the log.
            What it raises fails the pool.
    """

    size: int
    routing: Routing
    name: str | None
    mailbox: Mailbox[Any]
    restart: Restart
    shutdown: float | None
    start_timeout: float | None
    supervision: Supervision
    rate: RateLimit | None
    job_timeout: float | None
    on_stuck: Callable[[StuckJob], object] | None


@dataclass(slots=True)
class _Plan:
    """The plan of a pool, over all its incarnations."""

    factory: Callable[..., Actor[Any]]
    args: tuple[Any, ...]
    size: int
    restart: Restart
    shutdown: float | None
    supervision: Supervision
    jobs: JobQueue


class PoolRef(ActorRef[A_co]):
    """A ref of a pool; whatever is sent to it is for one of the routees, `A` being their class.

    `close` has every job done that the pool has accepted, `stop` has each routee end after its current job,
    `join` returns when the routees are gone too.
    """

    __slots__ = ("_plan",)

    def __init__(self, cell: Cell, plan: _Plan) -> None:
        super().__init__(cell)
        self._plan = plan

    @property
    def size(self) -> int:
        """How many routees it is to have."""
        return self._plan.size

    @property
    def routees(self) -> tuple[ActorRef[A_co], ...]:
        """Return the routees that take jobs now, in order of their numbers."""
        return tuple(routee.ref for routee in self._plan.jobs.routees)

    def statistics(self) -> Statistics:
        """Return the pool's counters: jobs waiting, and what its routees of now have done."""
        jobs = self._plan.jobs
        counts = [routee.ref.statistics() for routee in jobs.routees]
        return Statistics(
            len(jobs),
            max(self._cell.mailbox.peak, len(jobs)),
            sum(count.handled for count in counts),
            sum(count.failed for count in counts),
            sum(count.restarts for count in counts),
        )

    def _kind(self) -> type[Any] | None:
        """Return the class of the routees, as far as it is known."""
        factory = self._plan.factory
        if isinstance(factory, type):
            return factory
        return next((routee.ref._kind() for routee in self._plan.jobs.routees), None)

    def __repr__(self) -> str:
        return f"<PoolRef {self.path} of {self.size}{'' if self.is_alive else ' (ended)'}>"

    async def resize(self, size: int) -> None:
        """Change the number of routees; returns when that many work. No job is lost, none is done twice.

        A routee that is too many does what it has begun, and what the routing has meant for it, and ends. A
        pool of size 0 keeps its jobs until it grows again; closed at that size, it gives them up.

        Raises:
            ActorStoppedError: the pool has ended, or is about to.

        Cancellation: only this wait ends.
        """
        self._check_thread()
        jobs = self._plan.jobs
        self._plan.size = check_count("size", size, least=0)
        jobs.changed()
        while len(jobs.routees) != self._plan.size:
            if not self.is_alive or jobs.mailbox.closed:
                raise ActorStoppedError(self, self._cell.reason)
            await jobs.change()

    @overload
    def map(
        self,
        func: Callable[[T], Coroutine[Any, Any, R]],
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | None = None,
        ordered: bool = True,
        timeout: float | None = None,
        on_error: None = None,
        progress: Progress | None = None,
        chunk: int = 1,
    ) -> PoolMap[R]: ...
    @overload
    def map(
        self,
        func: Callable[[T], R],
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | None = None,
        ordered: bool = True,
        timeout: float | None = None,
        on_error: None = None,
        progress: Progress | None = None,
        chunk: int = 1,
    ) -> PoolMap[R]: ...
    @overload
    def map(
        self,
        func: Callable[[T], Coroutine[Any, Any, R]],
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | None = None,
        ordered: bool = True,
        timeout: float | None = None,
        on_error: Callable[[T, Exception], E],
        progress: Progress | None = None,
        chunk: int = 1,
    ) -> PoolMap[R | E]: ...
    @overload
    def map(
        self,
        func: Callable[[T], R],
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | None = None,
        ordered: bool = True,
        timeout: float | None = None,
        on_error: Callable[[T, Exception], E],
        progress: Progress | None = None,
        chunk: int = 1,
    ) -> PoolMap[R | E]: ...
    def map(
        self,
        func: Callable[[T], Any],
        iterable: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | None = None,
        ordered: bool = True,
        timeout: float | None = None,
        on_error: OnError[T] | None = None,
        progress: Progress | None = None,
        chunk: int = 1,
    ) -> PoolMap[Any]:
        """Run `func(item)` on the routees for each item: `async for value in pool.map(func, items)`.

        Nothing is begun before the first value is asked for, and the source is read no further than there is
        room. A consumer that leaves (break, exception, cancellation) ends it all: what waits is not begun,
        what runs is cancelled. Kept in a variable, it is left by `async with` or `aclose` alone, since Python
        does not tell an iterator of a `break`.

        Args:
            func: a function or coroutine function, run as `submit` does; for `Worker(runner="process")` one
                that can be pickled.
            iterable: the items; an async iterable is read as the values come, never two at a time.
            limit: most items between source and consumer at a time, done ones included; None for twice the
                pool's size, times `chunk`.
            ordered: values in the order of the items, or as they come.
            timeout: seconds for one item (with `chunk`, for one chunk), from when it is handed to the pool; more than
                0.
            on_error: called with the item and the exception; what it returns takes the place of the value.
                `Failed` gives both back. None ends the iteration with the exception.
            progress: called with the number of values handed out and of all items, None while not known; a
                `ProgressBar`, say.
            chunk: items handed over at once; more of them cost less each.

        Raises:
            TypeError, ValueError: at the call: an argument is not of its kind.
            TimeoutError: from the iteration: an item took too long.
            Exception: from the iteration: what `func` or the source raised.
        """
        return PoolMap(
            self,
            func,
            iterable,
            limit=limit,
            ordered=ordered,
            timeout=timeout,
            on_error=on_error,
            progress=progress,
            chunk=chunk,
        )

    def _note_asker(self, request: Request) -> None:
        """The asker waits for any of the routees."""
        asker = self._cell.runtime.current()
        if asker is not None:
            routees = self._plan.jobs.any_routee
            if not self._cell.mailbox.closed:
                check_no_cycle(asker, routees)
            asker.waits_on = routees
            request.asker = asker


class Pool(Actor[Any]):
    """Keeps the routees of a pool; made by `spawn_pool`. The jobs in its mailbox are taken by the routees."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._jobs = plan.jobs
        self.supervision = plan.supervision  # type: ignore[misc]

    async def on_start(self) -> None:
        """Start the routees."""
        cell = self.context._own()
        if self._jobs.cell is None:
            self._jobs.cell = cell
            self._jobs.any_routee.stands_for = cell
            cell._ref = PoolRef(cell, self._plan)  # from the first moment on everybody is given this one
        await self._adjust()

    async def run(self) -> None:
        """Replace routees that ended and follow the size, until the pool ends."""
        jobs = self._jobs
        while not self._is_over():
            try:
                await self._adjust()
            except ActorStoppedError:  # its own end, or that of another actor, which a routee's start has met
                if not self.context._own().is_about_to_end():
                    raise
                return
            jobs.raise_failure()
            if not self._is_over() and len(jobs.routees) == self._plan.size:  # nothing has changed meanwhile
                await until_woken(self.context._own())
        jobs.raise_failure()

    async def _adjust(self) -> None:
        jobs, plan = self._jobs, self._plan
        for routee in jobs.routees[plan.size :]:
            routee.ref.close()
        if len(jobs.routees) < plan.size:
            taken = {routee.number for routee in jobs.routees}
            for number in range(plan.size):
                if number not in taken and len(jobs.routees) < plan.size:
                    await self._hire(number)
                    await asyncio.sleep(0)  # a spawn need not wait for anything, and there may be many

    async def _hire(self, number: int) -> None:
        plan = self._plan
        routee = RouteeMailbox(self._jobs, number)
        routee.ref = await self.context.spawn(
            plan.factory,
            *plan.args,
            mailbox=routee,
            restart=plan.restart,
            shutdown=plan.shutdown,
            dynamic=True,
        )
        if not routee.closed:
            self._jobs.joins(routee)

    def _is_over(self) -> bool:
        """Tell whether it was closed and every job has been begun, or nobody is ever to begin one."""
        jobs = self._jobs
        return jobs.mailbox.closed and (not jobs or (not jobs.routees and not self._plan.size))


async def spawn_pool(
    spawn: Callable[..., Any],
    system: Any,
    factory: Callable[..., Actor[Any]],
    args: tuple[Any, ...],
    options: PoolOptions,
) -> PoolRef[Any]:
    """Check the options and start a pool by `spawn`, the method of a system or of a context."""
    system._runtime.check_usable()
    check_options("spawn_pool", options, PoolOptions.__annotations__)
    size = check_count("size", options.get("size", 4), least=0)
    timeout = check_optional_some_time("job_timeout", options.get("job_timeout"))
    pattern = check_instance("mailbox", _or_default(options.get("mailbox"), Mailbox), Mailbox)
    supervision = check_instance("supervision", options.get("supervision", Supervision()), Supervision)
    routing = _or_default(options.get("routing"), SharedQueue)
    if isinstance(routing, type) or not callable(getattr(routing, "select", None)):
        raise TypeError(f"routing must have a method select, which {kind_of(routing)} has not")
    if isinstance(routing, RandomRoutee):
        routing.draw_from(system.random)
    limits = Limits(system, options.get("rate"), timeout, options.get("on_stuck"))
    jobs = JobQueue(system, routing, pattern, limits)
    limits.jobs = jobs
    restart, shutdown = options.get("restart", Restart.TRANSIENT), options.get("shutdown", 5.0)
    plan = _Plan(factory, args, size, restart, shutdown, supervision, jobs)
    ref = await spawn(
        Pool,
        plan,
        name=options.get("name"),
        mailbox=jobs.mailbox,
        shutdown=shutdown,
        start_timeout=options.get("start_timeout"),
    )
    return cast("PoolRef[Any]", ref)


def _or_default(value: T | None, default: Callable[[], T]) -> T:
    return default() if value is None else value
