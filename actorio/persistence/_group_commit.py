"""Group commit: all writes that wait become one transaction, and while that commits the next ones gather.

There is no timer: a write goes on a list, and what is on the list in the next pass of the loop is a group. The
writes of one id are never in two groups at once, since an actor has one under way at most.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Generator, Sequence
from contextvars import Context as Variables
from typing import TYPE_CHECKING, Any, cast

from actorio._core.run_queue import RunQueue, Waiter
from actorio.errors import StoreClosedError, StoreError, StoreFailedError, describe

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from actorio.persistence._backend import Backend
    from actorio.persistence._rows import Loaded, Write

__all__ = ["GroupCommit", "GroupLoad", "error_for", "make_task"]

MOST_WRITES = 1_000
MOST_BYTES = 4 * 1_048_576
_MOST_LOADS = 200


def make_task(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Make a task of a store, in contextvars of its own and never begun eagerly."""
    loop = asyncio.get_running_loop()
    kind: type[asyncio.Task[Any]] = getattr(loop, "actorio_task_class", asyncio.Task)
    return kind(work, loop=loop, name=name, context=Variables())


def error_for(error: BaseException, durable_id: str) -> BaseException:
    """Return an error of its own for one of those whom a failure concerns."""
    if not isinstance(error, StoreError):
        return error
    own = copy.copy(error)
    own.durable_id = own.durable_id or durable_id
    own.__cause__ = error.__cause__
    return own


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Fail a future whose awaiter may be gone: then nobody is to be told."""
    future.set_exception(error)
    future.exception()


class _Pending(Waiter):
    """A write that is queued or in flight, awaited by who wrote it, once: the store's handle of the id.

    A waiter, not a future: the writers of a group are woken in one pass of the run queue, not each by a callback of the
    loop, which costs more than a message (`python -m benchmarks.persistence.floor`).
    """

    __slots__ = ("_outcome", "size", "waiting", "write")

    def __init__(self, write: Write, run_queue: RunQueue) -> None:
        super().__init__(run_queue)
        self.write = write
        self.size = write.size
        self.waiting: Sequence[asyncio.Future[None]] = ()
        self._outcome: int | BaseException | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._outcome is None:
            self._asyncio_future_blocking = True
            yield self
        outcome, self._outcome = self._outcome, None
        if type(outcome) is int:
            return outcome
        try:
            raise cast("BaseException", outcome)
        finally:
            del outcome  # or the traceback and this frame would keep each other alive

    def settle(self, outcome: int | BaseException) -> None:
        """Tell whoever waits; a writer that was cancelled meanwhile does not, and is woken by that."""
        if self._outcome is None:
            if isinstance(outcome, BaseException):
                outcome = error_for(outcome, self.write.durable_id)
            self._outcome = outcome
            self.wake()
        for waiting in self.waiting:
            if not waiting.done():
                waiting.set_result(None)


class GroupCommit:
    """The writes of one open store."""

    def __init__(self, store: Backend, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop
        self._run_queue = RunQueue.of(loop)
        self._queue: deque[_Pending] = deque()
        self._pending: dict[str, _Pending] = {}
        self._task: asyncio.Task[Any] | None = None
        self._begins = False
        self._over: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._pending)

    def submit(self, write: Write) -> Awaitable[int]:
        """Queue a write, which gives whoever awaits it the store's handle of the id, or raises what went wrong.

        Cancelling who waits withdraws nothing: the store finishes what it has.
        """
        pending = _Pending(write, self._run_queue)
        self._pending[write.durable_id] = pending
        self._queue.append(pending)
        if self._task is None and not self._begins:
            self._begins = True
            self._loop.call_soon(self._begin)
        return pending

    def is_writing(self, durable_id: str) -> bool:
        """Tell whether something is queued or in flight under that id."""
        return durable_id in self._pending

    async def settled(self, durable_id: str) -> None:
        """Wait until nothing is queued or in flight under that id."""
        while (pending := self._pending.get(durable_id)) is not None:
            waiting = self._loop.create_future()
            pending.waiting = (*pending.waiting, waiting)
            await waiting

    async def drain(self) -> None:
        """Wait until nothing is queued or in flight."""
        while self._pending:
            waiting = self._loop.create_future()
            self._over.append(waiting)
            await waiting

    def fail(self, error: StoreError) -> None:
        """Give up all that is queued or in flight; what is in flight may be written all the same."""
        pending, self._pending = self._pending, {}
        self._queue.clear()
        for one in pending.values():
            one.settle(error)
        if self._task is not None:
            self._task.cancel()
        self._tell_drained()

    def _begin(self) -> None:
        self._begins = False
        if self._queue:
            self._task = make_task(self._run(), f"{self._store!r} commits")

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._commit(self._take())
        finally:
            self._task = None

    def _take(self) -> list[_Pending]:
        group: list[_Pending] = []
        size = 0
        while self._queue and len(group) < MOST_WRITES:
            size += self._queue[0].size
            if group and size > MOST_BYTES:
                break
            group.append(self._queue.popleft())
        return group

    async def _commit(self, group: list[_Pending]) -> None:
        begun = self._loop.time()
        outcomes: Sequence[int | BaseException]
        try:
            outcomes = await self._store._write([pending.write for pending in group])
        except StoreError as error:
            outcomes = [error] * len(group)
        except Exception as error:
            failed = StoreFailedError(f"{self._store!r} has failed in a write: {describe(error)}")
            failed.__cause__ = error
            outcomes = [failed] * len(group)
        self._store._counts.group(group, outcomes, self._loop.time() - begun)
        for pending, outcome in zip(group, outcomes, strict=True):
            if self._pending.get(pending.write.durable_id) is pending:
                del self._pending[pending.write.durable_id]
            pending.settle(outcome)
        self._store._committed()
        failure = next((one for one in outcomes if isinstance(one, StoreFailedError)), None)
        if failure is not None:
            self._store._fail(failure)
        self._tell_drained()

    def _tell_drained(self) -> None:
        if not self._pending:
            over, self._over = self._over, []
            for waiting in over:
                if not waiting.done():
                    waiting.set_result(None)


class GroupLoad:
    """The loads of one open store: those that wait are read as one group."""

    def __init__(self, store: Backend, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop
        self._queue: deque[tuple[str, asyncio.Future[Loaded]]] = deque()
        self._task: asyncio.Task[Any] | None = None
        self._begins = False
        self._failure: StoreError | None = None

    def load(self, durable_id: str) -> asyncio.Future[Loaded]:
        """Queue a load of what is stored under an id."""
        future: asyncio.Future[Loaded] = self._loop.create_future()
        self._queue.append((durable_id, future))
        if self._task is None and not self._begins:
            self._begins = True
            self._loop.call_soon(self._begin)
        return future

    def fail(self, error: StoreError) -> None:
        """Give up all loads."""
        self._failure = error
        queue, self._queue = self._queue, deque()
        for durable_id, future in queue:
            if not future.done():
                _fail(future, error_for(error, durable_id))
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._begins = False
        if self._queue:
            self._task = make_task(self._run(), f"{self._store!r} loads")

    async def _run(self) -> None:
        group: list[tuple[str, asyncio.Future[Loaded]]] = []
        try:
            while self._queue:
                group = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_LOADS))]
                await self._load([one for one in group if not one[1].done()])
                group = []
        finally:
            self._task = None
            for durable_id, future in group:  # this was cancelled: the store is being closed, or has failed
                if not future.done():
                    failure = self._failure or StoreClosedError("the store was closed while this was read")
                    _fail(future, error_for(failure, durable_id))

    async def _load(self, group: list[tuple[str, asyncio.Future[Loaded]]]) -> None:
        outcomes: Sequence[Loaded | BaseException]
        try:
            outcomes = await self._store._load([durable_id for durable_id, _ in group]) if group else ()
        except Exception as error:
            outcomes = [error] * len(group)
        for (durable_id, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, BaseException):
                _fail(future, error_for(outcome, durable_id))
            else:
                future.set_result(outcome)
