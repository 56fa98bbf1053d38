"""How an incarnation ends: its children, timers and tasks first, then its last hooks, then itself.

A kill is the last resort, for a task that does not end by itself.
"""

from __future__ import annotations

import asyncio
from contextvars import Context as Variables
from functools import partial
from typing import TYPE_CHECKING

from actorio._cell.last_hooks import LastHooks, cancel_all
from actorio._cell.rare import NOTHING_RARE
from actorio._cell.state import KILL_GRACE
from actorio._cell.states import Intent, State
from actorio._core.deadlock import WaitForMany
from actorio._core.envelope import (
    ENDED,
    NO_MESSAGE,
)
from actorio._core.pace import Pace
from actorio._core.run_queue import Waiter
from actorio.errors import (
    ActorStoppedError,
    ExitReason,
    exit_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actorio._cell.protocols import Siblings
    from actorio._cell.state import CellState
    from actorio._core.envelope import Envelope

__all__ = ["AT_ONCE", "Ending"]

AT_ONCE = 256
"""What is done to so many others is done at once; to more of them in goes, so that the loop has its turns."""
_GENERATIONS = 8
"""How often an incarnation that ends cancels tasks that the ones before have started as they were cancelled."""


class Ending(LastHooks):
    """A cell's ending."""

    __slots__ = ()

    def _resumes(self, reason: ExitReason, error: BaseException | None) -> bool:
        """Tell whether the incarnation goes on after a failure, as its supervisor decided; then the turn is over."""
        if reason is not ExitReason.CRASHED or error is None or not self.siblings.resumes(error):
            return False
        is_whole = self.state == State.RUNNING and not (
            self.children is not None and self.children.is_stopping
        )
        hooks = self.hooks
        if not is_whole or hooks is None or hooks.own_loop or self.must_end() or exit_in(error) is not None:
            return False
        self._end_turn()
        self.mailbox.sleeper = None
        self.message, self.envelope = NO_MESSAGE, None
        self.in_hand = False
        if (tell := self.observers.continued) is not None:
            tell(self)
        return True

    def _final(
        self, outcome: tuple[ExitReason, BaseException | None]
    ) -> tuple[ExitReason, BaseException | None]:
        if self.error is not None:
            hook_error, self.error = self.error, None
            if outcome[1] is None:
                return ExitReason.CRASHED, hook_error
        return (ExitReason.KILLED, outcome[1]) if self.intent == Intent.KILL else outcome

    def _has_to_wind_down(self) -> bool:
        """Tell whether the end of the incarnation takes more than dropping its instance."""
        hooks = self.hooks
        if self.children or self.owned or (hooks is not None and hooks.last):
            return True
        return self.rare is not NOTHING_RARE and bool(self.tasks)

    async def _wind_down(self, reason: ExitReason, error: BaseException | None, verdict: int) -> None:
        """End what belongs to an incarnation: children, timers and tasks first, then call the hooks."""
        self.ending = reason
        if self.children is not None:
            self.set_wait(WaitForMany(partial(_those_of, self.children), every=True))
            await self._stop_children(self.children, self._intent_for_children(reason))
            self.children = None
            self.set_wait(None)
        await self._end_own_work()
        await self._call_last_hooks(reason, verdict)
        for _ in range(_GENERATIONS):  # of the hooks, and of what starts more as it is cancelled
            if not (self.owned or self.tasks):
                return
            await self._end_own_work()
        tasks, self.tasks = self.tasks, None
        for task in tasks or ():
            task.cancel()
            self.runtime.abandon(task, "its actor's tasks start more as they are cancelled")

    async def _stop_children(self, children: Siblings, intent: int) -> None:
        while True:
            try:
                return await children.stop_all(intent)
            except asyncio.CancelledError:  # a cancel of this actor's task while it ends is a kill
                intent = Intent.KILL
                if self.intent != Intent.RESTART_NOW:
                    self.request(intent)

    def _intent_for_children(self, reason: ExitReason) -> int:
        if reason is ExitReason.KILLED:
            return Intent.KILL
        return Intent.CLOSE if self.intent == Intent.CLOSE and reason is ExitReason.NORMAL else Intent.STOP

    async def _end_own_work(self) -> None:
        self._cancel_owned()
        if self.tasks:
            await self._cancel_tasks()

    def _cancel_owned(self) -> None:
        owned, self.owned = self.owned, None
        for one in list((owned or {}).values()):
            one.cancel()

    async def _cancel_tasks(self) -> None:
        """Cancel the tasks of the incarnation, again once its shutdown time is over, and wait for their end."""
        tasks = list(self.tasks or ())
        killed = self.must_end_at_once()  # which has just cancelled those that were there
        cancel_all(task for task in tasks if not (killed and task.cancelling()))
        await self._until_over(tasks)
        known = self.tasks or {}
        for task in (*tasks, *(one for one in known if one.done())):
            known.pop(task, None)  # it was given up, or is over and its own callback has yet to say so

    def _drop_instance(self, reason: ExitReason) -> None:
        if self.context is not None:
            self.context._cell = None
        if self.rare is not NOTHING_RARE:  # before the instance goes, and the handles that it holds with it
            if self.state == State.ENDED:  # it was given up for dead, and comes back: it has been told of
                return
            self._drop_rare_parts(reason)
        self.instance = self.context = None
        if (tell := self.observers.stopped) is not None:
            tell(self, reason)

    def _drop_rare_parts(self, reason: ExitReason) -> None:
        deferred, self.deferred = self.deferred, None
        for envelope in deferred or ():
            self.interrupt_beside(envelope, ExitReason.KILLED if self.intent == Intent.KILL else reason)
        self.failure = None
        if self.errands is not None:
            self.errands.end()
            self.errands = None
        self.notices = None
        if self.watching:
            for watched in tuple(self.watching):
                self.unwatch(watched)
        if self.links:
            self._break_links(reason)

    def interrupt_beside(self, envelope: Envelope, reason: ExitReason) -> None:
        """Give what was to be answered outside of a turn the fate of what ends with its incarnation."""
        if envelope.state < ENDED:
            envelope.fail(ActorStoppedError(self.ref, reason))
            if not envelope.answers:
                self.dead_letter(envelope.message, "interrupted")

    def _interrupt_in_hand(self) -> None:
        """Give the message that a kill interrupted its fate."""
        message, envelope = self.message, self.envelope
        self.message, self.envelope = NO_MESSAGE, None
        self.in_hand = False
        if envelope is not None:
            envelope.fail(ActorStoppedError(self.ref, ExitReason.KILLED))
        if message is not NO_MESSAGE and (envelope is None or not envelope.answers):
            self.dead_letter(message, "interrupted")

    # -- a kill: a cancel, a second one when the grace is over, then it is given up for dead -------------

    def _kill(self) -> None:
        self._alarm = self.runtime.timers.after(KILL_GRACE, self._cancel_again)
        if self.stopper is not None:  # the next cancel is for it too, which the actor's own task hands on
            self.stopper.cancel()
        elif self.run_queue.current is self:
            self.cancel_soon = True
        elif self.task is not None:
            self.task.cancel()

    def _cancel_again(self) -> None:
        self._alarm = self.runtime.timers.after(KILL_GRACE, self._abandon_soon)
        if self.task is not None:
            self.task.cancel()
        # One that winds down waits for its tasks, and passes the cancel on; but not while its last hook runs.
        if self.state != State.STOPPING or self.stopper is not None:
            for task in self.tasks or ():
                task.cancel()

    def _abandon_soon(self) -> None:
        """Give up when all that is ready now has run: in a busy system its task may have had no turn yet."""
        self._alarm = None
        if self._waits_for_the_runtime():
            self._alarm = self.runtime.timers.after(KILL_GRACE, self._abandon_soon)
            return
        probe = Waiter(self.run_queue)
        probe.add_done_callback(lambda _: self._abandon_task(), context=Variables())
        probe.wake()

    def _waits_for_the_runtime(self) -> bool:
        """Tell whether it is held up by nothing of its own: by its children, or by the queue of those to be woken."""
        if self.children is not None and self.children.table:
            return True
        return self.state == State.RESTARTING and self.task is not None and not self.task.done()

    def _abandon_task(self) -> None:
        if self.state == State.ENDED or not self.must_end_at_once():
            return
        if self._waits_for_the_runtime():
            self._alarm = self.runtime.timers.after(KILL_GRACE, self._abandon_soon)
            return
        self._abandon((self.stopper if self.state == State.STOPPING else self.task, *(self.tasks or ())))
        self._interrupt_in_hand()
        self._cancel_owned()
        self.tasks = None
        self._drop_instance(ExitReason.KILLED)
        self._end(ExitReason.KILLED, None)
        if self.task is not None:
            self.wake()  # it waits for them no longer

    def _end_restart_now(self) -> None:
        """The incarnation that was aborted is gone: the cancels were for it."""
        self.intent = Intent.RESTART
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self.task is not None and self.task.cancelling():
            self.task.uncancel()

    async def _undeliver_many(self) -> None:
        """Give what is left in a long mailbox its fate, in goes; `_end` does so with what is left of it."""
        pace = Pace(self.run_queue.loop)
        try:
            while len(items := self.mailbox.items) > AT_ONCE:
                self._undeliver(items.popleft())
                if pace.is_up():
                    await pace.rest()
        except asyncio.CancelledError:
            return


def _those_of(children: Siblings) -> Iterable[CellState]:
    return children.table.values()
