"""Guarantees about an actor's end: 8 (mail cannot block it), 12 (children first), 13 (`on_stop` once)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._cell.cell import Cell
from actorio._cell.states import Intent, intent_name
from actorio._core.envelope import payload
from actorio._core.observer import Observer
from actorio.testing._oracles.ledger import Breach
from actorio.testing._words import in_short

if TYPE_CHECKING:
    from actorio.errors import ExitReason

__all__ = ["Lives"]


class Lives(Observer):
    """Follows each actor from its start to its end."""

    def __init__(self, breach: Breach) -> None:
        self._breach = breach
        self._ending: dict[Cell, int] = {}
        self._children: dict[Cell, dict[Cell, None]] = {}
        self._cleaned: dict[Cell, int] = {}
        """The incarnation whose `on_stop` has begun."""

    def spawned(self, cell: Cell) -> None:
        """Note whose child it is."""
        parent = cell.siblings.owner
        if isinstance(parent, Cell):
            self._children.setdefault(parent, {})[cell] = None

    def requested(self, cell: Cell, intent: int) -> None:
        """Note a request after which no message may begin."""
        if intent > Intent.CLOSE:
            self._ending[cell] = intent

    def begun(self, cell: Cell, item: Any) -> None:
        """Check that nothing had asked the actor to end."""
        intent = self._ending.get(cell)
        if intent is not None:
            self._breach(
                8,
                f"{cell.path} has begun {in_short(payload(item))} when asked to {intent_name(intent)}",
            )

    begun_beside = begun

    def constructed(self, cell: Cell) -> None:
        """A new incarnation: what asked the last one to end is done, unless it was for good."""
        intent = self._ending.get(cell)
        if intent is None:
            return
        if intent >= Intent.STOP:
            self._breach(8, f"{cell.path} was started again after it was asked to {intent_name(intent)}")
        del self._ending[cell]

    def last_hook(self, cell: Cell, name: str) -> None:
        """Check who is still there as a last hook begins, and that `on_stop` is not called in vain."""
        self._check_childless(cell, f"its {name} begins")
        if name != "on_stop":
            return
        if self._ending.get(cell) == Intent.KILL:
            self._breach(13, f"on_stop of {cell.path} has begun after a kill")
        if self._cleaned.get(cell) == cell.incarnation:
            self._breach(13, f"on_stop of {cell.path} has begun twice in incarnation {cell.incarnation}")
        self._cleaned[cell] = cell.incarnation

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """Check that the children are gone."""
        self._check_childless(cell, "it ends")

    def _check_childless(self, cell: Cell, moment: str) -> None:
        children = self._children.get(cell)
        if children:
            child = next(iter(children))
            self._breach(12, f"the child {child.path} is alive while {moment}")

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Forget it."""
        parent = cell.siblings.owner
        siblings = self._children.get(parent) if isinstance(parent, Cell) else None
        if siblings is not None:
            siblings.pop(cell, None)
            if not siblings:
                del self._children[parent]
        self._ending.pop(cell, None)
        self._cleaned.pop(cell, None)
