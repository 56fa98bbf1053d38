"""What the tests of the oracles share: cells that only have a path and a place, and what an oracle says of a story."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from actorio import Supervision
from actorio._cell.cell import Cell
from actorio._cell.rare import NOTHING_RARE
from actorio._cell.states import Intent, Options
from actorio._core.envelope import Parcel

Story = Callable[[Any], object]
"""Tells an oracle, event by event, what has happened."""


class Thing(SimpleNamespace):
    """Has what it is given, and is itself alone."""

    __hash__ = object.__hash__


class Placed(Cell):
    """A cell whose path is given."""

    path = ""  # type: ignore[assignment]


def siblings(*, owner: Any = None, now: float = 0.0, supervision: Supervision | None = None) -> Any:
    """Make the table of the children of `owner`, at a time of the clock."""
    runtime = Thing(
        timers=Thing(now=lambda: now),
        run_queue=Thing(current=None),
        groups=Thing(joined={}),
        names=Thing(named={}),
        system="system",
    )
    return Thing(owner=owner, table={}, supervision=supervision or Supervision(), runtime=runtime)


def cell(path: str = "/till", among: Any = None, **fields: Any) -> Any:
    """Make a cell that has begun, in its place among its siblings."""
    made: Any = Placed.__new__(Placed)
    made.rare = NOTHING_RARE
    made.siblings = siblings() if among is None else among
    made.runtime, made.run_queue = made.siblings.runtime, made.siblings.runtime.run_queue
    made.path, made.name = path, path.rpartition("/")[2]
    made.mailbox = Thing(capacity=None, waiting=None, overflow=None, qsize=lambda: 0)
    made.options, made.intent, made.incarnation = Options(), Intent.NONE, 0
    made.reason = made.failure = made.owned = made.tasks = made.deferred = made.instance = None
    for name, value in fields.items():
        setattr(made, name, value)
    made.siblings.table[made.name] = made
    return made


def mail(message: Any = "mail", state: int = 0) -> Parcel:
    """Make an item of a mailbox."""
    item = Parcel(message, None)
    item.state = state
    return item


def broken(kind: Callable[[Any], Any], story: Story) -> list[Any]:
    """Tell a story to a fresh oracle, and return the numbers of what is broken in it."""
    numbers: list[Any] = []
    story(kind(lambda number, what: numbers.append(number)))
    return numbers
