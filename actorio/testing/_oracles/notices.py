"""Guarantee 14: a watcher is told exactly once, before its next message, when name and groups are free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._core.observer import Observer
from actorio.testing._oracles.ledger import Breach

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio._cell.notices import Terminated
    from actorio.errors import ExitReason

__all__ = ["Notices"]


class Notices(Observer):
    """Follows each watch until its notice."""

    def __init__(self, breach: Breach) -> None:
        self._breach = breach
        self._watched: dict[Cell, dict[Cell, None]] = {}
        self._watchers: dict[Cell, dict[Cell, None]] = {}
        self._due: dict[Cell, dict[Cell, None]] = {}

    def watched(self, cell: Cell, other: Cell) -> None:
        """Remember the watch; of one that has ended the notice is due now."""
        if other.is_far:  # the oracles of the cluster follow it
            return
        self._watched.setdefault(cell, {})[other] = None
        if other.reason is not None:
            self._due.setdefault(cell, {})[other] = None
        else:
            self._watchers.setdefault(other, {})[cell] = None

    def unwatched(self, cell: Cell, other: Cell) -> None:
        """Forget the watch."""
        for known, key, value in (
            (self._watched, cell, other),
            (self._due, cell, other),
            (self._watchers, other, cell),
        ):
            if key in known:
                known[key].pop(value, None)
                if not known[key]:
                    del known[key]

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Check that its names are free before anybody is told, and see whom to expect a notice for."""
        self._check_forgotten(cell)
        for watcher in self._watchers.pop(cell, ()):
            self._due.setdefault(watcher, {})[cell] = None

    def _check_forgotten(self, cell: Cell) -> None:
        if cell.siblings.table.get(cell.name) is cell:
            self._breach(14, f"the end of {cell.path} is told while its name is in use")
        if cell in cell.runtime.groups.joined:
            self._breach(14, f"the end of {cell.path} is told while it is in a group")
        if cell in cell.runtime.names.named:
            self._breach(14, f"the end of {cell.path} is told while it has an alias")

    def notified(self, cell: Cell, notice: Terminated) -> None:
        """Check that the notice was expected and comes last."""
        other = notice.ref._cell
        if other.is_far:
            return
        if other not in self._due.get(cell, ()):
            self._breach(14, f"{cell.path} is told of the end of {other.path} twice, or without watching it")
        self._check_forgotten(other)
        self.unwatched(cell, other)

    def begun(self, cell: Cell, item: Any) -> None:
        """Check that no notice is late."""
        due = self._due.get(cell)
        if due:
            other = next(iter(due))
            self._breach(14, f"{cell.path} takes a message and was not told of the end of {other.path}")

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """The watches of an incarnation end with it."""
        for other in tuple(self._watched.get(cell, ())):
            self.unwatched(cell, other)
