"""What lies in a mailbox besides plain messages: asks, calls, casts and submitted work.

An envelope carries its sender's contextvars and knows how to run in an actor's turn and whom to tell what
came of it. It ends exactly once; whatever comes later is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, cast

from actorio._core.deadlines import RING, Entry
from actorio._core.result import Result, safe_exception
from actorio._core.run_queue import RunQueue, Waiter
from actorio.errors import (
    ActorStoppedError,
    AskCancelledError,
    AskTimeoutError,
    WrongThreadError,
    describe,
)

if TYPE_CHECKING:
    from actorio._core.deadlock import Waiting
    from actorio._core.recipient import Recipient, Told

__all__ = [
    "ANSWERED",
    "ENDED",
    "ENVELOPES",
    "NO_MESSAGE",
    "QUEUED",
    "RUNNING",
    "Arrival",
    "Call",
    "CalledInquiry",
    "Cast",
    "Envelope",
    "Inquiry",
    "Parcel",
    "Request",
    "Submission",
    "Tick",
    "is_message",
    "payload",
]

QUEUED, RUNNING, DEFERRED, ANSWERED, FAILED, WITHDRAWN = range(6)
"""The states of an envelope; from ANSWERED on it has ended, and nothing changes that."""
ENDED = ANSWERED

NO_MESSAGE: Any = object()
"""Says that a turn is at no message; None is a message like any other."""


class Envelope:
    """A message with a way to tell what came of it."""

    # No slots here, since two bases with slots cannot be mixed: each kind has these in slots of its own.
    __slots__ = ()

    message: Any
    """What a dead letter or an error hands back."""
    sender: Context | None
    """The contextvars of who sent it, None when they are empty."""
    state: int

    def begin(self) -> bool:
        """Mark that handling begins; False when it has ended already and must not run."""
        if self.state != QUEUED:
            return False
        self.state = RUNNING  # type: ignore[misc]
        return True

    def run(self, cell: Recipient) -> Any:
        """Start the work inside the actor's turn: the value, or an awaitable of it."""
        raise NotImplementedError

    def reply(self, value: Any) -> None:
        """End with a value."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        """End with an exception."""
        raise NotImplementedError

    def cancelled_by_handler(self) -> None:
        """End since the handler was cancelled from the inside."""
        raise NotImplementedError

    @property
    def answers(self) -> bool:
        """Whether somebody gets to see an exception of the work."""
        return True

    @property
    def is_message(self) -> bool:
        """Whether `recv` hands its message to an own loop; other work is done on the way."""
        return False

    def defer(self) -> None:
        """Somebody took it away, to be answered later."""
        self.state = DEFERRED  # type: ignore[misc]


class Parcel(Envelope):
    """A plain message with its sender's contextvars.

    A message whose sender has none lies in the mailbox as it is: nothing to allocate, and nothing for the
    garbage collector to look at (the benchmark `counting` pays for it).
    """

    __slots__ = ("message", "sender", "state")

    def __init__(self, message: Any, sender: Context | None) -> None:
        self.message = message
        self.sender = sender
        self.state = QUEUED

    def run(self, cell: Recipient) -> Any:
        return cell.instance.receive(self.message)

    def reply(self, value: Any) -> None:
        self.state = ANSWERED

    def fail(self, error: BaseException) -> None:
        self.state = FAILED

    def cancelled_by_handler(self) -> None:
        self.state = FAILED

    @property
    def answers(self) -> bool:
        return False

    @property
    def is_message(self) -> bool:
        return True


class Request(Waiter, Envelope):
    """An ask, awaited by the asker's task itself: no Future.

    Written for speed, at the cost of a second look: fields are set when first needed, and what `Waiter` does
    by a call is written out (the benchmark `pingpong` pays for it).
    """

    __slots__ = (
        "alarm",
        "asker",
        "cell",
        "deadline",
        "error",
        "message",
        "sender",
        "state",
        "timeout",
        "value",
    )

    timeout: float
    deadline: float
    error: BaseException | None
    value: Any

    def __init__(self, cell: Recipient, message: Any) -> None:
        run_queue = cell.run_queue
        self._loop = run_queue.loop
        self._asyncio_future_blocking = True
        self.seen = run_queue.woken
        self.callback = None
        self.cell = cell
        self.message = message
        self.sender = copy_context() or None
        self.state = QUEUED
        self.asker: Waiting | None = None
        self.alarm: Entry | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait once for the end; `outcome` says what it came to."""
        # An iterator in C, not a generator: half the cost, and what is thrown into it passes it by.
        return iter((self,))  # type: ignore[return-value]

    def outcome(self) -> Any:
        """Return the value, or raise what it failed with."""
        if self.state == FAILED:
            failure, self.error = self.error, None
            try:
                raise cast("BaseException", failure)
            finally:
                del failure  # or the traceback and this frame would keep each other alive
        return self.value

    def left(self, error: BaseException) -> None:
        """Withdraw it, since `error` has ended the wait for it."""
        if self.state < ANSWERED:
            self.cell.mailbox.leave_line(self)
            self.callback = None
            self._end(WITHDRAWN)
        if isinstance(error, RuntimeError):  # asyncio's word for a task of another loop
            raise WrongThreadError("ask was awaited on another event loop than the actor system's") from error

    def cancel(self, msg: object = None) -> bool:
        if self.callback is None or self.state >= ANSWERED:
            return False
        self.cell.mailbox.leave_line(self)
        self.show_cancelled(msg)
        self._end(WITHDRAWN)
        return True

    def wake(self) -> None:
        run_queue = self.cell.run_queue
        if not run_queue.scheduled:
            run_queue.schedule()
        run_queue.ready.append(self)

    def run(self, cell: Recipient) -> Any:
        return cell.instance.receive(self.message)

    def reply(self, value: Any) -> None:
        if self.state < ANSWERED:
            self.value = value
            cell = self.cell
            if cell.observers.answered is not None:
                self._end(ANSWERED)
                return
            alarm = self.alarm
            if alarm is not None:
                self.alarm = alarm[RING] = None
            self.state = ANSWERED
            asker = self.asker
            if asker is not None:
                asker.waits_on = self.asker = None
            run_queue = cell.run_queue
            if not run_queue.scheduled:
                run_queue.schedule()
            run_queue.ready.append(self)

    def fail(self, error: BaseException) -> None:
        if self.state < ANSWERED:
            self.error = safe_exception(error)
            self._end(FAILED)

    def set_alarm(self) -> None:
        """Have it expire at its deadline, unless it has ended: most have by the end of a pass of the run queue."""
        if self.state < ANSWERED:
            self.alarm = self.cell.runtime.timers.enter(self.deadline, self.expire)

    def expire(self) -> None:
        """End by timeout: not run when still queued; a handler that has begun goes on unharmed."""
        started = self.cell.has_begun(self)
        self.cell.mailbox.leave_line(self)
        self.fail(AskTimeoutError(self.cell.ref, self.timeout, started=started))

    def admitted(self) -> None:
        """The mailbox has let it in; what is awaited is the reply."""
        self.cell.accepted(self)

    refused = fail

    def cancelled_by_handler(self) -> None:
        asked = self.describe()
        self.fail(
            AskCancelledError(f"the handler of {self.cell.path} that was to answer {asked} was cancelled")
        )

    def describe(self) -> str:
        """Name what was asked, for an error."""
        return describe(self.message)

    @property
    def is_message(self) -> bool:
        return type(self) is Request

    def defer(self) -> None:
        """Taken away: the asker waits for whoever holds the reply now, not for a turn of the target."""
        self.state = DEFERRED
        asker = self.asker
        if asker is not None:
            asker.waits_on = None
            self.asker = None

    def _end(self, state: int) -> None:
        self.state = state
        if (tell := self.cell.observers.answered) is not None:
            tell(self.cell, self)
        asker, self.asker = self.asker, None
        if asker is not None:
            asker.waits_on = None
        alarm = self.alarm
        if alarm is not None:
            self.alarm = alarm[RING] = None
        self.wake()


class _Invocation:
    """A callable with its arguments."""

    __slots__ = ("args", "func", "kwargs")

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func = func
        self.args = args
        self.kwargs = kwargs

    @property
    def name(self) -> str:
        return getattr(self.func, "__name__", "")

    def __repr__(self) -> str:
        return getattr(self.func, "__qualname__", repr(self.func))


class Call(Request):
    """A call of a method, answered like an ask."""

    __slots__ = ("invocation",)

    def __init__(
        self, cell: Recipient, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        super().__init__(cell, func)
        self.invocation = _Invocation(func, args, kwargs)

    def run(self, cell: Recipient) -> Any:
        return cell.call(self)

    def describe(self) -> str:
        return repr(self.invocation)


class Cast(Parcel):
    """A call of a method that nobody waits for: fails the actor like a plain message."""

    __slots__ = ("invocation",)

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(func, copy_context() or None)
        self.invocation = _Invocation(func, args, kwargs)

    def run(self, cell: Recipient) -> Any:
        return cell.call(self)

    @property
    def is_message(self) -> bool:
        return False


class Tick(Parcel):
    """A timer's message: a cancelled or replaced one is never seen."""

    __slots__ = ("taken",)

    def __init__(self, message: Any, sender: Context | None, taken: Callable[[], None] | None) -> None:
        super().__init__(message, sender)
        self.taken = taken

    def begin(self) -> bool:
        if self.taken is not None:
            self.taken()
        return super().begin()


class Arrival(Tick):
    """What a task of the actor brings: an item of a source, what was piped. The task waits for its end."""

    __slots__ = ("over",)

    def __init__(self, run_queue: RunQueue, message: Any, sender: Context | None) -> None:
        super().__init__(message, sender, None)
        self.over = Waiter(run_queue)

    def reply(self, value: Any) -> None:
        super().reply(value)
        self.over.wake()

    def fail(self, error: BaseException) -> None:
        super().fail(error)
        self.over.wake()


class Submission(Envelope):
    """A function as a message, answered through a `Result`."""

    __slots__ = ("cell", "invocation", "message", "result", "sender", "state")

    def __init__(
        self, cell: Recipient, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.cell = cell
        self.invocation = _Invocation(func, args, kwargs)
        self.message = func
        self.sender = copy_context() or None
        self.state = QUEUED
        self.result: Result[Any] = Result(cell.run_queue.loop, on_cancel=self._cancelled, work=self)

    @property
    def value(self) -> Any:
        """The value that was the answer."""
        return self.result.result()

    @property
    def error(self) -> BaseException | None:
        """The exception that was the answer."""
        return self.result.exception()

    def run(self, cell: Recipient) -> Any:
        return cell.submitted(self.invocation.func, self.invocation.args, self.invocation.kwargs)

    def reply(self, value: Any) -> None:
        if self.state < ANSWERED:
            if not self.result.done():
                self.result.set_result(value)
            self._end(ANSWERED)

    def fail(self, error: BaseException) -> None:
        if self.state < ANSWERED:
            if not self.result.done():
                self.result.set_exception(error)
                if isinstance(error, ActorStoppedError) and error.ref == self.cell.ref:
                    self.result.exception()  # the actor has ended, not the work: no log line if nobody looks
            self._end(FAILED)

    refused = fail

    def admitted(self) -> None:
        """The mailbox has let it in."""
        self.cell.accepted(self)

    def cancelled_by_handler(self) -> None:
        self.fail(AskCancelledError(f"{self.invocation!r}, submitted to {self.cell.path}, was cancelled"))
        if not self.result.cancelled():
            self.result.exception()  # no log line if nobody looks: the actor's own failure is reported

    def _cancelled(self) -> None:
        was = self.state
        if was < ANSWERED:
            self._end(WITHDRAWN)
        if was == RUNNING:
            self.cell.interrupt(self)
        elif was == QUEUED:
            self.cell.mailbox.leave_line(self)

    def _end(self, state: int) -> None:
        self.state = state
        if (tell := self.cell.observers.answered) is not None:
            tell(self.cell, self)


class Inquiry(Envelope):
    """A message from elsewhere: who is told what came of it is no task of this system, but an object.

    Args:
        cell: the actor that it is for.
        message: what `receive` is given.
        told: is told once when the mailbox has let it in from its line, and once what came of it.
        asks: whether an answer is waited for.
        deadline: when nobody waits for the answer any more, a time of the loop's clock; None for never.
        tag: what `told` knows it by.
    """

    __slots__ = ("asks", "cell", "deadline", "message", "sender", "state", "tag", "told")

    def __init__(
        self,
        cell: Recipient,
        message: Any,
        told: Told,
        *,
        asks: bool,
        deadline: float | None = None,
        tag: Any = None,
    ) -> None:
        self.tag = tag
        self.cell = cell
        self.message = message
        self.told = told
        self.asks = asks
        self.deadline = deadline
        self.sender = None
        self.state = QUEUED

    def begin(self) -> bool:
        if self.deadline is not None and self.cell.run_queue.loop.time() >= self.deadline:
            self.withdraw()
        return super().begin()

    def run(self, cell: Recipient) -> Any:
        return cell.instance.receive(self.message)

    def reply(self, value: Any) -> None:
        if self.state < ANSWERED:
            self.state = ANSWERED
            self.told.replied(self, value)

    def fail(self, error: BaseException) -> None:
        if self.state < ANSWERED:
            self.state = FAILED
            self.told.failed(self, safe_exception(error))

    def admitted(self) -> None:
        """The mailbox has let it in."""
        self.cell.accepted(self)
        self.told.admitted(self)

    def refused(self, error: BaseException) -> None:
        """The mailbox never will let it in."""
        if self.state < ANSWERED:
            self.state = FAILED
            self.told.refused(self, error)

    def cancelled_by_handler(self) -> None:
        asked = describe(self.message)
        self.fail(
            AskCancelledError(f"the handler of {self.cell.path} that was to answer {asked} was cancelled")
        )

    def withdraw(self) -> None:
        """Nobody waits for it any more: it does not run, unless it has begun."""
        if self.state == QUEUED:
            self.state = WITHDRAWN
            self.told.withdrawn(self, in_line=self.cell.mailbox.leave_line(self))

    @property
    def answers(self) -> bool:
        return self.asks

    @property
    def is_message(self) -> bool:
        return True


class CalledInquiry(Inquiry):
    """A call or a cast from elsewhere."""

    __slots__ = ("invocation",)

    def __init__(
        self,
        cell: Recipient,
        called: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]],
        told: Told,
        *,
        asks: bool,
        deadline: float | None = None,
        tag: Any = None,
    ) -> None:
        super().__init__(cell, called[0], told, asks=asks, deadline=deadline, tag=tag)
        self.invocation = _Invocation(*called)

    def run(self, cell: Recipient) -> Any:
        return cell.call(self)

    @property
    def is_message(self) -> bool:
        return False


ENVELOPES: set[type] = {
    Parcel,
    Request,
    Call,
    Cast,
    Tick,
    Arrival,
    Submission,
    Inquiry,
    CalledInquiry,
}


def payload(item: Any) -> Any:
    """Return what a dead letter or an error hands back of an item of a mailbox."""
    return item.message if type(item) in ENVELOPES else item


def is_message(item: Any) -> bool:
    """Whether an item is for `receive` or `recv`; calls, casts and submitted work are not."""
    return type(item) not in ENVELOPES or item.is_message
