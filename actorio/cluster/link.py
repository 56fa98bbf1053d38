"""The link to one other node: numbered frames, acknowledged, and repeated until they are (go back N).

All that is posted in one loop iteration goes in one frame, so that a message costs no task, future or timer.

Source: the sliding window of ISO 7776 (LAPB), with one negative acknowledgement a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from actorio._core.deadlines import Deadline, Deadlines
from actorio.cluster.wire import MOST_BYTES, MOST_ITEMS, PROTOCOL, Frame, Item, encode_frame

__all__ = ["ITEM_BYTES", "Link", "LoopLink"]

ITEM_BYTES = 32
"""Bytes of an item beside its body, about."""
_ACKNOWLEDGE_EVERY = 8
_ACKNOWLEDGE_WITHIN = 0.02
_REPEAT_AFTER, _REPEAT_AFTER_AT_MOST = 0.4, 3.0
_PROBE_AFTER = 0.1
"""Seconds between two bursts of a link that recovers."""


class _Batch:
    """The items that are to go in the next frame."""

    __slots__ = ("items", "names", "size")

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.names: dict[str, int] = {}
        self.size = 0

    def index(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))


class Link:
    """Frames between two incarnations.

    Args:
        loop: to send at the end of its iteration.
        timers: for repeats and late acknowledgements.
        ends: the incarnations of this node and of the other one.
        publish: sends a frame to the other node; may lose it.
        deliver: is given each frame once, in order.
        limit: bytes that may be unacknowledged before `has_room` is false.
    """

    def __init__(
        self,
        loop: Any,
        timers: Deadlines,
        ends: tuple[str, str],
        publish: Callable[[bytes], None],
        deliver: Callable[[Frame], None],
        limit: int,
    ) -> None:
        self._loop = loop
        self._timers = timers
        self._ends = ends
        self._publish = publish
        self._deliver = deliver
        self._limit = limit
        self._batch = _Batch()
        self._number = 0
        self._unacknowledged: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._expected = 1
        self._taken_since = 0
        self._told_gap = 0
        self._acknowledge: Deadline | None = None
        self._repeat: Deadline | None = None
        self._patience = _REPEAT_AFTER
        self._burst = 1
        self._recovers_to = 0
        self._has_progressed = False
        self.is_closed = False
        self.on_room: Callable[[], None] | None = None
        self.repeated = self.duplicates = self.gaps = 0

    # -- sending -----------------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """Tell whether fewer bytes than the limit are under way."""
        return self._bytes + self._batch.size < self._limit

    @property
    def unacknowledged(self) -> int:
        """The number of bytes under way."""
        return self._bytes + self._batch.size

    def reserve(self, size: int) -> Callable[[str], int]:
        """Make sure that an item of that size fits into the frame; returns how to number a name in it."""
        batch = self._batch
        if batch.items and (len(batch.items) >= MOST_ITEMS or batch.size + size > MOST_BYTES):
            self.flush()
            batch = self._batch
        return batch.index

    def post(self, item: Item, size: int = 0) -> None:
        """Send an item with the next frame."""
        batch = self._batch
        if not batch.items:
            self._loop.call_soon(self.flush)
        elif len(batch.items) >= MOST_ITEMS or batch.size + size > MOST_BYTES:
            self.flush()
            batch = self._batch
        batch.items.append(item)
        batch.size += size + ITEM_BYTES

    def flush(self) -> None:
        """Send what was posted."""
        batch = self._batch
        if not batch.items or self.is_closed:
            return
        self._batch = _Batch()
        self._number += 1
        frame = self._frame(self._number, list(batch.names), batch.items)
        self._unacknowledged.append((self._number, frame))
        self._bytes += len(frame)
        self._publish(frame)
        if self._repeat is None:
            self._repeat = self._timers.after(self._patience, self._repeat_late)

    def _frame(self, number: int, names: list[str], items: list[Item]) -> bytes:
        self._taken_since = 0
        if self._acknowledge is not None:
            self._acknowledge.cancel()
            self._acknowledge = None
        mine, other = self._ends
        return encode_frame(Frame(PROTOCOL, mine, other, number, self._expected - 1, names, items))

    def _repeat_late(self) -> None:
        """Nothing was acknowledged for long: try the first frames again, one first, and less and less often.

        Twice as many each time that some are acknowledged: what is only late must not be sent many times over.
        """
        self._repeat = None
        if self._unacknowledged and not self.is_closed:
            if self._recovers_to and self._has_progressed:
                self._burst *= 2
            else:
                self._burst, self._recovers_to = 1, self._number
            self._has_progressed = False
            for _, frame in list(self._unacknowledged)[: self._burst]:
                self._send_again(frame)
            if self._burst == 1:
                self._patience = min(2 * self._patience, _REPEAT_AFTER_AT_MOST)
            self._repeat = self._timers.after(self._patience, self._repeat_late)

    def repeat(self) -> None:
        """Send all again that was not acknowledged: the other one misses it, or is reached again."""
        self._patience = _REPEAT_AFTER
        for _, frame in self._unacknowledged:
            self._send_again(frame)

    def _send_again(self, frame: bytes) -> None:
        self.repeated += 1
        self._publish(frame)

    # -- receiving ---------------------------------------------------------------------------------

    def receive(self, frame: Frame) -> None:
        """Take a frame of the other one."""
        if self.is_closed:
            return
        self._note_acknowledged(frame.acknowledged)
        if frame.number <= 0:
            if frame.number < 0:
                self.repeat()
            return
        if frame.number != self._expected:
            self._out_of_turn(frame.number)
            return
        self._expected += 1
        self._taken_since += 1
        self._deliver(frame)
        self._acknowledge_soon()

    def _acknowledge_soon(self) -> None:
        if self.is_closed or not self._taken_since:
            return
        if self._taken_since >= _ACKNOWLEDGE_EVERY and not self._batch.items:
            self._tell(0)
        elif self._acknowledge is None:
            self._acknowledge = self._timers.after(_ACKNOWLEDGE_WITHIN, lambda: self._tell(0))

    def _out_of_turn(self, number: int) -> None:
        if number < self._expected:
            self.duplicates += 1
            self._tell(0)
            return
        self.gaps += 1
        if self._told_gap != self._expected:
            self._told_gap = self._expected
            self._tell(-1)

    def _tell(self, number: int) -> None:
        if not self.is_closed:
            self._publish(self._frame(number, [], []))

    def _note_acknowledged(self, number: int) -> None:
        unacknowledged = self._unacknowledged
        if not unacknowledged or unacknowledged[0][0] > number or number > self._number:
            return
        while unacknowledged and unacknowledged[0][0] <= number:
            self._bytes -= len(unacknowledged.popleft()[1])
        self._patience = _REPEAT_AFTER
        if self._repeat is not None:
            self._repeat.cancel()
            self._repeat = None
        self._has_progressed = True
        if number >= self._recovers_to:
            self._recovers_to = 0
        if unacknowledged:
            wait = _PROBE_AFTER if self._recovers_to else self._patience
            self._repeat = self._timers.after(wait, self._repeat_late)
        if self.on_room is not None and self.has_room:
            self.on_room()

    def close(self) -> None:
        """The other one is gone, or this one: nothing is sent or taken any more."""
        self.is_closed = True
        for alarm in (self._acknowledge, self._repeat):
            if alarm is not None:
                alarm.cancel()
        self._unacknowledged.clear()
        self._batch = _Batch()
        self._bytes = 0


class LoopLink:
    """The link of a node to itself: the same path, without a wire."""

    has_room = True
    unacknowledged = repeated = duplicates = gaps = 0
    on_room: Callable[[], None] | None = None

    def __init__(self, loop: Any, ends: tuple[str, str], deliver: Callable[[Frame], None]) -> None:
        self._loop = loop
        self._ends = ends
        self._deliver = deliver
        self._batch = _Batch()
        self.is_closed = False

    def reserve(self, size: int) -> Callable[[str], int]:
        """Return how to number a name."""
        return self._batch.index

    def post(self, item: Item, size: int = 0) -> None:
        """Deliver an item in the next loop iteration."""
        if not self._batch.items:
            self._loop.call_soon(self.flush)
        self._batch.items.append(item)

    def flush(self) -> None:
        """Deliver what was posted."""
        batch, self._batch = self._batch, _Batch()
        if batch.items and not self.is_closed:
            self._deliver(Frame(PROTOCOL, *self._ends, 1, 0, list(batch.names), batch.items))

    def repeat(self) -> None:
        """Nothing is lost on this way."""

    def close(self) -> None:
        """Deliver nothing any more."""
        self.is_closed = True
