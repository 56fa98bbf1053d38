"""Protocols of the actor that mail is for, and of the system around that: said here, met above.

A cell is a recipient. So can something else be that takes mail: an actor of another node, a persistent one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

    from actorio._core.deadlines import Deadlines
    from actorio._core.deadlock import WaitForMany, Waiting
    from actorio._core.observer import Observers
    from actorio._core.run_queue import RunQueue

__all__ = ["Host", "Recipient", "Told"]


class Host(Protocol):
    """The system, as the mail sees it."""

    name: str
    loop: asyncio.AbstractEventLoop
    thread: int
    run_queue: RunQueue
    timers: Deadlines
    node: str | None

    def current(self) -> Waiting | None: ...
    def check_thread(self) -> None: ...
    def finalise(self, work: Callable[[], object]) -> None: ...
    def from_thread(self, work: Callable[[], object], message: object) -> None: ...


class Recipient(Protocol):
    """An actor, as its mail sees it."""

    run_queue: RunQueue
    observers: Observers
    mailbox: Any
    deferred: Any
    instance: Any
    waits_on: Waiting | WaitForMany | None

    @property
    def path(self) -> str: ...
    @property
    def runtime(self) -> Any: ...
    @property
    def ref(self) -> Any: ...
    @property
    def server(self) -> Waiting | WaitForMany: ...

    def accepted(self, item: Any) -> None: ...
    def call(self, envelope: Any) -> Any: ...
    def submitted(self, envelope: Any) -> Any: ...
    def interrupt(self, envelope: Any) -> None: ...
    def dead_letter(self, message: Any, reason: str) -> None: ...
    def has_begun(self, request: Any) -> bool | None: ...
    def wait_of_current(
        self, target: Waiting | WaitForMany | None = None, *, ends_by_itself: bool = False
    ) -> Callable[[], None] | None: ...


class Told(Protocol):
    """Who is told what becomes of an `Inquiry`."""

    def admitted(self, inquiry: Any) -> None: ...
    def refused(self, inquiry: Any, error: BaseException) -> None: ...
    def replied(self, inquiry: Any, value: Any) -> None: ...
    def failed(self, inquiry: Any, error: BaseException) -> None: ...
    def withdrawn(self, inquiry: Any, *, in_line: bool) -> None: ...
