"""The line of those who wait for room, and the sweep of a store."""

from __future__ import annotations

from typing import Any

from actorio._core.envelope import ANSWERED, Parcel
from actorio._core.ring import Ring
from actorio._core.store import Line, drop_dead


class Room:
    def admitted(self) -> None: ...
    def refused(self, error: BaseException) -> None: ...


def test_who_leaves_the_line_is_passed_over() -> None:
    line, rooms = Line(), [Room() for _ in range(3)]
    for number, room in enumerate(rooms):
        line.append(number, room)
    assert line.remove(rooms[1])
    assert not line.remove(rooms[1])
    assert [item for item, _ in line] == [0, 2]
    assert line.popleft() == (0, rooms[0])
    assert len(line) == 1


def test_what_has_ended_is_swept_out_and_the_rest_keeps_its_order() -> None:
    dead: Any = Parcel("dead", None)
    dead.state = ANSWERED
    live = Parcel("live", None)
    items = Ring([1, dead, live, None])
    drop_dead(items)
    assert list(items) == [1, live, None]
