"""The mailbox with lanes: what matters more is taken first."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from actorio._core.checks import check_plain_function, kind_of
from actorio._core.envelope import is_message, payload
from actorio._core.mailbox import Mailbox, Overflow
from actorio._core.store import Item, Items, drop_dead
from actorio._core.typevar import TypeVar

__all__ = ["PriorityMailbox"]

M = TypeVar("M", default=Any)


class PriorityMailbox(Mailbox[M]):
    """A mailbox with lanes: a message of a lower priority number is taken first, first in first out within each.

    Args:
        priority: gives a message's number, an int; called when the message goes in, by `unstash_all` too. Asks
            are ordered by their message; calls and submitted work have priority 0. What it raises is raised
            to who sends the message; a timer's message fails the actor that has set it.
        capacity: most messages at a time, over all lanes.
        overflow: as in `Mailbox`; the oldest for DROP_OLD is the next one that would be taken.
    """

    __slots__ = ("priority",)

    def __init__(
        self, priority: Callable[[M], int], capacity: int | None = 1000, *, overflow: Overflow = Overflow.WAIT
    ) -> None:
        check_plain_function("priority", priority)
        self.priority = priority
        super().__init__(capacity, overflow=overflow)

    def fresh(self) -> Mailbox[M]:
        """Return an empty mailbox with the same settings."""
        mailbox = cast("PriorityMailbox[M]", super().fresh())
        mailbox.priority = self.priority
        return mailbox

    def _new_items(self) -> Items:
        return _Lanes(self.priority)


class _Lanes:
    """The store of a `PriorityMailbox`: one deque for each priority of which there is mail, the next one by a heap."""

    __slots__ = ("_lanes", "_numbers", "_priority", "_size", "_spare")

    def __init__(self, priority: Callable[[Any], int]) -> None:
        self._priority = priority
        self._lanes: dict[int, deque[Item]] = {}
        self._numbers: list[int] = []
        self._size = 0
        self._spare: deque[Item] = deque()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Item]:
        for number in sorted(self._numbers):
            yield from self._lanes[number]

    def append(self, item: Item, /) -> None:
        self._lane(self._number_of(item)).append(item)
        self._size += 1

    def extendleft(self, items: Iterable[Item], /) -> None:
        """Put what was stashed back, each item in front of its lane."""
        for item in items:
            try:
                number = self._number_of(item)
            except Exception:  # the priority function did not raise when it went in: it must not be lost now
                number = 0
            self._lane(number).appendleft(item)
            self._size += 1

    def _number_of(self, item: Item) -> int:
        number = self._priority(payload(item)) if is_message(item) else 0
        if not isinstance(number, int):  # or it would spoil the order of all
            raise TypeError(f"priority must give an int, not {kind_of(number)}")
        return number

    def _lane(self, number: int) -> deque[Item]:
        """Return the lane of that number, which is about to get an item."""
        lane = self._lanes.get(number)
        if lane is None:
            lane = self._lanes[number] = self._spare  # most often the one that has just become empty
            self._spare = deque()
            heapq.heappush(self._numbers, number)
        return lane

    def drop_dead(self) -> None:
        """Take those out that have ended."""
        for lane in self._lanes.values():
            drop_dead(lane)
        self._lanes = {number: lane for number, lane in self._lanes.items() if lane}
        self._numbers = sorted(self._lanes)  # which is a heap
        self._size = sum(map(len, self._lanes.values()))

    def popleft(self) -> Item:
        if not self._numbers:
            raise IndexError("popleft from an empty mailbox")
        number = self._numbers[0]
        lane = self._lanes[number]
        item = lane.popleft()
        self._size -= 1
        if not lane:
            heapq.heappop(self._numbers)
            del self._lanes[number]
            self._spare = lane
        return item
