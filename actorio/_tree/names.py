"""Names of actors: aliases, in one namespace with the top-level names, and when a name is free again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Names"]


class Names:
    """Which alias means which actor; all names of an actor are freed when it ends."""

    __slots__ = ("_aliases", "named")

    def __init__(self) -> None:
        self._aliases: dict[str, Cell] = {}
        self.named: dict[Cell, dict[str, None]] = {}

    def __contains__(self, alias: str) -> bool:
        return alias in self._aliases

    def get(self, alias: str) -> Cell | None:
        """Return the actor of that alias, None if there is none."""
        return self._aliases.get(alias)

    def names_of(self, cell: Cell) -> list[str]:
        """Return the aliases of an actor."""
        return list(self.named.get(cell, ()))

    def add(self, alias: str, cell: Cell) -> None:
        """Add an alias that is free."""
        self._aliases[alias] = cell
        self.named.setdefault(cell, {})[alias] = None

    def remove(self, alias: str) -> bool:
        """Free an alias; False when it was free."""
        cell = self._aliases.pop(alias, None)
        if cell is None:
            return False
        aliases = self.named[cell]
        del aliases[alias]
        if not aliases:
            del self.named[cell]
        return True

    def free(self, cell: Cell) -> None:
        """Free the name of an actor that has ended, among its siblings, and its aliases."""
        siblings = cell.siblings.table
        if siblings.get(cell.name) is cell:
            del siblings[cell.name]
        if self.named:
            self.free_aliases(cell)

    def free_aliases(self, cell: Cell) -> None:
        """Free all aliases of an actor; one of another node has no other name here."""
        for alias in self.named.pop(cell, ()):
            del self._aliases[alias]
