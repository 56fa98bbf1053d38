"""The children of one actor, or of the system: started here, stopped in order. `restart` decides about failures.

The table keeps start order, also over restarts.

Source: `supervisor.erl` of Erlang/OTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from actorio._cell.cell import Cell
from actorio._cell.states import Intent, Options, State, Verdict
from actorio._core.deadlock import WaitForMany
from actorio._core.mailbox import UNUSED
from actorio._core.pace import Pace
from actorio._core.run_queue import Waiter
from actorio._core.scopes import shielded
from actorio._tree.restart_decisions import Restarts
from actorio.errors import (
    ActorStoppedError,
    ExitReason,
    NameInUseError,
    StartTimeoutError,
)
from actorio.policy import AutoShutdown, Directive, Restart, Supervision

if TYPE_CHECKING:
    from actorio._cell.protocols import System
    from actorio._core.deadlines import Deadline
    from actorio._core.mailbox import Mailbox

__all__ = ["Children"]

_STARTED = (State.RUNNING, State.ENDED)


class Owner(Protocol):
    """Who supervises: a cell, or the system for the top level."""

    @property
    def path(self) -> str: ...
    def fail_from_outside(self, error: BaseException) -> None: ...
    def request(self, intent: int) -> None: ...


class Children:
    """A table of siblings and the supervision over them."""

    def __init__(self, runtime: System, owner: Owner, path: str, supervision: Supervision) -> None:
        self.runtime = runtime
        self.owner = owner
        self.path = path
        self.supervision = supervision
        self.table: dict[str, Cell] = {}
        self._numbers: dict[str, int] = {}
        self._restarts: Restarts | None = None
        self.stopping: int = Intent.NONE
        self._stop_task: asyncio.Task[None] | None = None
        self.waiters: dict[Waiter, None] = {}

    # -- start -------------------------------------------------------------------------------------

    def start(
        self,
        factory: Callable[..., Any],
        args: tuple[Any, ...],
        name: str | None,
        mailbox: Mailbox[Any],
        options: Options,
    ) -> Cell:
        """Make a child and begin to start it; one without `on_start` has started when this returns."""
        if self.stopping:
            raise ActorStoppedError(getattr(self.owner, "ref", None), None, factory)
        if mailbox is not UNUSED:
            mailbox = mailbox.fresh()
        cell = Cell(self, factory, args, self._free_name(name, factory), mailbox, options)
        cell.name_given = name is not None
        cell.construct()
        self.table[cell.name] = cell
        self.runtime.remember(cell)
        cell.launch()
        return cell

    def _free_name(self, name: str | None, factory: Callable[..., Any]) -> str:
        if name is None:
            stem = getattr(factory, "__name__", None) or type(factory).__name__
            numbers = self._numbers
            number = numbers.get(stem, 0)
            if not number and not stem.isidentifier():
                stem = "actor"
                number = numbers.get(stem, 0)
            while True:
                number += 1
                name = f"{stem}-{number}"
                if name not in self.table and not self.runtime.is_alias(self, name):
                    numbers[stem] = number
                    return name
        if name in self.table or self.runtime.is_alias(self, name):
            raise NameInUseError(
                f"{self.path}/{name} is in use; a name is unique among its siblings while it lives"
            )
        return name

    async def after_start(self, cell: Cell) -> None:
        """Wait until the start of a child has ended, well or not."""
        await self.until(lambda: cell.starter is None)

    async def after_end(self, cell: Cell) -> None:
        """Wait until a child that ends has ended, and its name is free.

        Raises:
            DeadlockError: it waits, through whomever, for the turn that does this.
        """
        release = cell.wait_of_current()
        try:
            await self.until(lambda: self.table.get(cell.name) is not cell)
        finally:
            if release is not None:
                release()

    async def until_started(self, cell: Cell, timeout: float | None) -> None:
        """Wait for the end of a child's `on_start`; raises what it raised."""
        starter = cell.starter
        release = cell.wait_of_current()
        alarm = None if timeout is None else self.runtime.timers.after(timeout, lambda: _end_start(cell))
        cancelled = None
        try:
            while cell.starter is not None:
                await starter  # type: ignore[misc]
        except asyncio.CancelledError as error:
            cancelled = await self._take_back(cell, starter, error)  # type: ignore[arg-type]
        late = alarm is not None and not alarm.cancel()
        if release is not None:
            release()
        failure: BaseException | None = _failure_of_start(cell, timeout if late else None)
        if cancelled is not None:
            failure = cancelled
        try:
            if failure is not None:
                raise failure
        finally:
            del failure, cancelled  # or the traceback and this frame would keep each other alive

    async def _take_back(
        self, cell: Cell, starter: Waiter, cancelled: asyncio.CancelledError
    ) -> asyncio.CancelledError:
        """Kill a child whose spawn was cancelled, and return the last cancel.

        It may have started meanwhile; the name is free at its end.
        """
        cell.joiners = [*(cell.joiners or ()), starter]
        cell.request(Intent.KILL)
        with shielded():
            while cell.state != State.ENDED:
                try:
                    await starter
                except asyncio.CancelledError as error:
                    cancelled = error
        return cancelled

    # -- restart -----------------------------------------------------------------------------------

    def decide(self, cell: Cell, reason: ExitReason, error: BaseException | None) -> int:
        """Decide about an incarnation that has ended and was not stopped for good."""
        if self._restarts is None:
            if reason is ExitReason.NORMAL and cell.options.restart is not Restart.PERMANENT:
                return Verdict.END  # as they would decide, and most never fail
            self._restarts = Restarts(self)
        return self._restarts.decide(cell, reason, error)

    def resumes(self, error: BaseException) -> bool:
        """Tell whether a child that has failed by this exception is to go on as it is."""
        decide = self.supervision.decide
        return bool(decide) and not self.stopping and self.supervision.directive(error) is Directive.RESUME

    def pause_before_restart(self, cell: Cell) -> float:
        """Return the seconds of backoff before the next restart of a child, and log that restart."""
        assert self._restarts is not None, "it was decided upon"
        return self._restarts.pause_before_restart(cell)

    @property
    def is_stopping(self) -> bool:
        """Tell whether they are being stopped, all of them."""
        return bool(self.stopping)

    @property
    def _group(self) -> asyncio.Task[None] | None:
        return None if self._restarts is None else self._restarts.group

    # -- waiting -----------------------------------------------------------------------------------

    async def sleep(self, pause: float) -> None:
        if pause > 0:
            alarm = self.runtime.timers.after(pause, self.changed)
            try:
                await self.until(lambda: not alarm.pending)
            finally:
                alarm.cancel()

    async def until(self, condition: Callable[[], object]) -> None:
        if condition():
            return
        waiter = Waiter(self.runtime.run_queue)
        self.waiters[waiter] = None
        try:
            while not condition():
                await waiter
        finally:
            del self.waiters[waiter]

    def changed(self) -> None:
        """Wake those who wait for a change of some child."""
        for waiter in self.waiters:
            waiter.wake()

    # -- stop --------------------------------------------------------------------------------------

    def begin_stop(self, intent: int) -> None:
        """Begin to stop all children, without waiting; `stop_all` waits. A mightier intent overtakes."""
        if intent <= self.stopping:
            return
        self.stopping = intent
        if (group := self._group) is not None and intent != Intent.CLOSE:
            group.cancel()
        self.changed()
        if self._stop_task is None and self.table:
            self._stop_task = self.task(self._stop_in_order(), "stops its children")

    async def stop_all(self, intent: int) -> None:
        """Stop all children: one after the other, the last started first. Returns when all have ended."""
        self.begin_stop(intent)
        await self.until(lambda: not self.table and self._group is None and self._stop_task is None)

    async def _stop_in_order(self) -> None:
        left, pace = list(self.table.values()), Pace(self.runtime.run_queue.loop)
        while left:
            await self._stop_some(self._next_to_stop(left), pace)
            if pace.is_up():
                await pace.rest()

    def _next_to_stop(self, left: list[Cell]) -> list[Cell]:
        """Take the last started; the dynamic ones at the end together; in a kill, all."""
        if self.stopping == Intent.KILL:
            some, left[:] = left[::-1], []
            return some
        some = [left.pop()]
        while left and some[-1].options.dynamic and left[-1].options.dynamic:
            some.append(left.pop())
        return some

    async def _stop_some(self, cells: list[Cell], pace: Pace) -> None:
        """Stop these, and again in another way when a mightier intent overtakes."""
        while cells:
            intent = self.stopping
            alarms = []
            for cell in tuple(cells):
                alarms.append(self._request_end(cell))
                if pace.is_up():
                    await pace.rest()
            await self.until(lambda: self.stopping != intent or _all_ended(cells))  # noqa: B023
            for alarm in alarms:
                if alarm is not None:
                    alarm.cancel()
            _all_ended(cells)

    async def terminate(self, cell: Cell) -> None:
        """Stop one child by hand, and kill it when its shutdown time is over; returns when it has ended.

        A child whose message waits for the turn that does this is ended by that time.

        Raises:
            DeadlockError: there is no such time; nothing was done.

        Cancellation: only this wait ends; the child still has no more than its time.
        """
        limited = cell.options.shutdown is not None
        release = cell.wait_of_current(WaitForMany(lambda: (cell,), every=True), ends_by_itself=limited)
        alarm = self.deadline(cell, lambda: cell.request(Intent.KILL))
        cell.request(Intent.STOP)
        try:
            await self.until(lambda: cell.state == State.ENDED)
        finally:
            if release is not None:
                release()
        if alarm is not None:
            alarm.cancel()

    def task(self, work: Any, name: str) -> asyncio.Task[None]:
        task = self.runtime.make_task(work, f"{self.path or '/'} {name}")
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        """A task of the table has ended, perhaps cancelled before its first step, so that nothing of it ran."""
        if self._restarts is not None and task is self._restarts.group:
            self._restarts.group_has_ended()
        if task is self._stop_task:
            self._stop_task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self.runtime.broken(task.get_name(), error)
        self.changed()

    def _request_end(self, cell: Cell) -> Deadline | None:
        """Ask a child to end; under STOP it is killed once its shutdown time is over."""
        cell.request(self.stopping)
        if self.stopping != Intent.STOP:
            return None
        return self.deadline(cell, lambda: cell.request(Intent.KILL))

    def deadline(self, cell: Cell, late: Callable[[], None]) -> Deadline | None:
        limit = cell.options.shutdown
        return None if limit is None else self.runtime.timers.after(limit, late)

    # -- end ---------------------------------------------------------------------------------------

    def forget(self, cell: Cell) -> None:
        """A child has ended: its restarts are counted no more."""
        if self._restarts is not None:
            self._restarts.forget(cell)

    def child_ended(self, cell: Cell) -> None:
        """A child has ended for good and all are told: now its supervisor."""
        if self.waiters:
            self.changed()
        if cell.options.significant:
            by_hand = cell.intent >= Intent.STOP or cell.intent == Intent.CLOSE
            if not (by_hand or cell.start_failed):
                self._shut_down_with(self.supervision.auto_shutdown)

    def _shut_down_with(self, rule: AutoShutdown) -> None:
        left = any(cell.options.significant for cell in self.table.values())
        if rule is AutoShutdown.ANY_SIGNIFICANT or (rule is AutoShutdown.ALL_SIGNIFICANT and not left):
            self.owner.request(Intent.SHUT_DOWN)


def _end_start(cell: Cell) -> None:
    """Kill a child whose time to start is over; it may have started in this very step of the loop."""
    if cell.starter is not None:
        cell.request(Intent.KILL)


def _failure_of_start(cell: Cell, limit: float | None) -> BaseException | None:
    """Take what a start has failed by from its cell, None when it has not; `limit` is the time that was over first."""
    if cell.state != State.ENDED or not cell.start_failed:
        return None
    error, cell.error = cell.error, None
    if limit is not None:
        return StartTimeoutError(f"{cell.path} had not started within start_timeout={limit:g} s")
    return ActorStoppedError(cell.ref, cell.reason) if error is None else error


def _all_ended(cells: list[Cell]) -> bool:
    """Drop those at the end of the list that have ended; whether none is left.

    From the end, so that looking again after each of thousands does not look at all of them.
    """
    while cells and cells[-1].state == State.ENDED:
        cells.pop()
    return not cells
