"""The life of one actor: what its task does, over its incarnations, from the first mail to the end.

    start, turns, wind down  ->  its supervisor decides  ->  again, or the end

The cell is itself the coroutine of its task. `work` is what that is at: nothing while it has had no turn that awaits,
the turns, or all of the life, for an actor that starts, fails, winds down or restarts. Most do none of that: an actor
that ends in order ends in one step, and one that never awaits costs no coroutine and no generator (the benchmarks
`fjcreate`, `fib` and `skynet` pay for it).
"""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from actorio._cell.early_wait import EarlyWait, in_task
from actorio._cell.ending import AT_ONCE
from actorio._cell.mailbox_loop import DirectTurns, is_drained, mailbox_loop
from actorio._cell.overrides import refuse_own_context
from actorio._cell.own_loop import own_loop
from actorio._cell.owned.idle_timeout import IdleTimeout
from actorio._cell.rare import NOTHING_RARE
from actorio._cell.sender_context import hook
from actorio._cell.shown_task import ShownTask
from actorio._cell.state import BEGIN, is_closing
from actorio._cell.states import Intent, State, Verdict
from actorio._core.envelope import NO_MESSAGE
from actorio._core.mailbox import SHUT, UNUSED
from actorio._core.run_queue import Waiter, may_nest
from actorio.errors import ActorStoppedError, ExitReason, exit_in, is_actor_exit

if TYPE_CHECKING:
    from actorio._cell.sender_context import Steps
    from actorio._core.deadlock import WaitForMany, Waiting

__all__ = ["Life"]

MOST_STARTS_WITHIN = 8
"""How many hooks `on_start` may run one within the other, as each spawns the next."""

Outcome = tuple[ExitReason, "BaseException | None"]


class Life(ShownTask):
    """A cell's life, which is the coroutine of its task."""

    __slots__ = ()

    waits_on: Waiting | WaitForMany | None  # said again: pyright takes it for None otherwise

    def begin(self) -> None:
        """Start the task."""
        if self.mailbox is UNUSED or self.mailbox is SHUT:
            self.open_mailbox().sleeper = None
        self.task = self.runtime.make_task(self, self.path)  # pyright: ignore[reportArgumentType]

    def begin_to_start(self) -> None:
        """Start the task, and run `on_start` right here, up to its first wait: most have none.

        A start within many others, where a tree grows by its hooks, waits for the task instead; and so does that of an
        own loop, which has begun to run by the time that `spawn` returns.
        """
        self.starter = Waiter(self.run_queue)
        self.begin()
        runtime = self.runtime
        if self._has_own_loop() or runtime.starts_within >= MOST_STARTS_WITHIN or may_nest(runtime.loop):
            return
        release = self.wait_of_current()
        runtime.starts_within += 1
        try:
            with in_task(self.run_queue, cast("asyncio.Task[None]", self.task)):
                self._start_here()
        finally:
            runtime.starts_within -= 1
            if release is not None:
                release()

    def _start_here(self) -> None:
        steps = hook(self, self.instance.on_start)
        try:
            try:
                awaited = steps.send(None)  # pyright: ignore[reportAttributeAccessIssue]
            except StopIteration:
                self._started()
                if self.state != State.STARTING:
                    return
                raise asyncio.CancelledError from None  # it was killed in it, and has not awaited anything since
            life = self._live(begun=EarlyWait(steps, awaited))  # pyright: ignore[reportArgumentType]
        except BaseException as error:
            life = self._live(self._reason_of(error), is_early=True)
        life.send(None)  # a cancel before the first step of the task is to find it begun
        self.work = life

    # -- as a coroutine ----------------------------------------------------------------------------

    def send(self, value: None) -> Any:
        """Take the next step, for the task: returns what it waits for."""
        work = self.work
        if work is None:
            if self.state != State.RUNNING:
                work = self.work = self._live()
            elif self.turns is not None or self.intent > Intent.CLOSE:
                if self._is_over():
                    return self._after_turns((self.exit_reason(), None))
                work = self._go_on()
            elif not self.hooks.own_loop:  # type: ignore[union-attr]
                if self._take_first():
                    self._asyncio_future_blocking = True
                    return self
                return self.send(None)
        return self._step_life(work) if type(work) is CoroutineType else self._step_turns(work)

    def throw(self, error: Any, *more: Any) -> Any:
        """Show what it waits for, or what it is at, an exception."""
        work = self.work
        try:
            if work is None:
                if self.turns is None:
                    return self._cancelled_early()
                if self.turns.is_at_rest():
                    return self._after_turns(self._reason_of(error))
                work = self._go_on()
            return (
                self._step_life(work, error) if type(work) is CoroutineType else self._step_turns(work, error)
            )
        finally:
            del error  # or the traceback and this frame would keep each other alive

    def close(self) -> None:
        """Close what it is at."""
        if self.work is not None:
            self.work.close()

    def _step_turns(self, work: Any, error: BaseException | None = None) -> Any:
        """Step the turns, and go on with the rest of the life when they are over."""
        try:
            if work is None:
                work = self.work = self._turns()
            return work.send(None) if error is None else work.throw(error)
        except StopIteration:
            outcome: Outcome = self.exit_reason(), None
        except BaseException as raised:
            if is_closing(raised, self.task):
                raise
            outcome = self._reason_of(raised)
        finally:
            error = None  # or the traceback and this frame would keep each other alive
        try:
            return self._after_turns(outcome)
        finally:
            del outcome

    def _step_life(self, life: Any, error: BaseException | None = None) -> Any:
        try:
            return life.send(None) if error is None else life.throw(error)
        except StopIteration:
            self.work = self.task = None  # the task holds the cell, and would keep it until it is collected
            raise
        finally:
            error = None

    def _take_first(self) -> bool:
        """Take the first share of messages, in the task's first step; False when there is something else to do."""
        task, loop = self.task, self.run_queue.loop
        turns = self.turns = DirectTurns(self)
        _leave_task(loop, task)  # type: ignore[arg-type]  # as the run queue takes them
        try:
            return turns.take()
        finally:
            _enter_task(loop, task)  # type: ignore[arg-type]

    def _is_over(self) -> bool:
        """Tell whether its task was woken for nothing but the end of its turns."""
        if self.rare is not NOTHING_RARE and self.failure is not None:
            return False
        if not (self.turns is None or self.turns.is_at_rest()):
            return False
        return self.intent > Intent.CLOSE or (not self.urgent and is_drained(self))

    def _go_on(self) -> Steps:
        """Go on with the turns from where they are parked: step it by what the task was woken with."""
        work = self.work = mailbox_loop(self, self.turns)
        work.send(None)  # pyright: ignore[reportAttributeAccessIssue]
        return work  # pyright: ignore[reportReturnType]

    def _cancelled_early(self) -> Any:
        """Be killed by a cancel before the first step: nobody else could tell of the actor's end."""
        is_running = self.state == State.RUNNING
        self._request(Intent.KILL)
        if is_running:
            return self._after_turns((self.exit_reason(), None))
        self.work = self._live()
        return self._step_life(self.work)

    def _after_turns(self, outcome: Outcome) -> Any:
        """End at once what ends in order and has nothing to wind down; all else is a life's to see to."""
        verdict = None
        if outcome[1] is None and not self._has_to_wind_down():
            self.work = None
            try:
                verdict = self._leave_turns(outcome)
                self._drop_instance(outcome[0])
                if verdict == Verdict.END and len(self.mailbox.items) <= AT_ONCE:
                    self._end(*self._final(outcome))
            except Exception as error:
                self.runtime.broken(self.path, error)
                raise StopIteration from None
            if self.state == State.ENDED:
                self.task = None
                raise StopIteration
        self.work = self._live(outcome, verdict)
        return self._step_life(self.work)

    # -- all of it ---------------------------------------------------------------------------------

    async def _live(  # noqa: C901, PLR0912, PLR0915 (a call less in each wake-up)
        self,
        outcome: Outcome | None = None,
        verdict: int | None = None,
        begun: EarlyWait | None = None,
        *,
        is_early: bool = False,
    ) -> None:
        """Live, from the start, or from where an outcome of the turns, or the verdict about it, is known.

        Args:
            begun: a start that has begun before its task had a step.
            is_early: whether that is so of the outcome.
        """
        if is_early or begun is not None:
            try:
                await BEGIN
            except asyncio.CancelledError as error:
                if begun is None:
                    self._request(Intent.KILL)
                else:
                    begun.cancelled = error
        try:
            while True:
                if outcome is None:
                    try:  # the turns are awaited right here: each wake-up passes through this frame
                        if self.state != State.RUNNING:
                            await self._start(begun)
                            begun = None
                        if not self.must_end():
                            await self._turns()
                        outcome = self.exit_reason(), None
                    except BaseException as error:
                        if is_closing(error, self.task):
                            raise
                        outcome = self._reason_of(error)
                if verdict is None:
                    if self._resumes(*outcome):
                        outcome = None
                        continue
                    verdict = self._leave_turns(outcome)
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
                outcome = verdict = (
                    None  # or the failure would be kept for as long as the next incarnation runs
                )
            if len(self.mailbox.items) > AT_ONCE:
                await self._undeliver_many()
            self._end(*self._final(outcome))
        except Exception as error:
            self.runtime.broken(self.path, error)
        finally:
            outcome = None  # or the traceback of a failed start and this frame would keep each other alive

    def _leave_turns(self, outcome: Outcome) -> int:
        self.run_queue.current = self.waits_on = self.turns = self.mailbox.sleeper = None
        return self._verdict(*outcome)

    async def _start(self, begun: EarlyWait | None = None) -> None:
        self.state = State.STARTING
        if self.instance is None:
            self.construct()
        if begun is not None:
            await begun.rest()
        elif self.hooks is not None and self.hooks.on_start:
            await hook(self, self.instance.on_start)  # pyright: ignore[reportOptionalMemberAccess]
        self._started()

    def _started(self) -> None:
        hooks = self.hooks
        if hooks is not None and hooks.on_start:
            refuse_own_context(self.instance, self.runtime.faces.actor, self.context)
        # Not when it was given up for dead in the meantime, nor when a kill is what it has swallowed.
        if self.state == State.STARTING and (self.starter is None or self.intent != Intent.KILL):
            self.mark_started()

    def mark_started(self) -> None:
        """Note and tell that the incarnation has started."""
        self.state = State.RUNNING
        if self.owned is not None:
            IdleTimeout.begin_again(self)
        if self.rare is not NOTHING_RARE and self.incarnation:
            if (tell := self.observers.restarted) is not None:
                tell(self)
        else:
            if (tell := self.observers.started) is not None:
                tell(self)
        if self.starter is not None:
            self._tell_starter()
        if self.siblings.waiters:
            self.siblings.changed()

    def _has_own_loop(self) -> bool:
        return self.hooks.own_loop  # type: ignore[union-attr]

    def _turns(self) -> Any:
        return own_loop(self, self.instance.run()) if self._has_own_loop() else mailbox_loop(self)

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
        start_failed = self.starter is not None
        if start_failed or self.rare is not NOTHING_RARE:
            self.start_failed = start_failed
        self.message, self.envelope = NO_MESSAGE, None
        self.in_hand = False
        final = start_failed or self._is_final() or (error is not None and exit_in(error) is not None)
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
