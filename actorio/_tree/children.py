"""The children of one actor, or of the system: started here, restarted by its supervision, stopped in order.

The table keeps start order, also over restarts. Decisions are made at once and outside of the parent's turn,
so a parent whose handler waits for its child is no obstacle to that child's restart. A group restart is a
task of its own: stop in reverse order, each after its current message, then start in order.

Source: `supervisor.erl` of Erlang/OTP.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from actorio._cell.actor_log import log_of
from actorio._cell.cell import Cell
from actorio._cell.states import Intent, Options, State, Verdict
from actorio._core.deadlock import WaitForMany
from actorio._core.pace import Pace
from actorio._core.run_queue import Waiter
from actorio._core.scopes import shielded
from actorio.errors import (
    ActorStoppedError,
    ExitReason,
    NameInUseError,
    RestartLimitError,
    StartTimeoutError,
)
from actorio.policy import AutoShutdown, Directive, Restart, Strategy, Supervision

if TYPE_CHECKING:
    from actorio._cell.surroundings import System
    from actorio._core.deadlines import Deadline
    from actorio._core.mailbox import Mailbox

__all__ = ["Children"]

_STARTED = (State.RUNNING, State.ENDED)


class Owner(Protocol):
    """Who supervises: a cell, or the system for the top level."""

    path: str

    def fail_from_outside(self, error: BaseException) -> None: ...
    def request(self, intent: int) -> None: ...


class _Record:
    """How often a child, or a group, was restarted of late."""

    __slots__ = ("in_a_row", "resumed", "times")

    def __init__(self) -> None:
        self.times: deque[float] = deque()
        self.in_a_row = 0
        self.resumed = 0.0


class Children:
    """A table of siblings and the supervision over them."""

    def __init__(self, runtime: System, owner: Owner, path: str, supervision: Supervision) -> None:
        self.runtime = runtime
        self.owner = owner
        self.path = path
        self.supervision = supervision
        self.table: dict[str, Cell] = {}
        self._numbers: dict[str, int] = {}
        self._records: dict[Cell | None, _Record] = {}
        self._failed: list[Cell] = []
        self._group: asyncio.Task[None] | None = None
        self._recycling: dict[Cell, None] = {}
        """The group that is being stopped for its restart."""
        self._due: dict[Cell, None] = {}
        """The group that is about to be: who fails of it by then does not count again."""
        self._stopping: int = Intent.NONE
        self._stop_task: asyncio.Task[None] | None = None
        self._waiters: dict[Waiter, None] = {}

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
        if self._stopping:
            raise ActorStoppedError(getattr(self.owner, "ref", None), None, factory)
        cell = Cell(self, factory, args, self._free_name(name, factory), mailbox.fresh(), options)
        cell.name_given = name is not None
        cell.construct()
        self.table[cell.name] = cell
        self.runtime.remember(cell)
        cell.launch()
        return cell

    def _free_name(self, name: str | None, factory: Callable[..., Any]) -> str:
        if name is None:
            stem = getattr(factory, "__name__", None) or type(factory).__name__
            if stem not in self._numbers and not stem.isidentifier():
                stem = "actor"
            while True:
                number = self._numbers[stem] = self._numbers.get(stem, 0) + 1
                name = f"{stem}-{number}"
                if name not in self.table:
                    return name
        if name in self.table or self.runtime.is_alias(self, name):
            raise NameInUseError(
                f"{self.path}/{name} is in use; a name is unique among its siblings while it lives"
            )
        return name

    async def after_start(self, cell: Cell) -> None:
        """Wait until the start of a child has ended, well or not."""
        await self._until(lambda: cell.starter is None)

    async def after_end(self, cell: Cell) -> None:
        """Wait until a child that ends has ended, and its name is free.

        Raises:
            DeadlockError: it waits, through whomever, for the turn that does this.
        """
        release = cell.wait_of_current()
        try:
            await self._until(lambda: self.table.get(cell.name) is not cell)
        finally:
            if release is not None:
                release()

    async def until_started(self, cell: Cell, timeout: float | None) -> None:
        """Wait for the end of a child's `on_start`; raises what it raised."""
        starter = cell.starter
        release = cell.wait_of_current()
        alarm = (
            None if timeout is None else self.runtime.timers.after(timeout, lambda: cell.request(Intent.KILL))
        )
        cancelled = None
        try:
            while cell.starter is not None:
                await starter  # type: ignore[misc]
        except asyncio.CancelledError as error:
            cancelled = await self._take_back(cell, starter, error)  # type: ignore[arg-type]
        late = alarm is not None and not alarm.cancel()
        if release is not None:
            release()
        if cancelled is not None:
            raise cancelled
        if cell.state == State.ENDED and cell.start_failed:
            if late:
                raise StartTimeoutError(f"{cell.path} had not started within start_timeout={timeout:g} s")
            failure, cell.error = cell.error, None
            raise failure or ActorStoppedError(cell.ref, cell.reason)

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
        restart = cell.options.restart
        if self._stopping > Intent.CLOSE:  # one that is closed goes on with what it has accepted
            return Verdict.END
        recycled = cell.intent in (Intent.RESTART, Intent.RESTART_NOW) or cell in self._recycling
        if recycled and restart is not Restart.TEMPORARY:
            return Verdict.WAIT  # however it has ended: for the supervisor that was the stop by a sibling
        if error is not None and self.supervision.decide:
            directive = self.supervision.directive(error)
            if directive is Directive.ESCALATE:
                self._escalate(cell, error)
            if directive in (Directive.STOP, Directive.ESCALATE):
                return Verdict.END
        if restart is Restart.TEMPORARY or (
            restart is Restart.TRANSIENT and reason is not ExitReason.CRASHED
        ):
            return Verdict.END
        one_for_one = self.supervision.strategy is Strategy.ONE_FOR_ONE
        is_due = cell in self._due
        if not (is_due or self._count(cell if one_for_one else None)):
            self._exceed_limit(cell, error)
            return Verdict.END
        if one_for_one:
            return Verdict.RESTART
        self._failed.append(cell)
        if self._group is None:
            self._due = dict.fromkeys(self._group_of(self._failed))
            self._group = self._task(self._restart_group(), "restarts its children")
        return Verdict.WAIT

    def resumes(self, error: BaseException) -> bool:
        """Tell whether a child that has failed by this exception is to go on as it is."""
        decide = self.supervision.decide
        return bool(decide) and not self._stopping and self.supervision.directive(error) is Directive.RESUME

    @property
    def is_stopping(self) -> bool:
        """Tell whether they are being stopped, all of them."""
        return bool(self._stopping)

    def _escalate(self, cell: Cell, error: BaseException) -> None:
        log_of(cell, logging.ERROR, "%s escalates the failure of %s", self._who, cell.path)
        self.begin_stop(Intent.STOP)
        self.owner.fail_from_outside(error)

    @property
    def _who(self) -> str:
        return self.path or f"the system {self.runtime.name!r}"

    def _count(self, key: Cell | None) -> bool:
        """Count a restart; False when it is one too many."""
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
        now = self.runtime.timers.now()
        record.times.append(now)
        while record.times[0] < now - self.supervision.within:
            record.times.popleft()
        backoff = self.supervision.backoff
        if backoff is not None and record.in_a_row and now - record.resumed >= backoff.maximum:
            record.in_a_row = 0
        return len(record.times) <= self.supervision.max_restarts

    def pause_before_restart(self, cell: Cell) -> float:
        """Return the seconds of backoff before the next restart of a child, and log that restart."""
        pause = self._pause_before(cell)
        self._log_restart(cell, cell, pause)
        return pause

    def _pause_before(self, key: Cell | None) -> float:
        backoff = self.supervision.backoff
        if backoff is None:
            return 0.0
        record = self._records[key]
        pause = backoff.delay(record.in_a_row, self.runtime.random)
        record.in_a_row += 1
        record.resumed = self.runtime.timers.now() + pause
        return pause

    def _log_restart(self, cell: Cell, key: Cell | None, pause: float) -> None:
        limits, count = self.supervision, len(self._records[key].times)
        self.runtime.log.restarts(cell, pause, count, limits.max_restarts, limits.within)

    def _exceed_limit(self, cell: Cell, error: BaseException | None) -> None:
        limits = self.supervision
        limit = RestartLimitError(
            f"{cell.path} needed more than max_restarts={limits.max_restarts} restarts within {limits.within:g} s"
        )
        limit.__cause__ = error
        limit.add_note(f"{cell.path} failed; its supervisor {self.path or 'the system'} gave up")
        log_of(cell, logging.ERROR, "%s gives up: %s", self._who, limit)
        self.begin_stop(Intent.STOP)
        self.owner.fail_from_outside(limit)

    async def _restart_group(self) -> None:
        while self._failed:
            group = self._group_of(self._failed)
            failed, self._failed, self._due = self._failed[0], [], {}
            if (tell := self.runtime.observers.group_restarts) is not None:
                tell(group)
            self._recycling = dict.fromkeys(group)
            for cell in reversed(group):
                await self._recycle(cell)
            self._recycling = {}
            pause = self._pause_before(None)
            self._log_restart(failed, None, pause)
            await self._sleep(pause)
            await self._start_again(group)
        self._group = None

    def _group_of(self, failed: list[Cell]) -> list[Cell]:
        cells = list(self.table.values())
        if self.supervision.strategy is Strategy.ONE_FOR_ALL:
            return cells
        # Parked is who waits since an earlier group was cut short; the one that failed may have ended since.
        return list(itertools.dropwhile(lambda cell: not (cell.parked or cell in failed), cells))

    async def _recycle(self, cell: Cell) -> None:
        """End an incarnation, by a kill when its time is over; a temporary bystander is gone for good."""
        if cell.state == State.RESTARTING:  # it is down, though a restart cut short may have told it to start
            cell.parked = True
            return
        if cell.options.restart is Restart.TEMPORARY:
            alarm = self._deadline(cell, lambda: cell.request(Intent.KILL))
            cell.request(Intent.STOP)
        else:
            alarm = self._deadline(cell, lambda: cell.request(Intent.RESTART_NOW))
            cell.request(Intent.RESTART)
        try:
            await self._until(lambda: cell.parked or cell.state == State.ENDED)
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _start_again(self, group: list[Cell]) -> None:
        """Start them in order, until one fails again: those behind it might wait for it as they start."""
        for cell in group:
            if cell.state == State.ENDED:
                continue
            cell.resume()
            await self._until(lambda cell=cell: self._failed or cell.parked or cell.state in _STARTED)  # type: ignore[misc]
            if self._failed:
                return

    async def _sleep(self, pause: float) -> None:
        if pause > 0:
            alarm = self.runtime.timers.after(pause, self.changed)
            try:
                await self._until(lambda: not alarm.pending)
            finally:
                alarm.cancel()

    async def _until(self, condition: Callable[[], object]) -> None:
        if condition():
            return
        waiter = Waiter(self.runtime.run_queue)
        self._waiters[waiter] = None
        try:
            while not condition():
                await waiter
        finally:
            del self._waiters[waiter]

    def changed(self) -> None:
        """Wake those who wait for a change of some child."""
        if self._waiters:  # nobody does, mostly
            for waiter in self._waiters:
                waiter.wake()

    # -- stop --------------------------------------------------------------------------------------

    def begin_stop(self, intent: int) -> None:
        """Begin to stop all children, without waiting; `stop_all` waits. A mightier intent overtakes."""
        if intent <= self._stopping:
            return
        self._stopping = intent
        if self._group is not None and intent != Intent.CLOSE:
            self._group.cancel()
        self.changed()
        if self._stop_task is None and self.table:
            self._stop_task = self._task(self._stop_in_order(), "stops its children")

    async def stop_all(self, intent: int) -> None:
        """Stop all children: one after the other, the last started first. Returns when all have ended."""
        self.begin_stop(intent)
        await self._until(lambda: not self.table and self._group is None and self._stop_task is None)

    async def _stop_in_order(self) -> None:
        left, pace = list(self.table.values()), Pace(self.runtime.run_queue.loop)
        while left:
            await self._stop_some(self._next_to_stop(left), pace)
            if pace.is_up():
                await pace.rest()

    def _next_to_stop(self, left: list[Cell]) -> list[Cell]:
        """Take the last started; the dynamic ones at the end together; in a kill, all."""
        if self._stopping == Intent.KILL:
            some, left[:] = left[::-1], []
            return some
        some = [left.pop()]
        while left and some[-1].options.dynamic and left[-1].options.dynamic:
            some.append(left.pop())
        return some

    async def _stop_some(self, cells: list[Cell], pace: Pace) -> None:
        """Stop these, and again in another way when a mightier intent overtakes."""
        while cells:
            intent = self._stopping
            alarms = []
            for cell in tuple(cells):
                alarms.append(self._request_end(cell))
                if pace.is_up():
                    await pace.rest()
            await self._until(lambda: self._stopping != intent or _all_ended(cells))  # noqa: B023
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
        alarm = self._deadline(cell, lambda: cell.request(Intent.KILL))
        cell.request(Intent.STOP)
        try:
            await self._until(lambda: cell.state == State.ENDED)
        finally:
            if release is not None:
                release()
        if alarm is not None:
            alarm.cancel()

    def _task(self, work: Any, name: str) -> asyncio.Task[None]:
        task = self.runtime.make_task(work, f"{self.path or '/'} {name}")
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        """A task of the table has ended, perhaps cancelled before its first step, so that nothing of it ran."""
        if task is self._group:
            self._group, self._recycling, self._due = None, {}, {}
        if task is self._stop_task:
            self._stop_task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self.runtime.broken(task.get_name(), error)
        self.changed()

    def _request_end(self, cell: Cell) -> Deadline | None:
        """Ask a child to end; under STOP it is killed once its shutdown time is over."""
        cell.request(self._stopping)
        if self._stopping != Intent.STOP:
            return None
        return self._deadline(cell, lambda: cell.request(Intent.KILL))

    def _deadline(self, cell: Cell, late: Callable[[], None]) -> Deadline | None:
        limit = cell.options.shutdown
        return None if limit is None else self.runtime.timers.after(limit, late)

    # -- end ---------------------------------------------------------------------------------------

    def remove(self, cell: Cell) -> None:
        """Free the name of a child that has ended."""
        if self.table.get(cell.name) is cell:
            del self.table[cell.name]
        self._records.pop(cell, None)

    def child_ended(self, cell: Cell) -> None:
        """A child has ended for good and all are told: now its supervisor."""
        self.changed()
        by_hand = cell.intent >= Intent.STOP or cell.intent == Intent.CLOSE
        if cell.options.significant and not by_hand and not cell.start_failed:
            self._shut_down_with(self.supervision.auto_shutdown)

    def _shut_down_with(self, rule: AutoShutdown) -> None:
        left = any(cell.options.significant for cell in self.table.values())
        if rule is AutoShutdown.ANY_SIGNIFICANT or (rule is AutoShutdown.ALL_SIGNIFICANT and not left):
            self.owner.request(Intent.SHUT_DOWN)


def _all_ended(cells: list[Cell]) -> bool:
    """Drop those at the end of the list that have ended; whether none is left.

    From the end, so that looking again after each of thousands does not look at all of them.
    """
    while cells and cells[-1].state == State.ENDED:
        cells.pop()
    return not cells
