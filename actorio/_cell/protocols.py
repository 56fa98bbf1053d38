"""Protocols of what stands above a cell: the table of its siblings, and its system. Said here, met above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actorio._core.recipient import Host

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from contextvars import Context as Variables
    from random import Random

    from actorio._cell.faces import Faces
    from actorio._cell.states import Options
    from actorio._core.observer import Observers
    from actorio.errors import ExitReason, WrongThreadError
    from actorio.policy import Supervision

__all__ = ["Root", "Siblings", "System"]


class System(Host, Protocol):
    """The system, as a cell sees it."""

    system: Any
    """What users see of it."""
    faces: Faces
    observers: Observers
    random: Random
    log: Any
    groups: Any
    names: Any
    starting: dict[Any, asyncio.Future[Any]]
    """The calls of `get_or_spawn` under way, by siblings and name."""
    suspended: dict[Any, None]
    """The actors that begin no turn for now."""
    has_ended: bool
    starts_within: int
    """How many starts run at this moment, one within the other."""

    def make_task(
        self, work: Coroutine[Any, Any, Any], name: str, variables: Variables | None = None
    ) -> asyncio.Task[Any]: ...
    def check_usable(self) -> None: ...
    def is_alias(self, children: Any, name: str) -> bool: ...
    def remember(self, cell: Any) -> None: ...
    def wrong_thread(self, what: str, instead: str = "") -> WrongThreadError: ...
    def forget(self, cell: Any) -> None: ...
    def end_by(self, error: BaseException) -> None: ...
    def broken(self, where: str, error: BaseException) -> None: ...
    def abandon(self, task: asyncio.Task[Any], why: str = ...) -> None: ...
    def children_of(self, owner: Any, supervision: Supervision) -> Siblings: ...


class Siblings(Protocol):
    """The table of the children of one actor, as one of them, and their parent, sees it."""

    path: str
    owner: Any
    table: dict[str, Any]
    supervision: Supervision
    waiters: dict[Any, None]
    """Those that `changed` wakes."""

    @property
    def runtime(self) -> System: ...
    def start(
        self,
        factory: Callable[..., Any],
        args: tuple[Any, ...],
        name: str | None,
        mailbox: Any,
        options: Options,
    ) -> Any: ...
    async def after_start(self, cell: Any) -> None: ...
    async def after_end(self, cell: Any) -> None: ...
    async def until_started(self, cell: Any, timeout: float | None) -> None: ...
    @property
    def is_stopping(self) -> bool: ...
    def resumes(self, error: BaseException) -> bool: ...
    def decide(self, cell: Any, reason: ExitReason, error: BaseException | None) -> int: ...
    def pause_before_restart(self, cell: Any) -> float: ...
    def changed(self) -> None: ...
    def forget(self, cell: Any) -> None: ...
    def child_ended(self, cell: Any) -> None: ...
    def begin_stop(self, intent: int) -> None: ...
    async def stop_all(self, intent: int) -> None: ...
    async def terminate(self, cell: Any) -> None: ...


class Root(Protocol):
    """The end of a system, as its machinery sees it."""

    path: str

    def begin(self, intent: int) -> None: ...
    def end_by(self, error: BaseException) -> None: ...
    def fail_from_outside(self, error: BaseException) -> None: ...
    def request(self, intent: int) -> None: ...
