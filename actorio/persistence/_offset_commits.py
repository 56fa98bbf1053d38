"""The commits of projections: what they write and how far they have come, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from actorio.errors import StoreFailedError
from actorio.persistence._group_commit import make_task

if TYPE_CHECKING:
    from actorio.persistence._backend import Backend
    from actorio.persistence._rows import OffsetRow

__all__ = ["OffsetCommits"]


class OffsetCommits:
    """The offset commits of one store that are under way, by the name of the projection."""

    def __init__(self, store: Backend) -> None:
        self._store = store
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def offset_of(self, projection: str) -> OffsetRow | None:
        """Return how far a projection has come, after what is in flight under its name."""
        while (under_way := self._under_way.get(projection)) is not None:
            await asyncio.wait([under_way])
        self._store._check()
        return await self._store._offset(projection)

    async def commit(
        self,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        """Carry out statements and store an offset, in one transaction; once begun it goes on, whoever is cancelled."""
        store = self._store
        store._check()
        under_way = make_task(
            store._commit(projection, expected, position, statements), f"{store!r} commits {projection}"
        )
        self._under_way[projection] = under_way
        under_way.add_done_callback(lambda done: self._is_over(projection, done))
        await asyncio.shield(under_way)

    async def drain(self) -> None:
        """Wait until none is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    def _is_over(self, projection: str, done: asyncio.Task[None]) -> None:
        if self._under_way.get(projection) is done:
            del self._under_way[projection]
        error = None if done.cancelled() else done.exception()  # who waits for it is told; nobody may
        if isinstance(error, StoreFailedError):
            self._store._fail(error)
