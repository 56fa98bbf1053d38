"""The hot part of an ask: how it is made, and how it is answered."""

from __future__ import annotations

from collections.abc import Generator
from contextvars import copy_context
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from actorio._core.acceleration import accelerated, compiled
from actorio._core.deadlines import RING, Entry
from actorio._core.envelope import ANSWERED, QUEUED
from actorio._core.hints import forgotten_await
from actorio._core.run_queue import Waiter

if TYPE_CHECKING:
    from actorio._core.deadlock import Waiting
    from actorio._core.recipient import Recipient

__all__ = ["AskCore"]


@accelerated
class AskCore(Waiter):
    """The fields of a `Request`, and its way from the ask to the reply.

    Written for speed, at the cost of a second look: fields are set when first needed, and what `Waiter` does
    by a call is written out (the benchmark `pingpong` pays for it).
    """

    __slots__ = (
        "alarm",
        "asker",
        "cell",
        "deadline",
        "error",
        "message",
        "sender",
        "state",
        "timeout",
        "value",
    )

    timeout: float
    deadline: float
    error: BaseException | None
    value: Any

    def __init__(self, cell: Recipient, message: Any) -> None:
        run_queue = cell.run_queue
        self._loop = run_queue.loop
        self._asyncio_future_blocking = True
        self.seen = run_queue.woken
        self.callback = None
        self.cell = cell
        self.message = message
        self.sender = copy_context() or None
        self.state = QUEUED
        self.asker: Waiting | None = None
        self.alarm: Entry | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait once for the end; `outcome` says what it came to."""
        # An iterator in C, not a generator: half the cost, and what is thrown into it passes it by.
        return iter((self,))  # type: ignore[return-value]

    def wake(self) -> None:
        run_queue = self.cell.run_queue
        if not run_queue.scheduled:
            run_queue.schedule()
        run_queue.ready.append(self)

    def reply(self, value: Any) -> None:
        if self.state < ANSWERED:
            if type(value) is CoroutineType:
                self.fail(forgotten_await(self.cell.path, value))
                return
            self.value = value
            cell = self.cell
            if cell.observers.answered is not None:
                self._end(ANSWERED)
                return
            alarm = self.alarm
            if alarm is not None:
                self.alarm = alarm[RING] = None
            self.state = ANSWERED
            asker = self.asker
            if asker is not None:
                asker.waits_on = self.asker = None
            run_queue = cell.run_queue
            if not run_queue.scheduled:
                run_queue.schedule()
            run_queue.ready.append(self)

    def fail(self, error: BaseException) -> None:
        """End with an exception."""
        raise NotImplementedError

    def _end(self, state: int) -> None:
        raise NotImplementedError


if compiled is not None:
    compiled.bind(forgotten_await=forgotten_await)
