"""The store of a mailbox's items, and the line of the senders who wait for room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, cast

from actorio._core.envelope import ENDED, ENVELOPES
from actorio._core.ring import RINGS

if TYPE_CHECKING:
    from collections import deque

__all__ = ["Item", "Items", "Line", "Sweepable", "WaitingSender", "drop_dead"]

Item = Any
"""A message as it is, or an envelope of `_core.envelope`."""


class WaitingSender(Protocol):
    """One who waits for room: told once, either that the item is in or why it never will be."""

    def admitted(self) -> None: ...
    def refused(self, error: BaseException) -> None: ...


class Line:
    """The senders who wait for room, in order; leaving it takes the same time wherever one stands."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: OrderedDict[WaitingSender, Item] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[tuple[Item, WaitingSender]]:
        for room, item in self._places.items():
            yield item, room

    def append(self, item: Item, room: WaitingSender) -> None:
        """Give an item its place at the end."""
        self._places[room] = item

    def popleft(self) -> tuple[Item, WaitingSender]:
        """Take out the first one."""
        room, item = self._places.popitem(last=False)
        return item, room

    def remove(self, room: WaitingSender) -> bool:
        """Take one out; False when it is not there."""
        if room not in self._places:
            return False
        del self._places[room]
        return True


class Items(Protocol):
    """The needs of a mailbox of its store; a deque meets them."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Item]: ...
    def append(self, item: Item, /) -> None: ...
    def popleft(self) -> Item: ...


class Sweepable(Items, Protocol):
    """A store that is more than one deque."""

    def drop_dead(self) -> None: ...


def drop_dead(items: deque[Item] | Sweepable) -> None:
    """Take those out of a store that have ended in it, asks that nobody waits for, say."""
    if not isinstance(items, RINGS):
        cast("Sweepable", items).drop_dead()
        return
    ring = cast("deque[Item]", items)
    live = [item for item in ring if not (type(item) in ENVELOPES and item.state >= ENDED)]
    if len(live) < len(ring):
        ring.clear()
        ring.extend(live)
