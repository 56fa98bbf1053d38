"""Guarantee 20: leaving the block leaves nothing; and 17: timers and tasks die with their incarnation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._core.observer import Observer
from actorio.testing._oracles.ledger import Breach

if TYPE_CHECKING:
    import asyncio

    from actorio._cell.cell import Cell
    from actorio.errors import ExitReason
    from actorio.system import ActorSystem

__all__ = ["Remains"]

_FEWEST_TO_PRUNE = 256


class Remains(Observer):
    """Keeps account of the runtime's tasks, and looks what is there at the end."""

    def __init__(self, breach: Breach) -> None:
        self._breach = breach
        self._tasks: dict[ActorSystem, list[asyncio.Task[Any]]] = {}
        self._prune_at = _FEWEST_TO_PRUNE

    def task_made(self, system: ActorSystem, task: asyncio.Task[Any]) -> None:
        """Keep the task until it is done."""
        tasks = self._tasks.setdefault(system, [])
        tasks.append(task)
        if len(tasks) >= self._prune_at:
            tasks[:] = [task for task in tasks if not task.done()]
            self._prune_at = max(_FEWEST_TO_PRUNE, 2 * len(tasks))

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """Check that the incarnation leaves neither timers nor tasks."""
        if cell.owned:
            self._breach(17, f"{len(cell.owned)} timers of {cell.path} outlive its incarnation")
        if any(not task.done() for task in cell.tasks or ()):
            self._breach(20, f"background tasks of {cell.path} outlive its incarnation")

    def left(self, system: ActorSystem) -> None:
        """Check that no task, timer or name of the system is left."""
        abandoned = system.report.abandoned
        tasks = [task.get_name() for task in self._tasks.pop(system, ()) if not task.done()]
        left = [f"the task {name!r}" for name in tasks if name not in abandoned]
        left += [
            f"the name {name!r}" for name in (*system._runtime.root.table, *system._runtime.names._aliases)
        ]
        left += [f"the group {group!r}" for group in system.groups._members]
        if len(system._runtime.timers):
            left.append(f"{len(system._runtime.timers)} timers")
        if left:
            self._breach(20, f"the block was left, and there is still: {', '.join(left)}")
