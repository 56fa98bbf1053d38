"""`Projection`: an actor that is given each event in order, and keeps a view of them.

    class Totals(Projection[Deposited]):
        source = Account

        async def on_start_projection(self) -> None:
            self.write("CREATE TABLE IF NOT EXISTS totals (id TEXT PRIMARY KEY, cents INTEGER)")

        async def handle(self, record: Recorded[Deposited]) -> None:
            self.write("INSERT INTO totals VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET cents = cents + excluded.cents",
                       record.durable_id, record.event.amount)

What it writes by `self.write` is carried out in the transaction that stores how far it has come: exactly once in that
database. The journal is the outbox: an effect outside of it is at least once, under `record.event_id`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, final

from actorio._core.checks import check_instance
from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.errors import ActorError, ActorStoppedError, StoreError
from actorio.persistence._checks import check_text
from actorio.persistence._kinds import event_types_by_kind
from actorio.persistence._rows import EventRow, OffsetRow
from actorio.persistence.reading import PAGE, Filter, Recorded, is_erasure, recorded
from actorio.persistence.store import Store

if TYPE_CHECKING:
    from actorio.persistence.event_sourced import EventSourced

__all__ = ["Projection"]

E = TypeVar("E", default=Any)

_LONGEST_NAME = 200
_BATCH = 100
"""Records of one transaction, at most."""
_LONGEST_BATCH = 0.05
"""Seconds after which the transaction of a batch is due, so that little is handled twice after a crash."""


class Projection(Actor[Any], Generic[E]):
    """An actor that is given each record of its source, in order, at least once; it may have a `receive` as well."""

    source: ClassVar[type[EventSourced[Any, Any, Any]] | tuple[type[EventSourced[Any, Any, Any]], ...]]
    """The class, or classes, of actors whose events it is given."""

    tag: ClassVar[str | None] = None
    """Only events with this tag; None: all."""

    projection: ClassVar[str]
    """The name of its offset. Unless a class or a base of it sets it, it is the name of the class."""

    _name_is_given: ClassVar[bool] = False
    _store: Store | None = None
    _offset: OffsetRow
    _chosen: Filter
    _statements: list[tuple[str, tuple[Any, ...]]] | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "projection" in cls.__dict__:
            cls._name_is_given = True
        elif not cls._name_is_given:
            cls.projection = cls.__name__
        for name, instead in (("on_start", "on_start_projection"), ("run", "handle")):
            if getattr(cls, name) is not getattr(Projection, name):
                raise TypeError(f"{cls.__qualname__} must not override {name}: override {instead}")
        for name in ("handle", "on_erased", "on_reset", "on_start_projection"):
            if inspect.isasyncgenfunction(getattr(cls, name)):
                raise TypeError(f"{cls.__qualname__}.{name} must be a coroutine: it has a yield in it")

    # -- yours -------------------------------------------------------------------------------------

    async def handle(self, record: Recorded[E]) -> None:
        """Take one record: write by `self.write`, or do something outside under `record.event_id`.

        What it raises fails the actor, and the next incarnation is given the record again.
        """
        raise NotImplementedError(f"{type(self).__qualname__} needs a handle")

    async def on_erased(self, durable_id: str) -> None:
        """An id was erased; called in the order of the journal."""

    async def on_start_projection(self) -> None:
        """Make the tables, by `self.write`; called at each start, before the first record."""

    async def on_reset(self) -> None:
        """Empty the tables, by `self.write`; called at the first start after `store.reset`, before any record."""

    def write(self, sql: str, *parameters: Any) -> None:
        """Carry out a statement in the transaction that stores the offset.

        Parameters are `?` in SQLite, `$1` in PostgreSQL. In the handlers of records and in the hooks above alone.

        Raises:
            RuntimeError: elsewhere.
            StoreError: the store has no SQL.
        """
        check_instance("sql", sql, str)
        if self._statements is None or not self.context.in_turn:
            raise RuntimeError(
                f"write works in handle, on_erased, on_reset and on_start_projection of {self.projection}"
            )
        store = self._own_store()
        if not store._has_sql:
            raise StoreError(f"{store!r} has no SQL: write works with SqliteStore and PostgresStore")
        self._statements.append((sql, parameters))

    @property
    def position(self) -> int:
        """The position in the journal up to which everything was handled and committed."""
        self._own_store()
        return 0 if self._offset.reset else self._offset.position

    # -- its life ----------------------------------------------------------------------------------

    @final
    async def on_start(self) -> None:
        """Read how far it has come, and begin to follow; `on_start_projection` is the hook to override."""
        store: Any = self.context.system.store
        if not isinstance(store, Store):
            raise ActorError(f"projections need a store of actorio.persistence, not {store!r}")
        name = check_text("projection", self.projection, _LONGEST_NAME)
        sources = getattr(self, "source", None)
        kinds: tuple[Any, ...] = sources if isinstance(sources, tuple) else (sources,)
        if not kinds:
            raise TypeError(f"the source of {name} must be a class of EventSourced, or a tuple of such")
        if self.tag is not None:
            check_text("tag", self.tag, 64)
        self._chosen = Filter(event_types_by_kind(kinds), None, self.tag)
        found = await store._offset_commits.offset_of(name)
        self._store, self._offset = store, found or OffsetRow(name, 0)
        await self._prepare(found)
        self.context.start_soon(self._follow)

    async def _prepare(self, found: OffsetRow | None) -> None:
        """Make the tables, and begin anew where that was asked for, in one transaction with the offset."""
        self._statements = []
        await _await(self.on_start_projection())
        if found is not None and found.reset:
            await _await(self.on_reset())
        if found is None or found.reset or self._statements:
            await self._commit(self.position, found)
        self._statements = None

    def _own_store(self) -> Store:
        if self._store is None:
            raise ActorError(f"{type(self).__qualname__} has not started yet")
        return self._store

    async def _follow(self) -> None:
        """Hand on what is written, a page at a time, and wait for more."""
        store, ref, take = self._own_store(), self.context.ref, type(self)._take
        kinds, position = tuple(self._chosen.types), self.position
        try:
            while True:
                seen = store._followers.writes
                last = await store._reading(store._position)
                page = await store._reading(store._read_all, position, PAGE, kinds, None, self.tag)
                for begin in range(0, len(page), _BATCH):
                    await ref.call(take, page[begin : begin + _BATCH], 0)
                position = page[-1].position if page else position
                if len(page) == PAGE:
                    continue
                if (
                    last - position >= PAGE
                ):  # all of it others': or retention would wait for an offset that stands
                    await ref.call(take, (), last)
                    position = last
                await store._until_written(seen)
        except ActorStoppedError:
            return  # closed, or about to end: the next one goes on from the offset

    async def _take(self, rows: Sequence[EventRow], passed: int) -> None:
        """Handle records in this turn, and commit."""
        now = self.context.system._runtime.timers.now
        begun, position = now(), passed
        self._statements = []
        try:
            for row in rows:
                try:
                    await self._handle_one(row)
                except Exception:
                    await self._commit_up_to(position)  # those before it were handled
                    raise
                position = row.position
                if now() - begun > _LONGEST_BATCH:
                    await self._commit(position, self._offset)
                    begun = now()
            await self._commit_up_to(position)
        finally:
            self._statements = None

    async def _commit_up_to(self, position: int) -> None:
        if position > self._offset.position:
            await self._commit(position, self._offset)

    async def _handle_one(self, row: EventRow) -> None:
        statements = self._statements
        assert statements is not None
        before = len(statements)
        try:
            if is_erasure(row):
                await _await(self.on_erased(row.durable_id))
            else:
                await _await(self.handle(recorded(row, self._chosen)))
        except BaseException:
            del statements[before:]
            raise

    async def _commit(self, position: int, expected: OffsetRow | None) -> None:
        statements, self._statements = self._statements or [], []
        await self._own_store()._offset_commits.commit(self.projection, expected, position, statements)
        self._offset = OffsetRow(self.projection, position)


async def _await(outcome: Any) -> None:
    """Wait for what a hook has returned, which may be a plain function's None."""
    if isinstance(outcome, Awaitable):
        await outcome
