"""The `Store`: what every store does, over a backend of coroutines that know bytes alone.

Group commit, paging, following and export are here, once. A backend writes a group in one transaction, loads,
and reads pages.
"""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from actorio._core.checks import check_count, check_instance, check_some_time
from actorio._core.deadlines import Deadlines
from actorio.address import Address
from actorio.errors import (
    AlreadyOpenError,
    NameNotFoundError,
    StoreClosedError,
    StoreError,
    StoreFailedError,
    WrongThreadError,
)
from actorio.persistence import _transfer
from actorio.persistence._backend import Backend
from actorio.persistence._checks import check_name_of_projection, check_position, check_storable, check_text
from actorio.persistence._followers import Followers
from actorio.persistence._forks import open_stores
from actorio.persistence._group_commit import GroupCommit, GroupLoad, error_for
from actorio.persistence._kinds import WritesEvents, event_types_by_kind
from actorio.persistence._offset_commits import OffsetCommits
from actorio.persistence._rows import Loaded, Write, erasure
from actorio.persistence._statistics import Counts, StoreStatistics
from actorio.persistence._stored_actor import StoredActor, stored_actor
from actorio.persistence._verify import Report, verify
from actorio.persistence._wall_timers import WallTimers
from actorio.persistence.reading import Filter, RawEvent, Recorded, is_erasure, read_journal, recorded

__all__ = ["Store", "StoredActor"]

E = TypeVar("E")
P = ParamSpec("P")
R = TypeVar("R")


class Store(Backend):
    """Keeps what durable actors write. Give it to `ActorSystem(store=...)`, or open it by `async with store`.

    Args:
        timeout: seconds that a write or a load waits for a database that is away.
        max_event_bytes: of one event, state, reminder or reply as it is stored; a larger one is `NotStorableError`.
    """

    def __init__(self, *, timeout: float = 30.0, max_event_bytes: int = 1_048_576) -> None:
        self.timeout = check_some_time("timeout", timeout)
        self.max_event_bytes = check_count("max_event_bytes", max_event_bytes, least=1)
        self.abandoned = ""
        """What was not written when the store was given up as it closed."""
        self._counts = Counts()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: StoreError | None = None
        self._forked = False
        self._actors: weakref.WeakValueDictionary[str, Address] = weakref.WeakValueDictionary()
        self._commits: GroupCommit
        self._loads: GroupLoad
        self._timers: Deadlines
        self._followers: Followers
        self._on_close: list[Callable[[], object]] = []
        self._wall: WallTimers
        self._activators: dict[str, Any] = {}
        self._offset_commits = OffsetCommits(self)
        self._numbers = itertools.count(1)

    # -- a store's life ----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def is_open(self) -> bool:
        """Tell whether it can be used."""
        return self._loop is not None and not self._forked

    async def open(self) -> None:
        """Open it on the running event loop; `ActorSystem` and `async with` do so.

        Raises:
            StoreError: it is open, it is no store, or of a newer schema.
            StoreInUseError: another process or store object holds the file.
            StoreUnavailableError: the database is away.
        """
        if self.is_open:
            raise StoreError(f"{self!r} is open already")
        if self._forked:
            raise StoreClosedError(f"{self!r} belongs to the process that this one was forked from")
        await self._open()
        loop = asyncio.get_running_loop()
        self._commits, self._loads = GroupCommit(self, loop), GroupLoad(self, loop)
        self._timers, self._wall = Deadlines(loop), WallTimers(loop)
        self._followers = Followers(loop)
        self._failure, self.abandoned = None, ""
        self._loop = loop
        open_stores.add(self)

    async def close(self) -> None:
        """Write what is queued, and close. Idempotent.

        Cancellation: what is not written by then is given up, and named by `abandoned`.
        """
        if self._loop is None:
            return
        self._check_loop()
        try:
            await self._commits.drain()
            await self._offset_commits.drain()
        except asyncio.CancelledError:
            self.abandoned = f"{self!r}: {len(self._commits)} writes"
            raise
        finally:
            self._end(StoreClosedError(f"{self!r} was closed"))
            await self._close()

    def _end(self, error: StoreError) -> None:
        """Take no more, and tell all who wait."""
        self._loop = None
        open_stores.discard(self)
        on_close, self._on_close = self._on_close, []
        for call in on_close:
            call()
        self._timers.close()
        self._wall.close()
        self._activators.clear()
        self._commits.fail(error)
        self._loads.fail(error)
        self._followers.wake()
        self._actors.clear()

    def _fail(self, error: StoreError) -> None:
        """An I/O error has ended it for good: whatever is called from now on raises this."""
        if self._failure is None:
            self._failure = error
            self._commits.fail(error)
            self._loads.fail(error)
            self._followers.wake()

    def _after_fork(self) -> None:
        self._forked = True
        for waiting in (self._commits, self._loads):
            waiting.fail(StoreClosedError(f"{self!r} belongs to the process that this one was forked from"))
        self._followers.wake()

    def _check(self) -> None:
        """Refuse use of a store that is not open.

        Raises:
            StoreClosedError: not open, closed, or in a forked child.
            StoreFailedError: it has failed for good.
            WrongThreadError: from another thread or event loop than that it was opened on.
        """
        if self._forked:
            raise StoreClosedError(f"{self!r} belongs to the process that this one was forked from")
        if self._loop is None:
            raise StoreClosedError(f"{self!r} is not open: use `async with store`, or ActorSystem(store=...)")
        self._check_loop()
        if self._failure is not None:
            raise error_for(self._failure, "") if self._failure.durable_id else self._failure

    def _check_loop(self) -> None:
        if asyncio._get_running_loop() is not self._loop:
            raise WrongThreadError(f"{self!r} belongs to another thread or event loop")

    # -- durable actors ----------------------------------------------------------------------------

    def _claim(self, durable_id: str, ref: Address) -> None:
        """Note whose the id is, until that actor has ended.

        Raises:
            AlreadyOpenError: it is another living actor's.
        """
        owner = self._actors.get(durable_id)
        if owner is not None and owner != ref and owner.is_alive:
            raise AlreadyOpenError(f"{durable_id} is open already, by {owner.path}", durable_id)
        self._actors[durable_id] = ref

    def _is_claimed(self, durable_id: str) -> bool:
        owner = self._actors.get(durable_id)
        return owner is not None and owner.is_alive

    def _next_number(self) -> int:
        """Return a number that no reminder had before in this process."""
        return next(self._numbers)

    def _look_for_due(self) -> None:
        """A reminder is due whose actor is not open: those who start such actors are to look."""
        for activator in self._activators.values():
            activator.look()

    async def _loaded(self, durable_id: str) -> Loaded:
        """Load an id, after all that is queued or in flight under it (P9)."""
        self._check()
        await self._commits.settled(durable_id)
        self._check()
        return await self._loads.load(durable_id)

    def _submit(self, write: Write) -> Awaitable[int]:
        """Queue a write for the next group; awaited, it gives the store's handle of the id."""
        self._check()
        return self._commits.submit(write)

    async def _reading(self, read: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a coroutine of the backend, other than the commits of groups and of projections."""
        self._check()
        try:
            return await read(*args, **kwargs)
        except StoreFailedError as error:
            self._fail(error)
            raise

    # -- following ---------------------------------------------------------------------------------

    def _committed(self) -> None:
        self._followers.written()

    async def _until_written(self, seen: int) -> None:
        """Wait until something may have been written since `seen`."""
        self._check()
        if self._followers.writes == seen:
            await self._changed()
        self._check()

    async def _changed(self) -> None:
        """Wait for a write; a backend that others write to as well looks for theirs too."""
        await self._followers.wait()

    # -- reading -----------------------------------------------------------------------------------

    @overload
    def events(
        self, *, tag: str | None = None, after: int = 0, follow: bool = False
    ) -> AsyncIterator[Recorded[RawEvent]]: ...
    @overload
    def events(
        self,
        *kinds: type[WritesEvents[E]],
        key: str | None = None,
        tag: str | None = None,
        after: int = 0,
        follow: bool = False,
    ) -> AsyncIterator[Recorded[E]]: ...
    def events(
        self,
        *kinds: type[WritesEvents[Any]],
        key: str | None = None,
        tag: str | None = None,
        after: int = 0,
        follow: bool = False,
    ) -> AsyncIterator[Recorded[Any]]:
        """Read the events of these classes of actors in the order of their commits.

        Args:
            kinds: event-sourced classes; none: all, as `RawEvent`.
            key: of one actor, of the one class given.
            tag: that the events have.
            after: the position to begin behind.
            follow: go on with what is written from then on, by any process.

        Raises:
            TypeError, ValueError: an argument is not of its kind, at the call.
            RecoveryError: in the iteration; an event is of an unknown name or of a higher version, with its position.
        """
        self._check()
        types = event_types_by_kind(kinds)
        if key is not None:
            check_storable("key", key, 200)
            if len(kinds) != 1:
                raise TypeError(f"key needs exactly one class of actors, not {len(kinds)}")
        if tag is not None:
            check_text("tag", tag, 64)
        check_position("after", after)
        check_instance("follow", follow, bool)
        return self._events(Filter(types, key, tag), after, follow)

    async def _events(self, chosen: Filter, after: int, follow: bool) -> AsyncIterator[Recorded[Any]]:  # noqa: FBT001
        async for page in read_journal(self, chosen, after, follow=follow):
            for row in page:
                if not is_erasure(row):
                    yield recorded(row, chosen)

    async def position(self) -> int:
        """Return the position of the last event that was written."""
        return await self._reading(self._position)

    # -- looking after it --------------------------------------------------------------------------

    async def ids(self, kind: str | None = None, after: str = "", limit: int = 1000) -> list[str]:
        """Return the durable ids that have something stored, sorted, `limit` at most, behind `after`."""
        if kind is not None:
            check_storable("kind", kind)
        check_storable("after", after)
        check_position("limit", check_count("limit", limit, least=1))
        return await self._reading(self._ids, kind, after, limit)

    async def info(self, durable_id: str) -> StoredActor:
        """Return what is stored under an id.

        Raises:
            NameNotFoundError: nothing ever was.
        """
        check_storable("durable_id", durable_id)
        head, events, first, last = await self._reading(self._info, durable_id)
        if head is None:
            raise NameNotFoundError(f"nothing is stored under {durable_id!r} in {self!r}")
        loaded = await self._loaded(durable_id)
        return stored_actor(head, loaded, events, first, last)

    async def erase(self, durable_id: str) -> None:
        """Delete all that is stored under an id whose actor is not open; it may be used again, and begins anew.

        Raises:
            NameNotFoundError: nothing is stored under it.
            AlreadyOpenError: it is open in this system; its own `erase()` can.
        """
        check_storable("durable_id", durable_id)
        loaded: Loaded | None = None
        while True:
            if self._is_claimed(durable_id):
                raise AlreadyOpenError(f"{durable_id} is open: its actor can erase itself", durable_id)
            if loaded is not None and not self._commits.is_writing(durable_id):  # another erase may be faster
                break
            loaded = await self._loaded(durable_id)
        if loaded.head is None:
            raise NameNotFoundError(f"nothing is stored under {durable_id!r} in {self!r}")
        await self._submit(erasure(loaded.head))

    async def reset(self, projection: Any) -> None:
        """Let a projection (a class, or its name) begin anew at its next start.

        Raises:
            NameNotFoundError: there is no offset of that name.
        """
        name = check_name_of_projection(projection)
        if not await self._reading(self._reset, name):
            raise NameNotFoundError(f"{self!r} has no projection {name!r}")

    async def drop(self, projection: Any) -> None:
        """Forget the offset of a projection (a class, or its name), so that retention no longer waits for it.

        Raises:
            NameNotFoundError: there is no offset of that name.
        """
        name = check_name_of_projection(projection)
        if not await self._reading(self._drop, name):
            raise NameNotFoundError(f"{self!r} has no projection {name!r}")

    def export_lines(self) -> AsyncIterator[str]:
        """Write all that is stored as JSON Lines: events, snapshots, once ids, reminders, offsets."""
        self._check()
        return _transfer.export_lines(self)

    async def import_lines(self, lines: AsyncIterable[str]) -> None:
        """Read what `export_lines` has written into this store, which must be empty; positions are kept.

        Raises:
            StoreError: the store is not empty.
            ValueError: a line is not of an export; the store is empty again.
        """
        self._check()
        await _transfer.import_lines(self, lines)

    async def verify(self) -> Report:
        """Read every row, and say what is wrong."""
        self._check()
        return await verify(self)

    async def compact(self) -> None:
        """Give space back to the disk: truncates the WAL, vacuums."""
        await self._reading(self._compact)

    def statistics(self) -> StoreStatistics:
        """Return the counters."""
        return self._counts.picture()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
