"""The seam for tracing, metrics and simulation: who wants to be told of every boundary event of a system.

Set `system.observer` before the block. All methods are called on the system's thread, in the order of what
happens, and must neither raise nor wait. An item is an envelope of `_envelope`: a `Parcel` for a plain
message, each send its own, or an ask, a call, a tick, submitted work. Off, each event costs one `is not None`.

An item's way is `queued` (only when there is no room), `accepted`, `begun`, then one of `ended`, `failed` and
`dead_letter`; an ask or submitted work also has one `answered`, wherever it is by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from actorio._core.envelope import Request, Submission
    from actorio._core.mailbox import Item
    from actorio.errors import ExitReason

__all__ = ["Observer"]


class Observer:
    """Told of every boundary event. Subclass it; what is not overridden does nothing."""

    # -- an actor's life ---------------------------------------------------------------------------

    def constructed(self, cell: Any) -> None:
        """It has a new instance; neither `on_start` nor a message has begun."""

    def spawned(self, cell: Any) -> None:
        """The cell is in the tree; its `on_start` has not begun."""

    def started(self, cell: Any) -> None:
        """Its first incarnation has started."""

    def restarted(self, cell: Any) -> None:
        """A further incarnation has started."""

    def requested(self, cell: Any, intent: int) -> None:
        """It was asked to end, more urgently than before."""

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """The incarnation has failed, in a message, or in a hook or task when it is None."""

    def decided(self, cell: Any, reason: ExitReason, verdict: int) -> None:
        """The incarnation takes no more turns; what its supervisor makes of that."""

    def last_hook(self, cell: Any, name: str) -> None:
        """`on_undelivered` or `on_stop` begins."""

    def stopped(self, cell: Any, reason: ExitReason) -> None:
        """An incarnation is gone."""

    def ended_for_good(self, cell: Any, reason: ExitReason) -> None:
        """The actor has ended: its name is free, nobody is told yet."""

    def group_restarts(self, group: Sequence[Any]) -> None:
        """These siblings are stopped in reverse order and started in order."""

    # -- messages ----------------------------------------------------------------------------------

    def asked(self, cell: Any, envelope: Request | Submission) -> None:
        """An ask, a call or submitted work is about to be put into its mailbox."""

    def queued(self, cell: Any, item: Item) -> None:
        """There is no room in its mailbox; the item waits in line."""

    def accepted(self, cell: Any, item: Item) -> None:
        """Its mailbox has taken an item (or, told so before, has dropped it as the newest)."""

    def handed_over(self, cell: Any, other: Any, item: Item) -> None:
        """An item that one mailbox has accepted is another actor's from now on, which is about to begin it."""

    def put_back(self, cell: Any, items: Sequence[Item]) -> None:
        """Items whose turn has ended without their being handled are first in the mailbox again, in order."""

    def begun(self, cell: Any, item: Item) -> None:
        """The item is taken out: a turn begins with it, or nobody waits for it any more and it is skipped."""

    def ended(self, cell: Any, item: Item) -> None:
        """The turn has ended without failing the actor."""

    def begun_beside(self, cell: Any, item: Item) -> None:
        """A call of an interleaved method begins, at its arrival, or in a turn that ends with that."""

    def ended_beside(self, cell: Any, item: Item) -> None:
        """A call of an interleaved method has ended, whatever came of it."""

    def answered(self, cell: Any, envelope: Request | Submission) -> None:
        """An ask, a call or submitted work has its outcome, whatever it is."""

    def dead_letter(self, cell: Any, message: Any, reason: str) -> None:
        """A message will not be handled."""

    # -- watches -----------------------------------------------------------------------------------

    def watched(self, cell: Any, other: Any) -> None:
        """The cell is to be told of the end of the other."""

    def unwatched(self, cell: Any, other: Any) -> None:
        """The cell is not to be told."""

    def notified(self, cell: Any, notice: Any) -> None:
        """The cell is about to be told of the end of an actor it watches."""

    # -- durable actors ----------------------------------------------------------------------------

    def recovered(self, cell: Any, actor: Any) -> None:
        """A durable actor has its state back; its first message has not begun."""

    def persisting(self, cell: Any, actor: Any, write: Any) -> None:
        """A durable actor hands a write to its store."""

    def persisted(self, cell: Any, actor: Any, write: Any, error: BaseException | None) -> None:
        """The actor has learned what came of that write; nothing of an error is a success."""

    # -- the system --------------------------------------------------------------------------------

    def task_made(self, system: Any, task: asyncio.Task[Any]) -> None:
        """The runtime has made a task."""

    def left(self, system: Any) -> None:
        """The block is about to be left: all actors have ended."""
