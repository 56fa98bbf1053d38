"""What the code of an actor asks of its cell while it has its turn."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from actorio._envelope import (
    ANSWERED,
    ENDED,
    Deferred,
    Submission,
)
from actorio._states import Intent, State
from actorio.errors import (
    ActorError,
    ActorStoppedError,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from contextvars import Context as Variables

    from actorio._children import Children
from actorio._cell.bonds import Bonds

__all__ = ["Turn"]


class Turn(Bonds):
    """A cell's turn."""

    __slots__ = ()

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

    def defer(self) -> Deferred:
        """Take the current ask away, to be answered later."""
        envelope = self.envelope
        if envelope is None or not envelope.answers:
            raise ActorError(f"{self.path} has no ask to defer: the current message expects no reply")
        if envelope.state == ANSWERED:
            raise ActorError(f"{self.path} has replied to the current ask already")
        if envelope.state < ENDED:  # otherwise nobody waits for it any more, and the handle is for nothing
            envelope.defer()
            if self.deferred is None:
                self.deferred = {}
            self.deferred[envelope] = None
        return Deferred(self._whole, envelope)

    def offspring(self) -> Children:
        """Return the table of its children, made when first asked for."""
        if self.children is None:
            if self.intent >= Intent.ABORT or self.state is State.STOPPING:
                raise ActorStoppedError(self.ref)  # the children that there were have ended already
            supervision = self.instance.supervision  # type: ignore[union-attr]
            self.children = self.runtime.children_of(self._whole, supervision)
        return self.children

    def start_soon(
        self, func: Callable[..., Any], args: tuple[Any, ...], variables: Variables
    ) -> asyncio.Task[Any]:
        """Start a task of this incarnation."""
        work = func(*args)
        if not inspect.iscoroutine(work):
            raise TypeError(f"start_soon takes a coroutine function, not {func!r}")
        name = f"{self.path} {getattr(func, '__name__', 'task')}"
        task = self.runtime.make_task(self._background(work), name, variables)
        if self.tasks is None:
            self.tasks = {}
        self.tasks[task] = None
        task.add_done_callback(
            lambda _: work.close()
        )  # cancelled before its first step, it was never awaited
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
            self.failed += 1
            self._report(task.exception())  # type: ignore[arg-type]

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

    def count_failed_answer(self, error: BaseException, *, unheard: bool) -> None:
        """Count an exception that was an answer; one that nobody heard is reported."""
        self.failed += 1
        if unheard:
            self._report(error)
