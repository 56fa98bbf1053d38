"""What a cell needs of what stands above it: the table of its siblings, and its system. Said here, met above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actorio._core.recipient import Host

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine
    from contextvars import Context as Variables

    from actorio._cell.faces import Faces
    from actorio.errors import ExitReason

__all__ = ["Root", "Siblings", "System"]


class System(Host, Protocol):
    """The system, as a cell sees it."""

    faces: Faces
    observer: Any
    events: Any
    random: Any

    def make_task(
        self, work: Coroutine[Any, Any, Any], name: str, variables: Variables | None = None
    ) -> asyncio.Task[Any]: ...
    def forget(self, cell: Any) -> None: ...
    def end_by(self, error: BaseException) -> None: ...
    def broken(self, where: str, error: BaseException) -> None: ...
    def abandon(self, task: asyncio.Task[Any], why: str = ...) -> None: ...
    def log_failure(self, cell: Any, message: object, error: BaseException, last: float) -> float: ...
    def children_of(self, owner: Any, supervision: Any) -> Any: ...


class Siblings(Protocol):
    """The table of the children of one actor, as one of them, and their parent, sees it."""

    path: str
    owner: Any
    table: dict[str, Any]

    @property
    def runtime(self) -> System: ...
    def decide(self, cell: Any, reason: ExitReason, error: BaseException | None) -> int: ...
    def pause_before_restart(self, cell: Any) -> float: ...
    def changed(self) -> None: ...
    def remove(self, cell: Any) -> None: ...
    def child_ended(self, cell: Any) -> None: ...
    def begin_stop(self, intent: int) -> None: ...
    async def stop_all(self, intent: int) -> None: ...


class Root(Protocol):
    """The end of a system, as its machinery sees it."""

    path: str

    def begin(self, intent: int) -> None: ...
    def end_by(self, error: BaseException) -> None: ...
    def fail_from_outside(self, error: BaseException) -> None: ...
    def request(self, intent: int) -> None: ...
