"""The requests of an actor's code to its cell, while it has its turn."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Coroutine
from types import MethodType
from typing import TYPE_CHECKING, Any

from actorio._cell.owned.deferred import Deferred
from actorio._cell.owned.idle_timeout import IdleTimeout
from actorio._cell.owned.interleaved import InterleavedCall, InterleavedCalls
from actorio._cell.states import Intent, State
from actorio._cell.watch_and_link import WatchAndLink
from actorio._core.checks import check_instance, has_yield
from actorio._core.envelope import ANSWERED, ENDED, Cast
from actorio._core.request import Call, Submission
from actorio.errors import (
    ActorError,
    ActorStoppedError,
    MailboxFullError,
    describe,
    exit_in,
)
from actorio.policy import Supervision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context as Variables

    from actorio._cell.surroundings import Siblings
    from actorio._core.envelope import Envelope

__all__ = ["Turn"]


class Turn(WatchAndLink):
    """A cell's turn."""

    __slots__ = ()

    def bind(self, method: Callable[..., Any]) -> Any:
        """Return the method, bound to the instance; a subclass's own version of it when there is one."""
        instance = self.instance
        name = getattr(method, "__name__", "")
        bound = getattr(instance, name, None)
        if type(bound) is MethodType and bound.__func__ is method and bound.__self__ is instance:
            return bound  # the usual case; what follows finds what a subclass overrides, and other kinds of methods
        for owner in type(instance).__mro__:
            if owner.__dict__.get(name) is method:
                return getattr(instance, name)
        for owner in type(instance).__mro__:  # by another name than its own: decorated, or a lambda
            for known_as, attribute in vars(owner).items():
                if attribute is method:
                    return getattr(instance, known_as)
        raise TypeError(
            f"{getattr(method, '__qualname__', method)!r} is not a method of {type(instance).__qualname__}"
        )

    # -- calls of methods --------------------------------------------------------------------------

    def begin_interleaved(self, envelope: Call | Cast) -> bool:
        """Begin a call at once, beside the turns, if its method is interleaved and the actor takes messages.

        Raises:
            MailboxFullError: as many run as the mailbox has capacity.
        """
        if not self._is_interleaved(envelope) or not self._takes_messages():
            return False
        turns = InterleavedCalls.of(self)
        if not turns.has_room:
            error = MailboxFullError(self.ref, envelope.message)
            error.add_note("as many interleaved calls run as its mailbox has capacity")
            raise error
        if isinstance(envelope, Call):
            envelope.asker = self.runtime.current()
            if (tell := self.observers.asked) is not None:
                tell(self, envelope)
        turns.begin(envelope)
        return True

    def _is_interleaved(self, envelope: Call | Cast) -> bool:
        hooks = self.hooks
        return hooks is not None and bool(hooks.interleaved) and envelope.invocation.name in hooks.interleaved

    def _takes_messages(self) -> bool:
        return (
            self.state == State.RUNNING
            and not self.mailbox.closed
            and not self.must_end()
            and self.failure is None
            and not (self.errands is not None and self.errands.is_suspended)
        )

    def call(self, envelope: Call | Cast) -> Any:
        """Run the method of a call out of the mailbox: in this turn, or, interleaved, beside it from now on."""
        if self._is_interleaved(envelope):
            return InterleavedCalls.of(self).begin_or_drop(envelope)
        return self.run_method(envelope)

    def run_method(self, envelope: Call | Cast) -> Any:
        """Run the method of a call: its value, or an awaitable of it."""
        invocation = envelope.invocation
        method, args, kwargs = self.bind(invocation.func), invocation.args, invocation.kwargs
        if getattr(method, "__func__", None) is not invocation.func and has_yield(method):
            raise TypeError(f"{describe(method)} has a yield in it, and is for ref.stream")
        idle = None if self.owned is None else IdleTimeout.of(self)
        if idle is None:
            return method(*args, **kwargs)
        return idle.during(functools.partial(method, *args, **kwargs))

    # -- submitted work ----------------------------------------------------------------------------

    def submitted(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run submitted work the way the actor runs it."""
        run = self.instance.on_submit
        idle = None if self.owned is None else IdleTimeout.of(self)
        if idle is None:
            return run(func, *args, **kwargs)
        return idle.during(functools.partial(run, func, *args, **kwargs))

    def at_hand(self) -> Envelope | None:
        """Return the envelope of the message that the turn is at, None when it has none.

        Raises:
            ActorError: it is an interleaved method that asks.
        """
        current = self.run_queue.current
        if isinstance(current, InterleavedCall) and current.cell is self:
            raise ActorError(
                f"an interleaved method of {self.path} has no message of its own: it answers by what it returns"
            )
        return self.envelope

    def defer(self) -> Deferred:
        """Take the current ask away, to be answered later."""
        envelope = self.at_hand()
        if envelope is None or not envelope.answers:
            raise ActorError(f"{self.path} has no ask to defer: the current message expects no reply")
        if envelope.state == ANSWERED:
            raise ActorError(f"{self.path} has replied to the current ask already")
        if envelope.state < ENDED:  # otherwise nobody waits for it any more, and the handle is for nothing
            envelope.defer()
            if self.deferred is None:
                self.deferred = {}
            self.deferred[envelope] = None
        return Deferred(self, envelope)

    def offspring(self) -> Siblings:
        """Return the table of its children, made when first asked for."""
        if self.children is None:
            if self.intent >= Intent.RESTART_NOW or self.state == State.STOPPING:
                raise ActorStoppedError(self.ref)  # the children that there were have ended already
            supervision = check_instance("supervision", self.instance.supervision, Supervision)
            self.children = self.runtime.children_of(self, supervision)
        return self.children

    def start_soon(
        self, func: Callable[..., Any], args: tuple[Any, ...], variables: Variables, *, begun: bool = False
    ) -> asyncio.Task[Any]:
        """Start a task of this incarnation.

        One that is to be `begun` awaits `BEGIN` first, and gets there before this returns: a cancel before the first
        step of the task finds it there.
        """
        work = func(*args)
        if not inspect.isawaitable(work):
            raise TypeError(f"start_soon takes a coroutine function, not {func!r}")
        name = f"{self.path} {getattr(func, '__name__', 'task')}"
        background = self._background(work)
        if begun:
            background.send(None)
        task = self.start_task(background, name, variables)
        if isinstance(work, Coroutine):  # cancelled before its first step, it was never awaited
            task.add_done_callback(lambda _: work.close())
        task.add_done_callback(self._background_done)
        return task

    def start_task(
        self, work: Coroutine[Any, Any, Any], name: str, variables: Variables | None = None
    ) -> asyncio.Task[Any]:
        """Start a task that the end of the incarnation cancels."""
        task = self.runtime.make_task(work, name, variables)
        if self.tasks is None:
            self.tasks = {}
        self.tasks[task] = None
        return task

    async def _background(self, work: Awaitable[Any]) -> Any:
        try:
            return await work
        except (SystemExit, KeyboardInterrupt) as error:  # raised by a task, it would stop the loop at once
            self.fail_by_task(asyncio.current_task(), error)

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        error = _failure_of(task)
        if error is not None:
            self.fail_by_task(task, error)
        self.task_ended(task)

    def fail_by_task(self, task: asyncio.Task[Any] | None, error: BaseException) -> None:
        """Make the failure of a task this incarnation's; one that comes at its end or later is only told of."""
        if self.tasks is not None and task in self.tasks and self.state != State.STOPPING:
            self.fail_from_outside(error)
        else:
            self.failed += 1
            self._report(error)
            if (exit_ := exit_in(error)) is not None:
                self.runtime.end_by(exit_)

    def task_ended(self, task: asyncio.Task[Any]) -> None:
        """Forget a task, which a closed actor may have waited for."""
        if self.tasks is not None and self.tasks.pop(task, task) is None and self.mailbox.closed:
            self._poke()

    def interrupt(self, envelope: Submission) -> None:
        """Cancel the running work at its next await, and nothing else."""
        if self.envelope is envelope and self.interrupted is None:
            self.interrupted = envelope
            if self.run_queue.current is self:
                self.cancel_soon = True
            elif self.task is not None:
                self.task.cancel()

    def forget_cancels(self) -> None:
        """Take back the cancels that a handler has swallowed: a later one of its own is no kill."""
        task = self.task
        while task is not None and task.cancelling() and not self.must_end_at_once():
            task.uncancel()

    def end_interrupt(self) -> None:
        """The interrupted work has ended: its cancel is spent."""
        self.interrupted = None
        if not self.cancel_soon and self.task is not None and not self.must_end_at_once():
            self.task.uncancel()
        self.cancel_soon = False


def _failure_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Return what a background task has failed with; one that was cancelled, by whomever, has not."""
    if not task.cancelled():
        return task.exception()
    if task.cancelling():
        return None
    return ActorError(f"{task.get_name()} was cancelled from the inside")
