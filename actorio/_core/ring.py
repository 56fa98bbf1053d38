"""The store of a mailbox and of the run queue: a `deque`, or the compiled ring that does what one does.

A mailbox begins with `Few` where there is no compiled ring, which is small by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from actorio._core.acceleration import compiled

__all__ = ["MOST_FEW", "RINGS", "Few", "FirstStore", "Ring"]

MOST_FEW = 8
"""Items that a `Few` is for; it takes more, ever more slowly."""

Ring: Any = deque if compiled is None else compiled.Ring
"""The class of new ones."""


class Few(list[Any]):
    """A deque for a few items, in an eighth of the 760 bytes that a real one holds when it is empty."""

    __slots__ = ()

    def popleft(self) -> Any:
        """Take out the first item."""
        return self.pop(0)

    def extendleft(self, items: Iterable[Any], /) -> None:
        """Put each of them in front of all others."""
        for item in items:
            self.insert(0, item)


FirstStore: Any = Few if compiled is None else Ring
"""The class of what a mailbox begins with."""
RINGS: tuple[type, ...] = (deque, Ring, Few)
"""The classes of all that may be there: `deque`, too, is in use on either form."""
