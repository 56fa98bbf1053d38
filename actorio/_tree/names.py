"""Aliases: further names for actors, in one namespace with the top-level names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Registry"]


class Registry:
    """Which alias means which actor; an actor's aliases are freed when it ends."""

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

    def forget(self, cell: Cell) -> None:
        """Free all aliases of an actor."""
        for alias in self.named.pop(cell, ()):
            del self._aliases[alias]
