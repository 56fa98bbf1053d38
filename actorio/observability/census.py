"""The census: a walk over all actors of a system, in slices, that reads what the runtime counts anyway.

Each actor has a `Row`, which is read anew by each census; rates and the time in a turn come from two of them. Totals
are sums of differences, so that they never fall: what an actor has done since the last census is added when it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from actorio._cell.frames import in_turn
from actorio._cell.naming import class_name, kind_of_actor
from actorio._cell.owned.interleave import InterleavedCalls
from actorio._cell.states import State
from actorio._core.envelope import NO_MESSAGE
from actorio.observability.pace import Pace

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio._core.deadlock import WaitForMany, Waiting
    from actorio._tree.children import Children
    from actorio._tree.runtime import Runtime

__all__ = ["Census", "Class", "Row"]


class Class:
    """All actors of a class: totals, and sums over those of the last census."""

    __slots__ = (
        *(
            "actors",
            "before",
            "deepest",
            "delta",
            "depth",
            "failed",
            "handled",
            "name",
            "restarts",
            "unusual",
        ),
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.actors = self.handled = self.failed = self.restarts = 0
        self.before = self.delta = 0
        """Messages handled up to the last census, and between it and the one before."""
        self.unusual: dict[str, int] = {}
        """How many are in which state, but for those that run."""
        self.begin()

    def begin(self) -> None:
        """Begin the sums anew."""
        self.depth = self.deepest = 0
        if self.unusual:
            self.unusual = {}

    def end(self) -> None:
        """Note what was handled since the last census."""
        self.delta, self.before = self.handled - self.before, self.handled


class Row:
    """The readings of the last census of an actor."""

    __slots__ = (
        "cell",
        "delta",
        "depth",
        "failed",
        "group",
        "handled",
        "marker",
        "restarts",
        "seen",
        "since",
        "state",
    )

    def __init__(self, cell: Cell, group: Class) -> None:
        self.cell = cell
        self.group = group
        self.handled = self.failed = self.restarts = self.delta = self.depth = 0
        self.state: str = State.STARTING
        self.since: float | None = None
        """When its turn was seen first, in living time; None between turns."""
        self.marker: Any = None
        self.seen = 0

    @property
    def path(self) -> str:
        """The path of the actor."""
        return self.cell.path

    @property
    def capacity(self) -> int | None:
        """The capacity of its mailbox."""
        return self.cell.mailbox.capacity


class Census:
    """Counts the actors of a system.

    Args:
        runtime: of the system.
        living_time: a clock that stands still while the loop is blocked.
    """

    def __init__(self, runtime: Runtime, living_time: Callable[[], float]) -> None:
        self._runtime = runtime
        self._living_time = living_time
        self.rows: dict[Cell, Row] = {}
        self.classes: dict[str, Class] = {}
        self._groups: WeakKeyDictionary[type, Class] = WeakKeyDictionary()
        self.tables: list[Children] = []
        """The tables of children, that of a parent before those of its children; first the top level."""
        self.number = 0
        self.at = self.elapsed = self.scan_seconds = 0.0
        self.lived = 0.0
        """When it was, in living time."""
        self.handled = 0
        self.turns: list[Row] = []
        """Those in a turn."""
        self.filled: list[Row] = []
        """Those whose mailbox is full for the most part."""
        self.waits: list[tuple[Waiting, Waiting | WaitForMany]] = []
        """Who waits, and for whom or what."""
        self.depth = self.delta = self._before = 0

    async def take(self) -> None:
        """Walk over all actors. Those that are made meanwhile are counted too, or by the next one."""
        pace = Pace()
        began = time.monotonic()
        self._living, before = self._living_time(), self.number
        self.number += 1
        for group in self.classes.values():
            group.begin()
        self._turns: list[Row] = []
        self._filled: list[Row] = []
        self._waits: list[tuple[Waiting, Waiting | WaitForMany]] = []
        self._depth = 0
        await self._walk(pace)
        for group in self.classes.values():
            group.end()
        self.turns, self.filled, self.waits = self._turns, self._filled, self._waits
        self.depth, self.delta, self._before = self._depth, self.handled - self._before, self.handled
        self.elapsed = began - self.at if before else 0.0
        self.at, self.lived = began, self._living
        self.scan_seconds = pace.end()

    @property
    def rate(self) -> float:
        """Messages handled a second."""
        return self.per_second(self.delta)

    def per_second(self, delta: int) -> float:
        """Return the rate of a difference between the last two."""
        return delta / self.elapsed if self.elapsed > 0 else 0.0

    def turn_seconds(self, row: Row) -> float | None:
        """Return for how long an actor was in its turn at the census; None between turns."""
        return None if row.since is None else max(0.0, self.lived - row.since)

    def turn_seconds_now(self, cell: Cell) -> float | None:
        """Return for how long the turn of now has lasted; None where the last census has not seen it."""
        row = self.rows.get(cell)
        if row is None or row.since is None or row.marker != turn_marker(cell):
            return None
        return max(0.0, self._living_time() - row.since)

    # -- the walk ----------------------------------------------------------------------------------

    async def _walk(self, pace: Pace) -> None:
        """Read all tables; what was added to one while others were read is at its end."""
        tables: list[Children] = [self._runtime.root]
        for table in tables:
            await self._read(list(table.table.values()), tables, pace)
        seen = len(tables)
        async for chunk in pace.chunks(tables[:seen]):
            for table in chunk:
                self._read_cells(list(_newest(table, self.rows, self.number)), tables)
        for table in tables[seen:]:
            await self._read(list(table.table.values()), [], pace)
        self.tables = tables

    async def _read(self, cells: list[Cell], tables: list[Children], pace: Pace) -> None:
        for start in range(0, len(cells), _AT_ONCE):
            self._read_cells(cells[start : start + _AT_ONCE], tables)
            await pace.rest()

    def _read_cells(self, cells: list[Cell], tables: list[Children]) -> None:  # noqa: C901, PLR0912, PLR0915 (a call less for each actor)
        rows, number, waits, running = self.rows, self.number, self._waits, State.RUNNING
        for cell in cells:
            if cell.reason is not None:  # it has ended since the table was looked at, and is counted
                continue
            row = rows.get(cell) or self._add(cell)
            row.seen = number
            handled = cell.handled
            if handled != row.handled:
                self._count_handled(row, handled)
            elif row.delta:
                row.delta = 0
            if cell.failed != row.failed or cell.restarts != row.restarts:
                self._count_failed(row)
            row.depth = depth = len(cell.mailbox.items)
            if depth:
                self._count_depth(row, depth)
            state = cell.state
            if state != row.state or state != running:
                row.state = state
                if state != running:
                    row.group.unusual[state] = row.group.unusual.get(state, 0) + 1
            if (
                cell.task is not None
                and (cell.callback is None or cell.stopper is not None)
                and in_turn(cell)
            ):
                self._note_turn(row)
            elif row.since is not None:
                row.since = row.marker = None
            if cell.waits_on is not None:
                waits.append((cell, cell.waits_on))
            if cell.owned is not None and (beside := cell.owned_of(InterleavedCalls)) is not None:
                waits.extend(beside.waits())
            if cell.children is not None:
                tables.append(cell.children)  # type: ignore[arg-type]

    def _add(self, cell: Cell) -> Row:
        row = self.rows[cell] = Row(cell, self._class_of(cell))
        row.group.actors += 1
        return row

    def _class_of(self, cell: Cell) -> Class:
        kind = kind_of_actor(cell)
        group = self._groups.get(kind)
        if group is None:
            name = class_name(kind)
            group = self.classes.get(name) or Class(name)
            self._groups[kind] = self.classes[name] = group
        return group

    def _count_handled(self, row: Row, handled: int) -> None:
        row.delta = delta = max(0, handled - row.handled)
        row.handled += delta
        row.group.handled += delta
        self.handled += delta

    def _count_failed(self, row: Row) -> None:
        cell, group = row.cell, row.group
        group.failed += cell.failed - row.failed
        if cell.restarts != row.restarts and (made := self._class_of(cell)) is not group and made.name:
            group.actors -= 1  # its factory has made one of another class
            made.actors += 1
            row.group = group = made
        group.restarts += cell.restarts - row.restarts
        row.failed, row.restarts = cell.failed, cell.restarts

    def _count_depth(self, row: Row, depth: int) -> None:
        group = row.group
        group.depth += depth
        self._depth += depth
        if depth > group.deepest:
            group.deepest = depth
        capacity = row.cell.mailbox.capacity
        if capacity is not None and depth >= capacity * _FULL:
            self._filled.append(row)

    def _note_turn(self, row: Row) -> None:
        marker = turn_marker(row.cell)
        if marker != row.marker or row.since is None:
            row.marker, row.since = marker, self._living
        self._turns.append(row)

    # -- ends --------------------------------------------------------------------------------------

    def ended(self, cell: Cell) -> None:
        """Count what an actor that ends has done since the last census, and forget it."""
        row = self.rows.pop(cell, None)
        if row is None:
            if not (cell.handled or cell.failed or cell.restarts):
                return
            row = Row(cell, self._class_of(cell))
        else:
            row.group.actors -= 1
        if cell.handled > row.handled:
            delta = cell.handled - row.handled
            row.group.handled += delta
            self.handled += delta
        row.group.failed += cell.failed - row.failed
        row.group.restarts += cell.restarts - row.restarts


def turn_marker(cell: Cell) -> tuple[Any, ...]:
    """Return what is the same as long as a turn lasts, and another for the next one; holds nothing alive.

    Calls that run beside the turns are counted as handled while a turn lasts, so they are taken off.
    """
    beside = getattr(cell.owned_of(InterleavedCalls), "ended_ones", 0)
    return (
        cell.incarnation,
        cell.state,
        cell.handled - beside,
        cell.message is NO_MESSAGE,
        len(cell.notices or ()),
        cell.stopper is None,
    )


def _newest(children: Children, rows: dict[Cell, Row], number: int) -> Iterator[Cell]:
    """Yield those at the end of a table that this census has not seen."""
    for cell in reversed(children.table.values()):
        row = rows.get(cell)
        if row is not None and row.seen == number:
            return
        yield cell


_AT_ONCE = 32
_FULL = 0.8
