"""`FaultyStore`: a store that is away, full, slow, or leaves its callers in doubt, in front of a real one.

    FaultyStore(MemoryStore(), unavailable=0.02, unknown_written=0.01, unknown_lost=0.01)

In a simulation its faults are choices on the tape, so that a run that fails is replayed with them. On any other loop
they are drawn by chance, in virtual time the same ones each time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from actorio._core.checks import check_duration, check_instance
from actorio.errors import (
    OutcomeUnknownError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from actorio.persistence._group_commit import make_task
from actorio.persistence._rows import ActorRow, EventRow, Loaded, OffsetRow, Write
from actorio.persistence.store import Store
from actorio.testing.faults import GRAIN, check_share

__all__ = ["FaultyStore"]


class FaultyStore(Store):
    """Faults in front of another store.

    Args:
        inner: the store that keeps everything; opened and closed with this one, unless it is open.
        unavailable: share of groups of writes, and of loads, that fail with `StoreUnavailableError`.
        full: share of groups that fail with `StoreFullError`.
        unknown_written: share of groups that are written, and fail with `OutcomeUnknownError`.
        unknown_lost: share of groups that are not written, and fail with `OutcomeUnknownError`.
        slow: share of groups and loads that take up to `slowest` seconds longer.
        slowest: seconds.
        options: as of every `Store`.
    """

    def __init__(
        self,
        inner: Store,
        *,
        unavailable: float = 0.0,
        full: float = 0.0,
        unknown_written: float = 0.0,
        unknown_lost: float = 0.0,
        slow: float = 0.0,
        slowest: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.inner = check_instance("inner", inner, Store)  # type: ignore[type-abstract]
        shares = {
            "unavailable": unavailable,
            "full": full,
            "unknown_written": unknown_written,
            "unknown_lost": unknown_lost,
        }
        for name, share in (*shares.items(), ("slow", slow)):
            check_share(name, share)
        if sum(shares.values()) > 1:
            raise ValueError("the shares of groups that fail must not exceed 1 together")
        self._has_sql = inner._has_sql
        self._kinds = [name for name, share in shares.items() for _ in range(round(share * GRAIN))]
        self._slow = round(slow * GRAIN)
        self._slowest = check_duration("slowest", slowest)
        self._planted: list[tuple[BaseException, bool]] = []
        self._opened_inner = False
        self._under_way: asyncio.Task[Any] | None = None
        self._crashed = False
        self._random = random.Random()

    def __repr__(self) -> str:
        return f"<FaultyStore of {self.inner!r}>"

    @property
    def _identity(self) -> object:
        return self.inner._identity

    # -- faults ------------------------------------------------------------------------------------

    def fail_next(self, error: type[BaseException] | BaseException, *, written: bool = False) -> None:
        """Fail the next group of writes with this error (a class, or an instance).

        Args:
            error: what is raised; a `StoreFailedError` ends the store.
            written: the group is written all the same.

        Raises:
            TypeError: it is no exception.
        """
        planted = error(f"planted in {self!r}") if isinstance(error, type) else error
        self._planted.append((check_instance("error", planted, BaseException), written))

    async def crash(self) -> None:
        """Break off: what was not committed is gone, and every call raises `StoreClosedError`.

        `inner` can be opened anew afterwards.
        """
        self._check()
        self._crashed = True
        self._end(StoreClosedError(f"{self!r} has crashed"))
        await self._close()

    def _draw(self, bound: int) -> int:
        """Draw from the tape of the simulation, if there is one; there 0 means no fault, and elsewhere is not drawn."""
        draw = getattr(asyncio.get_running_loop(), "draw_fault", None)
        drawn: int = self._random.randint(1, bound) if draw is None else draw(bound)
        return drawn

    async def _be_slow(self) -> None:
        if self._slow and 0 < self._draw(GRAIN) <= self._slow:
            await asyncio.sleep(self._slowest * self._draw(GRAIN) / GRAIN)

    def _drawn_fault(self) -> str:
        if not self._kinds:
            return ""
        drawn = self._draw(GRAIN)
        return self._kinds[drawn - 1] if 0 < drawn <= len(self._kinds) else ""

    # -- the backend -------------------------------------------------------------------------------

    async def _open(self) -> None:
        if self._crashed:
            raise StoreClosedError(f"{self!r} has crashed: make a new one on its inner store")
        if not self.inner.is_open:
            await self.inner.open()
            self._opened_inner = True

    async def _close(self) -> None:
        cancelled = None
        while self._under_way is not None and not self._under_way.done():
            try:
                await asyncio.wait([self._under_way])
            except asyncio.CancelledError as error:
                # Left now, `inner` would write on behind the back of its next user.
                cancelled = error
        if self._opened_inner:
            self._opened_inner = False
            await self.inner.close()
        if cancelled is not None:
            raise cancelled

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        await self._be_slow()
        if self._planted:
            error, written = self._planted.pop(0)
            if written:
                await self._pass_on(group)
            raise error
        fault = self._drawn_fault()
        if fault == "unavailable":
            raise StoreUnavailableError("the database is away (injected)")
        if fault == "full":
            raise StoreFullError("there is no room on the disk (injected)")
        if fault == "unknown_lost":
            raise OutcomeUnknownError("the connection was lost before the commit (injected)")
        outcomes = await self._pass_on(group)
        if fault == "unknown_written":
            raise OutcomeUnknownError("the connection was lost after the commit (injected)")
        return outcomes

    async def _pass_on(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        self._under_way = make_task(self.inner._write(group), f"{self!r} writes")
        return await asyncio.shield(self._under_way)  # once begun it goes on, and `_close` waits for it

    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        await self._be_slow()
        if self._drawn_fault() == "unavailable":
            raise StoreUnavailableError("the database is away (injected)")
        return await self.inner._load(ids)

    async def _read(self, durable_id: str, after: int, limit: int) -> Sequence[EventRow]:
        return await self.inner._read(durable_id, after, limit)

    async def _read_all(
        self, after: int, limit: int, kinds: Sequence[str], key: str | None, tag: str | None
    ) -> Sequence[EventRow]:
        return await self.inner._read_all(after, limit, kinds, key, tag)

    async def _due(self, before: float, limit: int, kinds: Sequence[str]) -> Sequence[tuple[str, float]]:
        return await self.inner._due(before, limit, kinds)

    async def _offset(self, projection: str) -> OffsetRow | None:
        return await self.inner._offset(projection)

    async def _commit(
        self,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        await self.inner._commit(projection, expected, position, statements)

    async def _offsets(self) -> Sequence[OffsetRow]:
        return await self.inner._offsets()

    async def _reset(self, projection: str) -> bool:
        return await self.inner._reset(projection)

    async def _drop(self, projection: str) -> bool:
        return await self.inner._drop(projection)

    async def _position(self) -> int:
        return await self.inner._position()

    async def _ids(self, kind: str | None, after: str, limit: int, *, all: bool = False) -> list[str]:
        return await self.inner._ids(kind, after, limit, all=all)

    async def _info(self, durable_id: str) -> tuple[ActorRow | None, int, float | None, float | None]:
        return await self.inner._info(durable_id)

    async def _compact(self) -> None:
        await self.inner._compact()

    async def _insert(self, rows: Sequence[Any], position: int) -> None:
        await self.inner._insert(rows, position)

    async def _clear(self) -> None:
        await self.inner._clear()

    async def _problems(self) -> Sequence[str]:
        return await self.inner._problems()
