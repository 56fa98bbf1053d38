"""Who of one table of siblings is restarted, and with whom: strategies and directives.

Decisions are made at once and outside of the parent's turn, so a parent whose handler waits for its child is no
obstacle to that child's restart. A group restart is a task of its own: stop in reverse order, each after its
current message, then start in order.

Source: `supervisor.erl` of Erlang/OTP.
"""

from __future__ import annotations

import itertools
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from actorio._cell.actor_log import log_of
from actorio._cell.states import Intent, State, Verdict
from actorio._tree.restart_budget import RestartBudget
from actorio.errors import ExitReason, RestartLimitError
from actorio.policy import Directive, Restart, Strategy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from actorio._cell.cell import Cell
    from actorio._cell.protocols import System
    from actorio._core.deadlines import Deadline
    from actorio.policy import Supervision

__all__ = ["Restarts"]

_STARTED = (State.RUNNING, State.ENDED)


class Table(Protocol):
    """The siblings, as their restarts need them."""

    runtime: System
    owner: Any
    path: str
    supervision: Supervision
    table: dict[str, Cell]
    stopping: int

    def begin_stop(self, intent: int) -> None: ...
    def deadline(self, cell: Cell, late: Callable[[], None]) -> Deadline | None: ...
    def task(self, work: Any, name: str) -> asyncio.Task[None]: ...
    async def until(self, condition: Callable[[], object]) -> None: ...
    async def sleep(self, pause: float) -> None: ...


class Restarts:
    """The restarts among one table of siblings. It is made with their first failure."""

    def __init__(self, siblings: Table) -> None:
        self._siblings = siblings
        self._supervision = siblings.supervision
        self._runtime = siblings.runtime
        self._budget = RestartBudget(siblings.supervision, siblings.runtime)
        self._failed: list[Cell] = []
        self.group: asyncio.Task[None] | None = None
        """The restart of a group that is under way."""
        self._recycling: dict[Cell, None] = {}
        """The group that is being stopped for its restart."""
        self._due: dict[Cell, None] = {}
        """The group that is about to be: who fails of it by then does not count again."""

    def decide(self, cell: Cell, reason: ExitReason, error: BaseException | None) -> int:
        """Decide about an incarnation that has ended and was not stopped for good."""
        restart = cell.options.restart
        if self._siblings.stopping > Intent.CLOSE:  # one that is closed goes on with what it has accepted
            return Verdict.END
        recycled = cell.intent in (Intent.RESTART, Intent.RESTART_NOW) or cell in self._recycling
        if recycled and restart is not Restart.TEMPORARY:
            return Verdict.WAIT  # however it has ended: for the supervisor that was the stop by a sibling
        if error is not None and self._supervision.decide:
            directive = self._supervision.directive(error)
            if directive is Directive.ESCALATE:
                self._escalate(cell, error)
            if directive in (Directive.STOP, Directive.ESCALATE):
                return Verdict.END
        if restart is Restart.TEMPORARY or (
            restart is Restart.TRANSIENT and reason is not ExitReason.CRASHED
        ):
            return Verdict.END
        one_for_one = self._supervision.strategy is Strategy.ONE_FOR_ONE
        is_due = cell in self._due
        if not (is_due or self._budget.take(cell if one_for_one else None)):
            self._exceed_limit(cell, error)
            return Verdict.END
        if one_for_one:
            return Verdict.RESTART
        self._failed.append(cell)
        if self.group is None:
            self._due = dict.fromkeys(self._group_of(self._failed))
            self.group = self._siblings.task(self._restart_group(), "restarts its children")
        return Verdict.WAIT

    def _escalate(self, cell: Cell, error: BaseException) -> None:
        log_of(cell, logging.ERROR, "%s escalates the failure of %s", self._who, cell.path)
        self._siblings.begin_stop(Intent.STOP)
        self._siblings.owner.fail_from_outside(error)

    @property
    def _who(self) -> str:
        return self._siblings.path or f"the system {self._runtime.name!r}"

    def pause_before_restart(self, cell: Cell) -> float:
        """Return the seconds of backoff before the next restart of a child, and log that restart."""
        pause = self._budget.pause_before(cell)
        self._log_restart(cell, cell, pause)
        return pause

    def _log_restart(self, cell: Cell, key: Cell | None, pause: float) -> None:
        limits, count = self._supervision, self._budget.used(key)
        self._runtime.log.restarts(cell, pause, count, limits.max_restarts, limits.within)

    def _exceed_limit(self, cell: Cell, error: BaseException | None) -> None:
        limits = self._supervision
        limit = RestartLimitError(
            f"{cell.path} needed more than max_restarts={limits.max_restarts} restarts within {limits.within:g} s"
        )
        limit.__cause__ = error
        limit.add_note(f"{cell.path} failed; its supervisor {self._siblings.path or 'the system'} gave up")
        log_of(cell, logging.ERROR, "%s gives up: %s", self._who, limit)
        self._siblings.begin_stop(Intent.STOP)
        self._siblings.owner.fail_from_outside(limit)

    async def _restart_group(self) -> None:
        while self._failed:
            group = self._group_of(self._failed)
            failed, self._failed, self._due = self._failed[0], [], {}
            if (tell := self._runtime.observers.group_restarts) is not None:
                tell(group)
            self._recycling = dict.fromkeys(group)
            for cell in reversed(group):
                await self._recycle(cell)
            self._recycling = {}
            pause = self._budget.pause_before(None)
            self._log_restart(failed, None, pause)
            await self._siblings.sleep(pause)
            await self._start_again(group)
        self.group = None

    def _group_of(self, failed: list[Cell]) -> list[Cell]:
        cells = list(self._siblings.table.values())
        if self._supervision.strategy is Strategy.ONE_FOR_ALL:
            return cells
        # Parked is who waits since an earlier group was cut short; the one that failed may have ended since.
        return list(itertools.dropwhile(lambda cell: not (cell.parked or cell in failed), cells))

    async def _recycle(self, cell: Cell) -> None:
        """End an incarnation, by a kill when its time is over; a temporary bystander is gone for good."""
        if cell.state == State.RESTARTING:  # it is down, though a restart cut short may have told it to start
            cell.parked = True
            return
        if cell.options.restart is Restart.TEMPORARY:
            alarm = self._siblings.deadline(cell, lambda: cell.request(Intent.KILL))
            cell.request(Intent.STOP)
        else:
            alarm = self._siblings.deadline(cell, lambda: cell.request(Intent.RESTART_NOW))
            cell.request(Intent.RESTART)
        try:
            await self._siblings.until(lambda: cell.parked or cell.state == State.ENDED)
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _start_again(self, group: list[Cell]) -> None:
        """Start them in order, until one fails again: those behind it might wait for it as they start."""
        for cell in group:
            if cell.state == State.ENDED:
                continue
            cell.resume()
            await self._siblings.until(partial(self._is_up_or_down, cell))
            if self._failed:
                return

    def _is_up_or_down(self, cell: Cell) -> bool:
        return bool(self._failed) or cell.parked or cell.state in _STARTED

    def forget(self, cell: Cell) -> None:
        """Drop the record of a child that has ended for good."""
        self._budget.forget(cell)

    def group_has_ended(self) -> None:
        """The task of the group has ended, perhaps cancelled before its first step, so that nothing of it ran."""
        self.group, self._recycling, self._due = None, {}, {}
