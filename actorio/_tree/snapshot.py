"""A picture of a system at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["ActorSnapshot", "SystemSnapshot", "take"]


@dataclass(frozen=True, slots=True)
class ActorSnapshot:
    """One actor.

    Attributes:
        path: its path.
        cls: the qualified name of its class, empty between two incarnations.
        state: `starting`, `running`, `stopping` or `restarting`.
        incarnation: how often it was restarted.
        depth: messages in its mailbox.
        handled: messages handled to the end.
        children: its children, in start order.
    """

    path: str
    cls: str
    state: str
    incarnation: int
    depth: int
    handled: int
    children: tuple[ActorSnapshot, ...]

    def walk(self) -> Iterator[ActorSnapshot]:
        """Return it and all below it, parents first."""
        stack: list[ActorSnapshot] = [self]
        while stack:
            snapshot = stack.pop()
            yield snapshot
            stack.extend(reversed(snapshot.children))


@dataclass(frozen=True, slots=True)
class SystemSnapshot:
    """The tree of a system: its top-level actors in start order."""

    name: str
    actors: tuple[ActorSnapshot, ...]

    def walk(self) -> Iterator[ActorSnapshot]:
        """Return all actors, parents first."""
        for actor in self.actors:
            yield from actor.walk()

    def __len__(self) -> int:
        return sum(1 for _ in self.walk())


def take(roots: list[Cell]) -> tuple[ActorSnapshot, ...]:
    """Take the pictures of these actors and all below them; without recursion, since trees are deep."""
    order = list(roots)
    for cell in order:
        order.extend(_children(cell))
    taken: dict[Cell, ActorSnapshot] = {}
    for cell in reversed(order):
        taken[cell] = ActorSnapshot(
            cell.path,
            "" if cell.instance is None else type(cell.instance).__qualname__,
            cell.state,
            cell.incarnation,
            len(cell.mailbox.items),
            cell.handled,
            tuple(taken[child] for child in _children(cell)),
        )
    return tuple(taken[cell] for cell in roots)


def _children(cell: Cell) -> list[Cell]:
    return [] if cell.children is None else list(cell.children.table.values())
