"""What others are told of an actor: that it has ended, and its counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio.address import Address
    from actorio.errors import ExitReason

__all__ = ["Statistics", "Terminated"]


@dataclass(frozen=True, slots=True)
class Terminated:
    """How an actor has ended for good; `error` is what failed last and was not followed by a restart, or None."""

    ref: Address
    reason: ExitReason
    error: BaseException | None


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
