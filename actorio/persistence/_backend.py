"""The coroutines that a kind of store consists of: they know rows and bytes alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from actorio.errors import StoreError
from actorio.persistence._rows import ActorRow, EventRow, Loaded, OffsetRow, Write
from actorio.persistence._statistics import Counts

__all__ = ["Backend"]


class Backend(ABC):
    """Reads and writes rows. It is looked up on the instance for each group, so that a test can hold one."""

    _has_sql: bool = False
    """Whether projections can write to it by SQL."""

    _counts: Counts

    @property
    def _identity(self) -> object:
        """Return what two store objects on the same content have in common."""
        return self

    @abstractmethod
    async def _open(self) -> None:
        """Connect."""

    @abstractmethod
    async def _close(self) -> None:
        """Disconnect, at once; nothing is in flight but for what was given up."""

    @abstractmethod
    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        """Carry out the writes in one transaction; for each the handle of its id, or why nothing of it was written.

        Raises:
            StoreError: of the group as a whole.
        """

    @abstractmethod
    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        """Load what is stored under each id, as of one moment."""

    @abstractmethod
    async def _read(self, durable_id: str, after: int, limit: int) -> Sequence[EventRow]:
        """Read events of an id by sequence."""

    @abstractmethod
    async def _read_all(
        self, after: int, limit: int, kinds: Sequence[str], key: str | None, tag: str | None
    ) -> Sequence[EventRow]:
        """Read rows of the journal by position; those of erases whatever the tag."""

    @abstractmethod
    async def _due(self, before: float, limit: int, kinds: Sequence[str]) -> Sequence[tuple[str, float]]:
        """Return the ids of these kinds with a reminder that is to be tried by then, and when; the earliest first."""

    @abstractmethod
    async def _offset(self, projection: str) -> OffsetRow | None:
        """Return how far a projection has come."""

    @abstractmethod
    async def _commit(
        self,
        projection: str,
        expected: OffsetRow | None,
        position: int,
        statements: Sequence[tuple[str, Any]],
    ) -> None:
        """Carry out statements and store an offset, in one transaction, if the offset is as expected.

        Raises:
            ConflictError: it is not.
        """

    @abstractmethod
    async def _offsets(self) -> Sequence[OffsetRow]:
        """Return all offsets."""

    @abstractmethod
    async def _reset(self, projection: str) -> bool:
        """Mark an offset; False when there is none."""

    @abstractmethod
    async def _drop(self, projection: str) -> bool:
        """Delete an offset; False when there is none."""

    @abstractmethod
    async def _position(self) -> int:
        """Return the last position that was drawn."""

    @abstractmethod
    async def _ids(self, kind: str | None, after: str, limit: int, *, all: bool = False) -> list[str]:
        """Return ids, sorted by code points; with `all` those that have nothing stored any more as well."""

    @abstractmethod
    async def _info(self, durable_id: str) -> tuple[ActorRow | None, int, float | None, float | None]:
        """Return the head of an id, how many events are stored, and when the first and the last was written."""

    @abstractmethod
    async def _compact(self) -> None:
        """Give space back."""

    @abstractmethod
    async def _insert(self, rows: Sequence[Any], position: int) -> None:
        """Store rows as they are, in one transaction; `position` is the last one that was drawn."""

    @abstractmethod
    async def _clear(self) -> None:
        """Delete everything."""

    async def _problems(self) -> Sequence[str]:
        """Return what the database itself says is wrong."""
        return ()

    # -- what the store makes of it ----------------------------------------------------------------

    @abstractmethod
    def _check(self) -> None:
        """Refuse use of a store that is not open."""

    @abstractmethod
    def _committed(self) -> None:
        """Tell those who read along."""

    @abstractmethod
    def _fail(self, error: StoreError) -> None:
        """End for good: whatever is called from now on raises this."""
