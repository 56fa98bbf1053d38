"""The seam for tracing, metrics and simulation: who wants to be told of every boundary event of a system.

Set `system.observer` before the block. All methods are called on the system's thread, in the order of what
happens, and must neither raise nor wait. An item is an envelope of `_envelope`: a `Parcel`
for a plain message, each send its own, or an ask, a call, a tick, submitted work. Off, each event costs one `is not None`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from actorio._cell import Cell
    from actorio.errors import ExitReason
    from actorio.mailbox import Item
    from actorio.ref import Terminated

__all__ = ["Observer"]


class Observer(Protocol):
    """Told of every boundary event."""

    def spawned(self, cell: Cell) -> None:
        """The cell is in the tree; its `on_start` has not begun."""

    def started(self, cell: Cell) -> None:
        """Its first incarnation has started."""

    def restarted(self, cell: Cell) -> None:
        """A further incarnation has started."""

    def accepted(self, cell: Cell, item: Item) -> None:
        """Its mailbox has taken an item."""

    def begun(self, cell: Cell, item: Item) -> None:
        """A turn begins with an item."""

    def ended(self, cell: Cell, item: Item) -> None:
        """The turn has ended without failing the actor."""

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """The incarnation has failed, in a message, or in a hook or task when it is None."""

    def dead_letter(self, cell: Cell, message: Any, reason: str) -> None:
        """A message will not be handled."""

    def notified(self, cell: Cell, notice: Terminated) -> None:
        """The cell is about to be told of the end of an actor it watches."""

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """An incarnation is gone."""

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """The actor has ended: its name is free, nobody is told yet."""
