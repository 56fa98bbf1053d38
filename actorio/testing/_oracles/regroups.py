"""Guarantee 10: groups stop in reverse order and start in order, and restarts keep to their budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from actorio._cell.states import Intent, Verdict
from actorio._core.observer import Observer
from actorio.errors import ExitReason
from actorio.policy import Restart, Strategy
from actorio.testing._oracles.ledger import Breach

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio._cell.protocols import Siblings

__all__ = ["Regroups"]


class _Regroup:
    """One restart of a group, as far as it has come."""

    __slots__ = ("again", "cells", "starts")

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = tuple(cells)
        self.again: dict[Cell, None] = {}
        self.starts = False


class Regroups(Observer):
    """Follows who is up, and which groups are being restarted."""

    def __init__(self, breach: Breach) -> None:
        self._breach = breach
        self._up: dict[Cell, None] = {}
        self._regroups: dict[Siblings, _Regroup] = {}
        self._due: dict[Siblings, tuple[Cell, ...]] = {}
        """Groups of which one has failed, and whose restart has not begun."""
        self._restarts: dict[Cell | Siblings, deque[float]] = {}

    def group_restarts(self, group: Sequence[Cell]) -> None:
        """Begin to follow it."""
        if group:
            self._due.pop(group[0].siblings, None)
            self._regroups[group[0].siblings] = _Regroup(group)

    def requested(self, cell: Cell, intent: int) -> None:
        """Check that those started after it are down."""
        regroup = self._regroups.get(cell.siblings)
        if intent != Intent.RESTART or regroup is None or cell not in regroup.cells:
            return
        for later in regroup.cells[regroup.cells.index(cell) + 1 :]:
            if later in self._up:
                self._breach(10, f"{cell.path} is stopped while {later.path}, started after it, is up")

    def constructed(self, cell: Cell) -> None:
        """Check that its group is down and those before it are up again."""
        self._up[cell] = None
        regroup = self._regroups.get(cell.siblings)
        if regroup is None or cell not in regroup.cells:
            return
        regroup.starts = True
        place = regroup.cells.index(cell)
        for other in regroup.cells[:place]:
            if other not in regroup.again and other.reason is None:
                self._breach(
                    10, f"{cell.path} is started before {other.path}, which comes first in its group"
                )
        for other in regroup.cells[place + 1 :]:
            if other in self._up:
                self._breach(
                    10, f"{cell.path} is started while {other.path} of its group has not been stopped"
                )

    def restarted(self, cell: Cell) -> None:
        """Note that it is up again."""
        regroup = self._regroups.get(cell.siblings)
        if regroup is None or cell not in regroup.cells:
            return
        regroup.again[cell] = None
        if all(other in regroup.again or other.reason is not None for other in regroup.cells):
            del self._regroups[cell.siblings]

    def decided(self, cell: Cell, reason: ExitReason, verdict: int) -> None:
        """Check that a restart is due, and count it."""
        if verdict == Verdict.END or self._is_stopped_with_its_group(cell):
            return
        if cell.options.restart is Restart.TEMPORARY or (
            cell.options.restart is Restart.TRANSIENT and reason is not ExitReason.CRASHED
        ):
            self._breach(
                10, f"{cell.path} is {cell.options.restart.value}, and is restarted after {reason.value}"
            )
        limits = cell.siblings.supervision
        alone = limits.strategy is Strategy.ONE_FOR_ONE
        times = self._restarts.setdefault(cell if alone else cell.siblings, deque())
        now = cell.runtime.timers.now()
        times.append(now)
        while times[0] < now - limits.within:
            times.popleft()
        if len(times) > limits.max_restarts:
            self._breach(
                10, f"{cell.path} is restarted although there were {len(times)} in {limits.within:g} s "
                f"and max_restarts is {limits.max_restarts}"
            )  # fmt: skip
        if verdict is Verdict.WAIT and cell.siblings not in self._regroups:
            self._due.setdefault(cell.siblings, _group_of(cell))

    def _is_stopped_with_its_group(self, cell: Cell) -> bool:
        """Tell whether this end, be it a crash, is that of a bystander: due, and not counted."""
        regroup = self._regroups.get(cell.siblings)
        waited_for = regroup is not None and not regroup.starts and cell in regroup.cells
        is_due = cell in self._due.get(cell.siblings, ())
        return waited_for or is_due or cell.intent in (Intent.RESTART, Intent.RESTART_NOW)

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """Note that it is down."""
        self._up.pop(cell, None)

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Forget it, and what was counted of its children."""
        self._restarts.pop(cell, None)
        for known in (self._regroups, self._due, self._restarts):
            gone = [key for key in known if getattr(key, "owner", None) is cell]
            for children in gone:
                del known[children]  # type: ignore[arg-type]


def _group_of(failed: Cell) -> tuple[Cell, ...]:
    """Return who is restarted with it: all, or those from it on."""
    cells = tuple(failed.siblings.table.values())
    return (
        cells
        if failed.siblings.supervision.strategy is Strategy.ONE_FOR_ALL
        else cells[cells.index(failed) :]
    )
