"""The machinery of one actor: its life from spawn to end. Only this file touches an actor's insides.

A cell owns one asyncio task, one mailbox and, one after the other, the incarnations of one actor. Its task
lives as long as the actor does, over restarts:

    start, turns, wind down  ->  its supervisor decides  ->  again, or the end

What others ask of it (close, stop, kill, a failure from outside) is noted down, and the task sees to it
between two messages; only a kill interrupts. Everything here runs on the system's thread.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context as Variables
from typing import TYPE_CHECKING, Any, cast

from actorio._dispatcher import Dispatcher, Waiter
from actorio._envelope import (
    ENDED,
    ENVELOPES,
    NO_MESSAGE,
    Deferred,
    Envelope,
    Submission,
    check_no_cycle,
    is_message,
    payload,
)
from actorio._hooks import Hooks
from actorio._states import Intent, Options, State, Verdict
from actorio._turns import hook, mailbox_loop, own_loop
from actorio.actor import Actor, Context
from actorio.address import child_path
from actorio.errors import (
    ActorError,
    ActorExit,
    ActorStoppedError,
    ExitReason,
    LinkedActorError,
    MailboxFullError,
)
from actorio.events import ActorFailed, ActorRestarted, ActorStarted, ActorStopped, DeadLetter
from actorio.mailbox import Item, Mailbox, Room
from actorio.ref import ActorRef, Statistics, Terminated

if TYPE_CHECKING:
    from actorio._children import Children
    from actorio.system import ActorSystem
    from actorio.timers import Alarm

__all__ = ["Cell"]

KILL_GRACE = 0.25
"""Seconds between a kill, the second cancel, and giving the task up."""


class Cell:
    """One actor, alive or ended."""

    __slots__ = (
        "__weakref__",
        "_alarm",
        "_ref",
        "args",
        "cancel_soon",
        "children",
        "context",
        "deferred",
        "dispatcher",
        "envelope",
        "error",
        "factory",
        "failed",
        "failure",
        "handled",
        "hooks",
        "in_hand",
        "incarnation",
        "instance",
        "intent",
        "interrupted",
        "joiners",
        "last_report",
        "links",
        "mailbox",
        "message",
        "name",
        "notices",
        "observer",
        "options",
        "parked",
        "path",
        "reason",
        "receive",
        "restarts",
        "siblings",
        "start_failed",
        "starter",
        "state",
        "stopper",
        "system",
        "task",
        "tasks",
        "timers",
        "urgent",
        "waiter",
        "waits_on",
        "watchers",
        "watching",
    )  # fmt: skip

    def __init__(
        self,
        siblings: Children,
        factory: Callable[..., Actor[Any]],
        args: tuple[Any, ...],
        name: str,
        mailbox: Mailbox[Any],
        options: Options,
    ) -> None:
        system = siblings.system
        self.system: ActorSystem = system
        self.siblings = siblings
        self.factory = factory
        self.args = args
        self.name = name
        self.path = child_path(siblings.path, name)
        self.mailbox = mailbox
        self.options = options
        self.dispatcher = system.dispatcher
        self.observer = system.observer
        self._ref: Any = None
        self.waiter = _Sleep(self.dispatcher, self.path)
        self.state = State.STARTING
        self.intent = Intent.NONE
        self.incarnation = self.restarts = self.handled = self.failed = 0
        self.task: asyncio.Task[None] | None = None
        self.instance: Actor[Any] | None = None
        self.hooks: Hooks | None = None
        self.context: Context | None = None
        self.children: Children | None = None
        # what the turn is at
        self.message: Any = NO_MESSAGE
        self.in_hand = False
        self.envelope: Envelope | None = None
        self.interrupted: Envelope | None = None
        self.cancel_soon = False
        self.waits_on: Cell | None = None
        # what came from outside
        self.urgent = False
        self.failure: BaseException | None = None
        self.notices: deque[Terminated] | None = None
        self.parked = False
        # who is to be told; made when needed
        self.starter: Waiter | None = None
        self.start_failed = False
        self.joiners: list[Waiter] | None = None
        self.watchers: dict[Cell, None] | None = None
        self.watching: dict[Cell, None] | None = None
        self.links: dict[Cell, None] | None = None
        self.deferred: dict[Envelope, None] | None = None
        self.timers: dict[Any, Any] | None = None
        self.tasks: dict[asyncio.Task[Any], None] | None = None
        self.stopper: asyncio.Task[None] | None = None
        self.reason: ExitReason | None = None
        self.error: BaseException | None = None
        self.last_report = -1e9
        self._alarm: Alarm | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has ended for good."""
        return self.reason is not None

    @property
    def ref(self) -> ActorRef[Any]:
        """The ref of the actor: one object, held weakly after the end so that no cycle is left to collect."""
        ref = self._ref if self.state is not State.ENDED or self._ref is None else self._ref()
        if ref is None:
            ref = ActorRef(self)
            self._ref = ref if self.state is not State.ENDED else weakref.ref(ref)
        return cast("ActorRef[Any]", ref)

    # -- the life ----------------------------------------------------------------------------------

    def construct(self) -> None:
        """Make a new instance from the spawn's factory and arguments, in contextvars of its own."""
        instance = Variables().run(self.factory, *self.args)
        if not isinstance(instance, Actor):
            raise TypeError(f"the factory of {self.path} must return an Actor, not {type(instance).__name__}")
        self.instance = instance
        self.hooks = Hooks.of(instance)
        self.receive = instance.receive
        self.context = instance.context = Context(self)
        if self.observer is not None:
            self.observer.constructed(self)

    def launch(self) -> None:
        """Begin the first incarnation: its task now, or, where there is nothing to start, at its first mail.

        An actor that never had mail costs no task: half of the memory and of the time of a spawn (the
        benchmarks `idle` and `fjcreate` pay for it).
        """
        hooks = self.hooks
        if hooks is not None and hooks.on_start:
            self.starter = Waiter(self.dispatcher)
            self.begin()
            return
        self.mark_started()
        if hooks is not None and hooks.own_loop:
            self.begin()
        else:
            self.mailbox.sleeper = self

    def wake(self) -> None:
        """The first mail has come; called by the mailbox."""
        self.dispatcher.check_loop()
        self.begin()

    def begin(self) -> None:
        """Start the task.

        Its coroutine has begun before the task exists: a task cancelled before its first step would drop an
        unstarted coroutine, and nobody would be told of the actor's end.
        """
        life = self._live()
        life.send(None)
        self.task = self.system.make_task(life, self.path)

    async def _live(self) -> None:
        try:
            await _BEGIN
        except asyncio.CancelledError:
            self._request(Intent.KILL)
        try:
            while True:
                try:  # the turns are awaited right here: each wake-up passes through this frame
                    if self.state is not State.RUNNING:
                        await self._start()
                    if not self.must_end():
                        await self._loop()
                    outcome: tuple[ExitReason, BaseException | None] = self.exit_reason(), None
                except ActorExit:
                    outcome = self.exit_reason(), None
                except BaseException as error:
                    if isinstance(error, GeneratorExit) and not self._is_running():
                        raise  # the coroutine is closed with its loop
                    outcome = self._reason_of(error)
                self._leave_turn()
                verdict = self._verdict(*outcome)
                if self._has_to_wind_down():
                    await self._wind_down(*outcome, verdict)
                self._drop_instance(outcome[0])
                if self.state is State.ENDED:  # it was given up for dead, and has come back too late
                    return
                if verdict is Verdict.END or not await self._until_restart(verdict):
                    break
                self.incarnation += 1
                self.restarts += 1
                del outcome  # or the failure would be kept for as long as the next incarnation runs
            self._end(*self._final(outcome))
        except Exception as error:
            self.system.broken(self.path, error)

    def _is_running(self) -> bool:
        return self.task is not None and asyncio.current_task(self.dispatcher.loop) is self.task

    def _leave_turn(self) -> None:
        self.dispatcher.current = None
        self.mailbox.sleeper = None
        self.waits_on = None

    async def _start(self) -> None:
        self.state = State.STARTING
        if self.instance is None:
            self.construct()
        if self.hooks.on_start:  # type: ignore[union-attr]
            await hook(self, self.instance.on_start)  # type: ignore[union-attr]
        if self.state is State.STARTING:  # not when it was given up for dead in the meantime
            self.mark_started()

    def mark_started(self) -> None:
        """Note and tell that the incarnation has started."""
        self.state = State.RUNNING
        if self.incarnation:
            self._publish(ActorRestarted, self.incarnation)
            if self.observer is not None:
                self.observer.restarted(self)
        else:
            self._publish(ActorStarted)
            if self.observer is not None:
                self.observer.started(self)
        self._tell_starter()
        self.siblings.changed()

    def _loop(self) -> Any:
        if self.hooks.own_loop:  # type: ignore[union-attr]
            return own_loop(self, self.instance.run())  # type: ignore[union-attr]
        return mailbox_loop(self)

    def _reason_of(self, error: BaseException) -> tuple[ExitReason, BaseException | None]:
        if isinstance(error, asyncio.CancelledError) and self.is_killed():
            if self.intent is not Intent.ABORT:
                self.intent = Intent.KILL
            self._interrupt_in_hand()
            return ExitReason.KILLED, None
        if self.envelope is not None and self.in_hand:
            self.envelope.fail(error if isinstance(error, Exception) else ActorStoppedError(self.ref))
        self.failed += 1
        if self.starter is None:  # otherwise spawn raises it
            self._report(error)
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            self.system.end_by(error)
        return ExitReason.CRASHED, error

    def _interrupt_in_hand(self) -> None:
        """Give the message that a kill interrupted its fate."""
        message, envelope = self.message, self.envelope
        self.message, self.envelope = NO_MESSAGE, None
        self.in_hand = False
        if envelope is not None and envelope.answers:
            envelope.fail(ActorStoppedError(self.ref, ExitReason.KILLED))
        elif message is not NO_MESSAGE:
            self.dead_letter(message, "interrupted")

    def _verdict(self, reason: ExitReason, error: BaseException | None) -> Verdict:
        """Ask the supervisor, and shut the mailbox when this is the end."""
        if self.state is State.ENDED:
            return Verdict.END
        self.start_failed = self.starter is not None
        self.message, self.envelope = NO_MESSAGE, None
        self.in_hand = False
        final = self.start_failed or self._is_final() or isinstance(error, (SystemExit, KeyboardInterrupt))
        verdict = Verdict.END if final else self.siblings.decide(self, reason, error)
        if verdict is Verdict.END:
            self._shut()
        if self.observer is not None:
            self.observer.decided(self, reason, verdict)
        self.state = State.STOPPING
        return verdict

    def _is_final(self) -> bool:
        """Whether it was ended by hand, so that no supervisor is asked: stopped, or closed and drained."""
        return self.intent >= Intent.STOP or (self.mailbox.closed and not self.mailbox.items)

    def _shut(self) -> None:
        if not self.mailbox.closed:
            self.mailbox.close()
            self.mailbox.refuse_waiting(self._undeliverable)

    def _has_to_wind_down(self) -> bool:
        """Whether the end of the incarnation takes more than dropping its instance."""
        hooks = self.hooks
        return bool(self.children or self.timers or self.tasks or (hooks is not None and hooks.last))

    async def _wind_down(self, reason: ExitReason, error: BaseException | None, verdict: Verdict) -> None:
        """End what belongs to an incarnation: children, timers and tasks first, then call the hooks."""
        if self.children is not None:
            await self._stop_children(self.children, self._intent_for_children(reason))
            self.children = None
        await self._end_own_work()
        hooks = self.hooks
        if self.instance is not None and hooks is not None:
            if verdict is Verdict.END and hooks.on_undelivered and reason is not ExitReason.KILLED:
                await self._last_hook("on_undelivered", self._undelivered(), reason)
            if hooks.on_stop and not self.must_end_at_once():
                await self._last_hook("on_stop", reason)
            await self._end_own_work()  # of the hooks

    async def _end_own_work(self) -> None:
        self._drop_timers()
        if self.tasks:
            await self._cancel_tasks()

    async def _stop_children(self, children: Children, intent: Intent) -> None:
        while True:
            try:
                return await children.stop_all(intent)
            except asyncio.CancelledError:  # a cancel of this actor's task while it ends is a kill
                intent = Intent.KILL
                if self.intent is not Intent.ABORT:
                    self.request(intent)

    def _intent_for_children(self, reason: ExitReason) -> Intent:
        if reason is ExitReason.KILLED:
            return Intent.KILL
        return Intent.CLOSE if self.intent is Intent.CLOSE and reason is ExitReason.NORMAL else Intent.STOP

    async def _last_hook(self, name: str, *args: Any) -> None:
        """Run a hook in a task of its own, which no cancel of the actor reaches, within the shutdown time.

        Only a kill ends the wait; a failure is reported and becomes the actor's, if it had none.
        """
        function = getattr(self.instance, name)
        if self.observer is not None:
            self.observer.last_hook(self, name)
        task = self.system.make_task(run_hook(function, args), f"{self.path} {name}", Variables())
        self.stopper = task
        limit = self.options.shutdown
        alarm = self.system.timers.after(limit, task.cancel) if limit is not None else None
        error = await self._outcome_of(task) or task.result()
        self.stopper = None
        late = alarm is not None and not alarm.cancel()
        if late and isinstance(error, asyncio.CancelledError):
            error = TimeoutError(f"{name} of {self.path} took longer than shutdown={limit:g} s")
        if error is not None and not (self.must_end_at_once() and isinstance(error, asyncio.CancelledError)):
            self._report(error)
            self.error = error
            if isinstance(error, (SystemExit, KeyboardInterrupt)):
                self.system.end_by(error)

    async def _outcome_of(self, task: asyncio.Task[Any]) -> BaseException | None:
        """Wait for a task of the cell without passing cancels on; twice the grace after one, it is given up."""
        waiter = self.waiter
        task.add_done_callback(lambda _: waiter.wake())
        given_up = self.options.shutdown
        patience = (
            None if given_up is None else self.system.timers.after(given_up + 2 * KILL_GRACE, waiter.wake)
        )
        try:
            while not task.done() and (patience is None or patience.pending):
                try:
                    await waiter
                except asyncio.CancelledError:
                    if self.must_end_at_once():
                        task.cancel()
        finally:
            if patience is not None:
                patience.cancel()
        if not task.done():
            self.system.abandon(self, task)
            return TimeoutError(f"{task.get_name()} does not end, and was abandoned")
        return asyncio.CancelledError() if task.cancelled() else task.exception()

    async def _cancel_tasks(self) -> None:
        tasks, self.tasks = self.tasks or {}, None
        for task in tasks:
            task.cancel()
        for task in tasks:
            if not task.done():
                await self._outcome_of(task)

    def _drop_timers(self) -> None:
        timers, self.timers = self.timers, None
        for timer in tuple(timers or ()):
            timers[timer].cancel()  # type: ignore[index]

    def _drop_instance(self, reason: ExitReason) -> None:
        if self.context is not None:
            self.context._cell = None
        deferred, self.deferred = self.deferred, None
        for envelope in deferred or ():  # before the instance goes, and the handles that it holds with it
            envelope.fail(ActorStoppedError(self.ref, reason))
        self.instance = self.context = self.failure = None
        self.receive = _gone
        self.notices = None
        if self.watching:
            for watched in tuple(self.watching):
                self.unwatch(watched)
        if self.links:
            self._break_links(reason)
        if self.observer is not None:
            self.observer.stopped(self, reason)

    def _break_links(self, reason: ExitReason) -> None:
        links, self.links = self.links, None
        for linked in links or ():
            if linked.links is not None:
                linked.links.pop(self, None)
            linked.link_ended(self, reason)

    async def _until_restart(self, verdict: Verdict) -> bool:
        """Wait for the pause before a restart, or for the group; False when there will be none."""
        self.state = State.RESTARTING
        if self.intent is Intent.ABORT:
            self._end_abort()
        alarm = None
        if verdict is Verdict.WAIT:
            self.parked = True
            self.siblings.changed()
        elif (pause := self.siblings.pause_before_restart(self)) > 0:
            alarm = self.system.timers.after(pause, self._poke)
        self.waiter.wake()  # one that fails to start, time after time, is not to hold up all the others
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
            await self.waiter
        except asyncio.CancelledError:
            if self.task is not None and self.task.cancelling():  # not the last of an abort, come late
                self.intent = Intent.KILL

    def _end_abort(self) -> None:
        """The incarnation that was aborted is gone: the cancels were for it."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self.task is not None and self.task.cancelling():
            self.task.uncancel()

    def _final(
        self, outcome: tuple[ExitReason, BaseException | None]
    ) -> tuple[ExitReason, BaseException | None]:
        reason, error = outcome
        hook_error, self.error = self.error, None
        if error is None and hook_error is not None:
            return ExitReason.CRASHED, hook_error
        if self.intent is Intent.KILL:
            return ExitReason.KILLED, error
        return reason, error

    def _end(self, reason: ExitReason, error: BaseException | None) -> None:
        """The end for good: every message has its fate, the name is free, then all are told."""
        if self.state is State.ENDED:
            return
        self.reason, self.error = reason, error
        self.start_failed = self.start_failed or self.starter is not None
        self._shut()
        for item in self.mailbox.drain():
            self._give_up(item)
        if self._ref is not None:
            self._ref = weakref.ref(self._ref)
        self.state = State.ENDED
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self.system.forget(self)
        self.siblings.remove(self)
        if self.observer is not None:
            self.observer.ended_for_good(self, reason)
        if not self.start_failed:
            self._publish(ActorStopped, reason, error)
        self._tell_all()

    def _tell_all(self) -> None:
        watchers, self.watchers = self.watchers, None
        if watchers:
            notice = self.terminated()
            for watcher in watchers:
                watcher.notify(notice)
        self._tell_starter()
        joiners, self.joiners = self.joiners, None
        for joiner in joiners or ():
            joiner.wake()
        self.siblings.child_ended(self)

    def _tell_starter(self) -> None:
        starter, self.starter = self.starter, None
        if starter is not None:
            starter.wake()

    # -- what others ask of it ---------------------------------------------------------------------

    def request(self, intent: Intent) -> None:
        """Note down what is asked and wake the task; idempotent, the mightier intent wins."""
        if intent is Intent.KILL:
            for cell in self._subtree() if self.intent is not intent else ():
                cell._request(intent)
        else:
            self._request(intent)

    def _subtree(self) -> list[Cell]:
        """Return this cell and all below, parents first; without recursion, since trees are deep."""
        cells = [self]
        for cell in cells:
            if cell.children is not None:
                cells.extend(cell.children.table.values())
        return cells

    def _request(self, intent: Intent) -> None:
        if self.state is State.ENDED:
            return
        if intent is Intent.CLOSE or intent >= Intent.STOP:
            self._shut()
        if intent > self.intent:
            if self.observer is not None:
                self.observer.requested(self, intent)
            self.intent = intent
            if intent >= Intent.ABORT and self.children is not None:
                self.children.begin_stop(Intent.KILL if intent is Intent.ABORT else intent)
            if self.must_end_at_once():
                self._kill()
            self.urgent = self.urgent or intent is not Intent.CLOSE
        self._poke()

    def _kill(self) -> None:
        self._alarm = self.system.timers.after(KILL_GRACE, self._cancel_again)
        if self.stopper is not None:
            self.stopper.cancel()
        if self.dispatcher.current is self:
            self.cancel_soon = True
        elif self.task is not None:
            self.task.cancel()

    def resume(self) -> None:
        """The group of a parked cell starts again, and it is this one's turn."""
        self.parked = False
        self._poke()

    def _cancel_again(self) -> None:
        self._alarm = self.system.timers.after(KILL_GRACE, self._give_up_task)
        if self.task is not None:
            self.task.cancel()

    def _give_up_task(self) -> None:
        self._alarm = None
        if self.children is not None and self.children.table:
            self._alarm = self.system.timers.after(KILL_GRACE, self._give_up_task)
            return
        if self.task is not None and self.state is not State.ENDED:
            self.system.abandon(self, self.task)
        self._interrupt_in_hand()
        self._drop_timers()
        for task in self.tasks or ():
            task.cancel()
        self._drop_instance(ExitReason.KILLED)
        self._end(ExitReason.KILLED, None)

    def _poke(self) -> None:
        """Have the task look again."""
        sleeper = self.mailbox.sleeper
        if sleeper is self:
            self.mailbox.sleeper = None
            self._begin_or_end()
            return
        if sleeper is self.waiter:
            self.mailbox.sleeper = None
        elif self.state is State.RUNNING:
            return
        self.waiter.wake()

    def _begin_or_end(self) -> None:
        """Something is asked of an actor that never had mail: without hooks to call, it can end at once."""
        if self.failure is None and not self._has_to_wind_down() and self.intent not in (0, Intent.RECYCLE):
            reason = self.exit_reason()
            if self._verdict(reason, None) is Verdict.END:
                self._drop_instance(reason)
                self._end(*self._final((reason, None)))
                return
            self.state = State.RUNNING
        self.begin()

    def fail_from_outside(self, error: BaseException) -> None:
        """Make a failure of a child, a link or a background task this actor's own, after its current message."""
        if self.state is not State.ENDED and self.failure is None:
            self.failure = error
            self.urgent = True
            self._poke()

    def notify(self, notice: Terminated) -> None:
        """Queue the notice of a watched actor's end; it passes the mailbox. The watch is spent."""
        if self.watching is None or notice.ref._cell not in self.watching:
            return
        del self.watching[notice.ref._cell]
        if self.notices is None:
            self.notices = deque()
        self.notices.append(notice)
        self.urgent = True
        self._poke()

    def link_ended(self, other: Cell, reason: ExitReason) -> None:
        """A linked incarnation has ended: a normal end does not spread, an orderly stop does as one."""
        if reason is ExitReason.SHUTDOWN:
            self.request(Intent.RETIRE)  # its supervisor decides, as after any end but one by hand
        elif reason is not ExitReason.NORMAL:
            self.fail_from_outside(LinkedActorError(other.ref, reason))

    def must_end(self) -> bool:
        """Whether no further message may run."""
        return self.intent > Intent.CLOSE

    def must_end_at_once(self) -> bool:
        """Whether the current message may not end either."""
        return self.intent is Intent.KILL or self.intent is Intent.ABORT

    def is_killed(self) -> bool:
        """Whether a cancel of the task is a kill: ours, or one from outside that nobody took back."""
        task = self.task
        return self.must_end_at_once() or (
            self.interrupted is None and task is not None and task.cancelling() > 0
        )

    def exit_reason(self) -> ExitReason:
        """Return the reason that the present intent leads to."""
        if self.must_end_at_once():
            return ExitReason.KILLED
        if self.intent in (Intent.STOP, Intent.RETIRE, Intent.RECYCLE):
            return ExitReason.SHUTDOWN
        return ExitReason.NORMAL

    # -- messages ----------------------------------------------------------------------------------

    def accepted(self, item: Item) -> None:
        """Tell the observer, if there is one, that the mailbox has taken an item."""
        if self.observer is not None:
            self.observer.accepted(self, item)

    def queue_up(self, item: Item, room: Room) -> None:
        """Give an item for which there is no room its place in the line."""
        self.mailbox.queue_up(item, room)
        if self.observer is not None:
            self.observer.queued(self, item)

    def put(self, item: Item) -> bool:
        """Store an item now, if it can be; False when it would have to wait for room or fail.

        Raises:
            ActorStoppedError: the mailbox is closed.
        """
        if self.mailbox.closed:
            raise self._undeliverable(item)
        if self.dispatcher.current is self and self.mailbox.full():
            self.mailbox.force(item)
        elif not self.mailbox.accept(item, self._dropped):
            return False
        self.accepted(item)
        return True

    def post_tick(self, tick: Envelope) -> bool:
        """Put a timer's tick in, above the capacity if need be; False when the actor takes no more."""
        if self.mailbox.closed:
            return False
        self.mailbox.force(tick)
        self.accepted(tick)
        return True

    def _dropped(self, item: Item) -> None:
        if type(item) in ENVELOPES and item.answers:
            item.fail(MailboxFullError(self.ref, payload(item)))
        else:
            self.dead_letter(payload(item), "dropped")

    def _undeliverable(self, item: Item) -> ActorStoppedError:
        return ActorStoppedError(self.ref, self.reason, payload(item))

    def _give_up(self, item: Item) -> None:
        """Give an item that will not be handled its fate."""
        if type(item) in ENVELOPES:
            if item.state >= ENDED:
                return  # a cancelled tick, or an ask that nobody waits for: it has its fate
            if item.answers:
                item.fail(self._undeliverable(item))
                return
        self.dead_letter(payload(item), "stopped")

    def _undelivered(self) -> list[Any]:
        """Return the one-way messages left; those of asks are told to their askers."""
        return [
            payload(item)
            for item in self.mailbox.items
            if is_message(item) and not (type(item) in ENVELOPES and (item.answers or item.state >= ENDED))
        ]

    def dead_letter(self, message: Any, reason: str) -> None:
        """Publish a message that will not be handled."""
        if self.observer is not None:
            self.observer.dead_letter(self, message, reason)
        self._publish(DeadLetter, message, reason)

    def wait_of_current(self) -> Callable[[], None] | None:
        """Note that the actor whose turn it is waits for this one; returns how to take that back.

        Raises:
            DeadlockError: that would close a cycle.
        """
        waiting = self.system.current()
        if waiting is None:
            return None
        check_no_cycle(waiting, self)
        waiting.waits_on = self

        def release() -> None:
            if waiting.waits_on is self:
                waiting.waits_on = None

        return release

    # -- inside a turn -----------------------------------------------------------------------------

    @property
    def reply_errors(self) -> tuple[type[Exception], ...]:
        """The exceptions that are answers, not failures."""
        return self.instance.reply_errors  # type: ignore[union-attr]

    def bind(self, method: Callable[..., Any]) -> Any:
        """Return the method, bound to the instance; a subclass's own version of it when there is one."""
        instance = self.instance
        name = getattr(method, "__name__", "")
        for owner in type(instance).__mro__:
            if owner.__dict__.get(name) is method:
                return getattr(instance, name)
        raise TypeError(
            f"{getattr(method, '__qualname__', method)!r} is not a method of {type(instance).__qualname__}"
        )

    def submitted(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run submitted work the way the actor runs it."""
        return self.instance.on_submit(func, *args, **kwargs)  # type: ignore[union-attr]

    def start_soon(
        self, func: Callable[..., Any], args: tuple[Any, ...], variables: Variables
    ) -> asyncio.Task[Any]:
        """Start a task of this incarnation."""
        work = func(*args)
        if not inspect.iscoroutine(work):
            raise TypeError(f"start_soon takes a coroutine function, not {func!r}")
        name = f"{self.path} {getattr(func, '__name__', 'task')}"
        task = self.system.make_task(self._background(work), name, variables)
        if self.tasks is None:
            self.tasks = {}
        self.tasks[task] = None
        task.add_done_callback(lambda _: work.close())  # cancelled before its first step, it was never awaited
        task.add_done_callback(self._background_done)
        return task

    async def _background(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except (SystemExit, KeyboardInterrupt) as error:  # raised by a task, it would stop the loop at once
            self.fail_from_outside(error)

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        if self.tasks is not None and task in self.tasks:
            del self.tasks[task]
            if not task.cancelled() and task.exception() is not None:
                self.fail_from_outside(task.exception())  # type: ignore[arg-type]
        elif not task.cancelled() and task.exception() is not None:
            self._report(task.exception())  # type: ignore[arg-type]

    def offspring(self) -> Children:
        """Return the table of its children, made when first asked for."""
        if self.children is None:
            if self.intent >= Intent.ABORT or self.state is State.STOPPING:
                raise ActorStoppedError(self.ref)  # the children that there were have ended already
            supervision = self.instance.supervision  # type: ignore[union-attr]
            self.children = self.system.children_of(self, supervision)
        return self.children

    def defer(self) -> Deferred:
        """Take the current ask away, to be answered later."""
        envelope = self.envelope
        if envelope is None or not envelope.answers:
            raise ActorError(f"{self.path} has no ask to defer: the current message expects no reply")
        envelope.defer()
        if self.deferred is None:
            self.deferred = {}
        self.deferred[envelope] = None
        return Deferred(self, envelope)

    def interrupt(self, envelope: Submission) -> None:
        """Cancel the running work at its next await, and nothing else."""
        if self.envelope is envelope and self.interrupted is None:
            self.interrupted = envelope
            if self.dispatcher.current is self:
                self.cancel_soon = True
            elif self.task is not None:
                self.task.cancel()

    def cancel_now(self) -> None:
        """Deliver a cancel that was asked for from inside the turn, at the await that is just beginning."""
        self.cancel_soon = False
        if self.task is not None:
            self.task.cancel()

    def end_interrupt(self) -> None:
        """The interrupted work has ended: its cancel is spent."""
        self.interrupted = None
        if not self.cancel_soon and self.task is not None and not self.must_end_at_once():
            self.task.uncancel()
        self.cancel_soon = False

    def count_failed_answer(self, error: BaseException, unheard: bool) -> None:
        """Count an exception that was an answer; one that nobody heard is reported."""
        self.failed += 1
        if unheard:
            self._report(error)

    def statistics(self) -> Statistics:
        """Return the counters."""
        depth = len(self.mailbox.items)
        return Statistics(depth, max(self.mailbox.peak, depth), self.handled, self.failed, self.restarts)

    # -- watches and links -------------------------------------------------------------------------

    def watch(self, other: Cell) -> None:
        """Be told once when the other has ended, now if it has."""
        if self.observer is not None:
            self.observer.watched(self, other)
        if other.state is State.ENDED and any(notice.ref == other.ref for notice in self.notices or ()):
            return
        if self.watching is None:
            self.watching = {}
        self.watching[other] = None
        if other.state is State.ENDED:
            self.notify(other.terminated())
            return
        if other.watchers is None:
            other.watchers = {}
        other.watchers[self] = None

    def unwatch(self, other: Cell) -> None:
        """Take a watch back, with a notice that is queued already."""
        if self.observer is not None:
            self.observer.unwatched(self, other)
        if self.watching is not None:
            self.watching.pop(other, None)
        if other.watchers is not None:
            other.watchers.pop(self, None)
        if self.notices:
            self.notices = deque(notice for notice in self.notices if notice.ref != other.ref)

    def link(self, other: Cell) -> None:
        """Bind the fates of two incarnations."""
        if other is self:
            return
        if other.state is State.ENDED:
            self.link_ended(other, other.reason or ExitReason.NORMAL)
            return
        for one, two in ((self, other), (other, self)):
            if one.links is None:
                one.links = {}
            one.links[two] = None

    def unlink(self, other: Cell) -> None:
        """Take a link back."""
        for one, two in ((self, other), (other, self)):
            if one.links is not None:
                one.links.pop(two, None)

    def terminated(self) -> Terminated:
        """Return the notice of an actor that has ended."""
        return Terminated(self.ref, self.reason or ExitReason.NORMAL, self.error)

    # -- telling -----------------------------------------------------------------------------------

    def _publish(self, kind: Any, *details: Any) -> None:
        events = self.system.events
        if events.wants(kind):
            events.publish(kind(self.ref, *details))

    def _report(self, error: BaseException) -> None:
        """Make a failure known: to the observer, to subscribers, and, at most once a second, to the log."""
        message = None if self.message is NO_MESSAGE else self.message
        if self.observer is not None:
            self.observer.failed(self, message, error)
        self._publish(ActorFailed, error, message)
        self.last_report = self.system.log_failure(self, message, error, self.last_report)


def _gone(message: Any) -> None:
    """Stands for `receive` between two incarnations."""
    raise ActorError("there is no incarnation to handle a message")


class _Begin:
    """Awaited first in a cell's life, which is begun by hand."""

    def __await__(self) -> Generator[None, None, None]:
        yield


_BEGIN = _Begin()


class _Sleep(Waiter):
    """What a cell's own task awaits."""

    __slots__ = ("_path",)

    def __init__(self, dispatcher: Dispatcher, path: str) -> None:
        super().__init__(dispatcher)
        self._path = path

    @property
    def owner(self) -> str:
        return self._path


async def run_hook(function: Callable[..., Any], args: tuple[Any, ...] = ()) -> BaseException | None:
    """Run a hook that may be a plain function, and return what it raised.

    A task that raises SystemExit or KeyboardInterrupt stops the loop in the middle of everything.
    """
    try:
        outcome = function(*args)
        if inspect.isawaitable(outcome):
            await outcome
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return error
    return None
