"""The requests of an actor's code to its cell, while it has its turn."""

from __future__ import annotations

import functools
from types import MethodType
from typing import TYPE_CHECKING, Any

from actorio._cell.owned.deferred import Deferred
from actorio._cell.owned.idle_timeout import IdleTimeout
from actorio._cell.owned.interleave import InterleavedCall, InterleavedCalls
from actorio._cell.owned.tasks import Tasks
from actorio._cell.states import Intent, State
from actorio._core.checks import check_instance, has_yield
from actorio._core.envelope import ANSWERED, ENDED, Cast
from actorio._core.request import Call, Submission
from actorio.errors import (
    ActorError,
    ActorStoppedError,
    MailboxFullError,
    describe,
)
from actorio.policy import Supervision

if TYPE_CHECKING:
    from collections.abc import Callable

    from actorio._cell.protocols import Siblings
    from actorio._core.envelope import Envelope

__all__ = ["Turn"]


class Turn(Tasks):
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
        return hooks is not None and getattr(envelope.func, "__name__", "") in hooks.interleaved

    def _takes_messages(self) -> bool:
        return (
            self.state == State.RUNNING
            and not self.mailbox.closed
            and not self.must_end()
            and self.failure is None
            and not (self.errands is not None and self.errands.is_suspended)
        )

    def call(self, envelope: Call | Cast) -> Any:
        """Run the method of a call out of the mailbox: in this turn, or, interleaved, beside it from now on.

        The usual case is written out (`benchmarks.programs.operations` pays for it).
        """
        plain = envelope.plain
        if plain is not None and self.owned is None:
            name, function = plain
            method = getattr(self.instance, name, None)
            if (
                type(method) is MethodType and method.__func__ is function
            ):  # and not one that the instance has set
                kwargs = envelope.kwargs
                return method(*envelope.args, **kwargs) if kwargs else method(*envelope.args)
        if self._is_interleaved(envelope):
            return InterleavedCalls.of(self).begin_or_drop(envelope)
        value = self.run_method(envelope)
        if plain is None and self.hooks is not None:
            self.hooks.note_plain(envelope.func)
        return value

    def run_method(self, envelope: Call | Cast) -> Any:
        """Run the method of a call: its value, or an awaitable of it."""
        func, args, kwargs = envelope.func, envelope.args, envelope.kwargs
        method = self.bind(func)
        if getattr(method, "__func__", None) is not func and has_yield(method):
            raise TypeError(f"{describe(method)} has a yield in it, and is for ref.stream")
        idle = None if self.owned is None else IdleTimeout.of(self)
        if idle is None:
            return method(*args, **kwargs)
        return idle.during(functools.partial(method, *args, **kwargs))

    # -- submitted work ----------------------------------------------------------------------------

    def submitted(self, envelope: Submission) -> Any:
        """Run submitted work the way the actor runs it."""
        run = self.instance.on_submit
        func, args, kwargs = envelope.func, envelope.args, envelope.kwargs
        del envelope  # or the traceback of a failure, and what it holds, would keep each other alive
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
