"""Guarantee 5: an ask ends in exactly one way, at the latest with its target, and never hangs.

And 6, as far as events tell: an ask that has ended is not begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._core.envelope import ENDED, ENVELOPES, QUEUED, payload
from actorio._core.observer import Observer
from actorio.testing._oracles.ledger import Breach
from actorio.testing._words import in_short

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio.errors import ExitReason
    from actorio.system import ActorSystem

__all__ = ["Answers"]


class Answers(Observer):
    """Counts asks, calls and submitted work until they have their outcome."""

    def __init__(self, breach: Breach) -> None:
        self._breach = breach
        self._open: dict[Cell, dict[Any, None]] = {}

    def asked(self, cell: Cell, envelope: Any) -> None:
        """Remember it."""
        self._open.setdefault(cell, {})[envelope] = None

    def handed_over(self, cell: Cell, other: Cell, item: Any) -> None:
        """Expect the outcome from the other."""
        outstanding = self._open.get(cell, {})
        if item in outstanding:
            del outstanding[item]
            self.asked(other, item)
            if not outstanding:
                del self._open[cell]

    def answered(self, cell: Cell, envelope: Any) -> None:
        """Check that this is the first outcome."""
        outstanding = self._open.get(cell, {})
        if envelope not in outstanding:
            self._breach(5, f"the ask {in_short(payload(envelope))} of {cell.path} has ended twice")
            return
        del outstanding[envelope]
        if not outstanding:
            del self._open[cell]

    def ended(self, cell: Cell, item: Any) -> None:
        """Check that a turn leaves its ask answered, taken away by the handler, or put back to be handled again."""
        if type(item) in ENVELOPES and item.state == QUEUED:
            return
        if item in self._open.get(cell, ()) and item.state < ENDED and not self._is_deferred(cell, item):
            self._breach(5, f"{cell.path} has ended its turn without an answer to {in_short(payload(item))}")

    @staticmethod
    def _is_deferred(cell: Cell, item: Any) -> bool:
        return item in (cell.deferred or ())

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Check that nobody waits for the dead."""
        outstanding = self._open.pop(cell, None)
        if outstanding:
            first = in_short(payload(next(iter(outstanding))))
            self._breach(
                5, f"{cell.path} has ended, and {len(outstanding)} asks of it go on waiting, as {first}"
            )

    def left(self, system: ActorSystem) -> None:
        """Check that no ask is outstanding."""
        for cell in self._open:
            if cell.runtime.system is system:
                self._breach(5, f"the system has ended, and an ask of {cell.path} goes on waiting")
                return
