"""How an actor is killed: a cancel, a second one when the grace is over, and then it is given up for dead."""

from __future__ import annotations

from contextvars import Context as Variables

from actorio._cell.ending import Ending
from actorio._cell.state import KILL_GRACE
from actorio._cell.states import State
from actorio._core.run_queue import Waiter
from actorio.errors import ExitReason

__all__ = ["Killing"]


class Killing(Ending):
    """A cell's last resort, for a task that does not end by itself."""

    __slots__ = ()

    def _kill(self) -> None:
        self._alarm = self.runtime.timers.after(KILL_GRACE, self._cancel_again)
        if self.stopper is not None:  # the next cancel is for it too, which the actor's own task hands on
            self.stopper.cancel()
        elif self.run_queue.current is self:
            self.cancel_soon = True
        elif self.task is not None:
            self.task.cancel()

    def _cancel_again(self) -> None:
        self._alarm = self.runtime.timers.after(KILL_GRACE, self._give_up_soon)
        if self.task is not None:
            self.task.cancel()
        # One that winds down waits for its tasks, and passes the cancel on; but not while its last hook runs.
        if self.state != State.STOPPING or self.stopper is not None:
            for task in self.tasks or ():
                task.cancel()

    def _give_up_soon(self) -> None:
        """Give up when all that is ready now has run: in a busy system its task may have had no turn yet."""
        self._alarm = None
        if self._waits_for_the_runtime():
            self._alarm = self.runtime.timers.after(KILL_GRACE, self._give_up_soon)
            return
        probe = Waiter(self.run_queue)
        probe.add_done_callback(lambda _: self._give_up_task(), context=Variables())
        probe.wake()

    def _waits_for_the_runtime(self) -> bool:
        """Whether it is held up by nothing of its own: by its children, or by the queue of those to be woken."""
        children = self.children
        stops_children = children is not None and (bool(children.table) or self.state == State.STOPPING)
        return stops_children or self.state == State.RESTARTING

    def _give_up_task(self) -> None:
        if self.state == State.ENDED or not self.must_end_at_once():
            return
        if self._waits_for_the_runtime():
            self._alarm = self.runtime.timers.after(KILL_GRACE, self._give_up_soon)
            return
        self._abandon((self.stopper if self.state == State.STOPPING else self.task, *(self.tasks or ())))
        self._interrupt_in_hand()
        self._drop_timers()
        self.tasks = None
        self._drop_instance(ExitReason.KILLED)
        self._end(ExitReason.KILLED, None)
        if self.task is not None:
            self.wake()  # it waits for them no longer
