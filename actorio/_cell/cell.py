"""The machinery of one actor: its life from spawn to end. Only this package changes an actor's insides.

A cell owns one asyncio task, one mailbox and, one after the other, the incarnations of one actor. Its task
lives as long as the actor does, over restarts:

    start, turns, wind down  ->  its supervisor decides  ->  again, or the end

What others ask of it (close, stop, kill, a failure from outside) is noted down, and the task sees to it
between two messages; only a kill interrupts. Everything here runs on the system's thread.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from contextvars import Context as Variables
from itertools import islice
from typing import TYPE_CHECKING, Any

from actorio._cell.ending import Ending
from actorio._cell.hooks import Hooks, refuse_own_context
from actorio._cell.mailbox_loop import mailbox_loop
from actorio._cell.notices import Joiner
from actorio._cell.own_loop import own_loop
from actorio._cell.owned.idle_timeout import IdleTimeout
from actorio._cell.state import BEGIN, is_closing
from actorio._cell.states import Intent, State, Verdict
from actorio._cell.steps import hook
from actorio._core.envelope import (
    NO_MESSAGE,
)
from actorio._core.pace import Pace
from actorio._core.run_queue import Waiter
from actorio.errors import (
    ActorStoppedError,
    ExitReason,
    exit_in,
    is_actor_exit,
    without_frames,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actorio._cell.notices import Terminated

__all__ = ["Cell"]

AT_ONCE = 256
"""What is done to so many others is done at once; to more of them in goes, so that the loop has its turns."""


class Cell(Ending):
    """One actor, alive or ended."""

    __slots__ = ()

    def construct(self) -> Any:
        """Make and return a new instance by the spawn's factory and arguments, in contextvars of its own."""
        instance: Any = Variables().run(self.factory, *self.args)
        if not isinstance(instance, self.runtime.faces.actor):
            raise TypeError(f"the factory of {self.path} must return an Actor, not {type(instance).__name__}")
        self.instance = instance
        self.hooks = Hooks.of(instance, self.runtime.faces.actor)
        self.context = instance.context = self.runtime.faces.context(self)
        if (tell := self.observers.constructed) is not None:
            tell(self)
        return instance

    def launch(self) -> None:
        """Begin the first incarnation: its task now, or, where there is nothing to start, at its first mail.

        An actor that never had mail costs no task: half of the memory and of the time of a spawn (the
        benchmarks `idle` and `fjcreate` pay for it).
        """
        hooks: Hooks = self.hooks  # type: ignore[assignment]
        if hooks.on_start:
            self.starter = Waiter(self.run_queue)
            self.begin()
            return
        self.mark_started()
        if hooks.own_loop:
            self.begin()
        else:
            self.mailbox.sleeper = self

    def wake(self) -> None:
        """Wake its task; the first mail makes it."""
        run_queue = self.run_queue
        if self.task is None:
            run_queue.check_loop()
            self.begin()
            return
        if not run_queue.scheduled:
            run_queue.schedule()
        run_queue.ready.append(self)

    def begin(self) -> None:
        """Start the task.

        Its coroutine has begun before the task exists: a task cancelled before its first step would drop an
        unstarted coroutine, and nobody would be told of the actor's end.
        """
        life = self._live()
        life.send(None)
        self.task = self.runtime.make_task(life, self.path)

    async def _live(self) -> None:  # noqa: C901, PLR0912, PLR0915 (a call less in each wake-up)
        try:
            await BEGIN
        except asyncio.CancelledError:
            self._request(Intent.KILL)
        try:
            while True:
                try:  # the turns are awaited right here: each wake-up passes through this frame
                    if self.state != State.RUNNING:
                        await self._start()
                    if not self.must_end():
                        await self._turns()
                    outcome: tuple[ExitReason, BaseException | None] = self.exit_reason(), None
                except BaseException as error:
                    if is_closing(error, self.task):
                        raise
                    outcome = self._reason_of(error)
                    if self._resumes(*outcome):
                        continue
                self._end_turn()
                self.mailbox.sleeper = None
                verdict = self._verdict(*outcome)
                if self._has_to_wind_down():
                    await self._wind_down(*outcome, verdict)
                self._drop_instance(outcome[0])
                if self.state == State.ENDED:  # it was given up for dead, and has come back too late
                    return
                if verdict == Verdict.END:
                    break
                if not await self._until_restart(verdict):
                    if verdict == Verdict.RESTART:
                        # Ended by hand in the pause: that is its end, not the failure.
                        outcome = self.exit_reason(), outcome[1]
                    break
                self.incarnation += 1
                self.restarts += 1
                del outcome  # or the failure would be kept for as long as the next incarnation runs
            if len(self.mailbox.items) > AT_ONCE:
                await self._undeliver_many()
            self._end(*self._final(outcome))
        except Exception as error:
            self.runtime.broken(self.path, error)

    async def _start(self) -> None:
        self.state = State.STARTING
        instance = self.construct() if self.instance is None else self.instance
        hooks = self.hooks
        if hooks is not None and hooks.on_start:
            await hook(self, instance.on_start)
            refuse_own_context(instance, self.runtime.faces.actor, self.context)
        if self.state == State.STARTING:  # not when it was given up for dead in the meantime
            self.mark_started()

    def mark_started(self) -> None:
        """Note and tell that the incarnation has started."""
        self.state = State.RUNNING
        if self.owned is not None:
            IdleTimeout.begin_again(self)
        if self.incarnation:
            if (tell := self.observers.restarted) is not None:
                tell(self)
        else:
            if (tell := self.observers.started) is not None:
                tell(self)
        if self.starter is not None:
            self._tell_starter()
        self.siblings.changed()

    def _turns(self) -> Any:
        if self.hooks.own_loop:  # type: ignore[union-attr]
            return own_loop(self, self.instance.run())
        return mailbox_loop(self)

    def _reason_of(self, error: BaseException) -> tuple[ExitReason, BaseException | None]:
        if is_actor_exit(error, self.path):
            return self.exit_reason(), None
        if isinstance(error, asyncio.CancelledError) and self.is_killed():
            if self.intent != Intent.RESTART_NOW:
                self.intent = Intent.KILL
            self._interrupt_in_hand()
            return ExitReason.KILLED, None
        if self.envelope is not None:
            self.envelope.fail(error if isinstance(error, Exception) else ActorStoppedError(self.ref))
        self.failed += 1
        if self.starter is None:  # otherwise spawn raises it
            self._report(error)
        if (exit_ := exit_in(error)) is not None:
            self.runtime.end_by(exit_)
        return ExitReason.CRASHED, error

    def _verdict(self, reason: ExitReason, error: BaseException | None) -> int:
        """Ask the supervisor, and shut the mailbox when this is the end."""
        if self.state == State.ENDED:
            return Verdict.END
        self.start_failed = self.starter is not None
        self.message, self.envelope = NO_MESSAGE, None
        self.in_hand = False
        final = self.start_failed or self._is_final() or exit_in(error) is not None
        verdict = Verdict.END if final else self.siblings.decide(self, reason, error)
        if verdict == Verdict.END:
            self._shut()
        if (tell := self.observers.decided) is not None:
            tell(self, reason, verdict)
        self.state = State.STOPPING
        return verdict

    def _is_final(self) -> bool:
        """Tell whether it was ended by hand, so that no supervisor is asked: stopped, or closed and drained."""
        return self.intent >= Intent.STOP or (self.mailbox.closed and not self.mailbox.items)

    async def _until_restart(self, verdict: int) -> bool:
        """Wait for the pause before a restart, or for the group; False when there will be none."""
        self.state = State.RESTARTING
        if self.intent == Intent.RESTART_NOW:
            self._end_restart_now()
        alarm = None
        if verdict == Verdict.WAIT:
            self.parked = True
            self.siblings.changed()
        elif (pause := self.siblings.pause_before_restart(self)) > 0:
            alarm = self.runtime.timers.after(pause, self._poke)
        self.wake()  # one that fails to start, time after time, is not to hold up all the others
        await self._wait()
        while not self._is_final() and (self.parked or (alarm is not None and alarm.pending)):
            await self._wait()
        if alarm is not None:
            alarm.cancel()
        self.parked = False
        if self._is_final():
            return False
        self.error = None  # that of a last hook: it was the old incarnation's
        self.intent = Intent.CLOSE if self.mailbox.closed else Intent.NONE
        self.urgent = self.failure is not None
        return True

    async def _wait(self) -> None:
        try:
            await self
        except asyncio.CancelledError:
            if self.task is not None and self.task.cancelling():  # not the last of an abort, come late
                self.intent = Intent.KILL

    def _end_restart_now(self) -> None:
        """The incarnation that was aborted is gone: the cancels were for it."""
        self.intent = Intent.RESTART
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self.task is not None and self.task.cancelling():
            self.task.uncancel()

    def _end(self, reason: ExitReason, error: BaseException | None) -> None:
        """The end for good: every message has its fate, the name is free, then all are told."""
        if self.state == State.ENDED:
            return
        self.reason, self.error = reason, error
        self.start_failed = self.start_failed or self.starter is not None
        self._shut()
        for item in self.mailbox.drain():
            self._undeliver(item)
        if self._ref is not None:
            self._ref = weakref.ref(self._ref)
        self.state = State.ENDED
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self.runtime.forget(self)
        self.siblings.remove(self)
        if (tell := self.observers.ended_for_good) is not None:
            tell(self, reason)
        self._tell_all()

    def _tell_all(self) -> None:
        watchers, self.watchers = self.watchers, None
        if watchers:
            self._tell_watchers(self.terminated(), deque(watchers))
        self._tell_starter()
        joiners, self.joiners = self.joiners, None
        for joiner in joiners or ():
            if isinstance(joiner, Joiner):
                joiner.notice = self.terminated()
            joiner.wake()
        self.siblings.child_ended(self)
        self._let_go()

    def _let_go(self) -> None:
        """Keep nothing of the user's alive, however long a ref of it is kept."""
        self.args = ()
        if not isinstance(self.factory, type):  # it may hold arguments too; a class names what it was
            self.factory = _ended
        if self.error is not None and not self.start_failed:  # that of a start is for `spawn` to raise
            self.error = without_frames(self.error)

    def _tell_watchers(self, notice: Terminated, watchers: deque[Any]) -> None:
        """Tell those who watch, in goes; one that has taken its watch back meanwhile looks at nothing."""
        pace = Pace(self.run_queue.loop)
        while watchers:
            watchers.popleft().notify(notice)
            if pace.is_up() and watchers:
                self.run_queue.loop.call_soon(self._tell_watchers, notice, watchers, context=Variables())
                return

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

    def _tell_starter(self) -> None:
        starter, self.starter = self.starter, None
        if starter is not None:
            starter.wake()

    # -- what others ask of it ---------------------------------------------------------------------

    def request(self, intent: int) -> None:
        """Note down what is asked and wake the task; idempotent, the mightier intent wins.

        A stop of an actor that was spawned with no time to end is a kill. The first of those below are killed here and
        now, all others by their own parents, in goes.
        """
        if intent == Intent.STOP and self.options.shutdown == 0:
            intent = Intent.KILL
        if intent == Intent.KILL:
            for cell in islice(self._subtree(), AT_ONCE) if self.intent != intent else ():
                cell._request(intent)
        else:
            self._request(intent)

    def _subtree(self) -> Iterator[Cell]:
        """Yield this cell and all below, parents first; without recursion, since trees are deep."""
        cells: list[Cell] = [self]
        for cell in cells:
            if cell.children is not None:
                cells.extend(cell.children.table.values())
            yield cell

    def _request(self, intent: int) -> None:
        if self.state == State.ENDED:
            return
        if intent == Intent.CLOSE or intent >= Intent.STOP:
            self._shut()
        if intent > self.intent:
            if (tell := self.observers.requested) is not None:
                tell(self, intent)
            self.intent = intent
            if intent >= Intent.RESTART_NOW and self.children is not None:
                self.children.begin_stop(Intent.KILL if intent == Intent.RESTART_NOW else intent)
            if self.must_end_at_once():
                self._kill()
            self.urgent = self.urgent or intent != Intent.CLOSE
        self._poke()

    def resume(self) -> None:
        """The group of a parked cell starts again, and it is this one's turn."""
        self.parked = False
        self._poke()

    def _poke(self) -> None:
        """Wake the task, to look again."""
        if self.mailbox.sleeper is self:
            self.mailbox.sleeper = None
            if self.task is None:
                self._begin_or_end()
                return
        elif self.state == State.RUNNING and not (self.errands is not None and self.errands.is_parked):
            return
        self.wake()

    def _begin_or_end(self) -> None:
        """Something is asked of an actor that never had mail: without hooks to call, it can end at once."""
        if self.failure is not None or self._has_to_wind_down() or not self._is_final():
            self.begin()
            return
        reason = self.exit_reason()
        self._verdict(reason, None)
        self._drop_instance(reason)
        self._end(*self._final((reason, None)))


def _ended() -> None:
    """Stand in for the factory of an actor that has ended."""
