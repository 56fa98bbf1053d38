"""The news of an actor for others: that it has ended, and its counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actorio._core.run_queue import RunQueue, Waiter

if TYPE_CHECKING:
    from actorio.address import Address
    from actorio.errors import ExitReason

__all__ = ["Joiner", "Statistics", "Terminated"]


@dataclass(frozen=True, slots=True)
class Terminated:
    """How an actor has ended for good; `error` is what failed last and was not followed by a restart, or None.

    Who watches, or waits in `join`, is given the exception itself; who joins later a copy without its traceback, since
    an actor that has ended keeps no frames alive.
    """

    ref: Address
    reason: ExitReason
    error: BaseException | None


class Joiner(Waiter):
    """Who waits for the end of an actor; `notice` is what it was told."""

    __slots__ = ("notice",)

    def __init__(self, run_queue: RunQueue) -> None:
        super().__init__(run_queue)
        self.notice: Terminated | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counters of one actor, over all its incarnations.

    Attributes:
        depth: messages in the mailbox now.
        peak: most messages in the mailbox at a time, as seen when the actor begins to take some: what it sends
            itself and takes within the same 64 may be missed.
        handled: messages handled to the end.
        failed: messages, hooks and tasks that raised, answers to asks among them; not a start that `spawn` raises.
        restarts: how often it was restarted.
    """

    depth: int
    peak: int
    handled: int
    failed: int
    restarts: int
