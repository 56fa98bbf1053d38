"""Asks, calls and submitted work: the envelopes that somebody here waits for, and how their wait ends.

A reply that comes when the wait has ended already, by a timeout or a cancel, is dropped without a word: `reply` and
`fail` do nothing from ANSWERED on.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from actorio._core.acceleration import COROUTINES, compiled
from actorio._core.ask_core import AskCore
from actorio._core.ask_timeout import AskTimeout
from actorio._core.checks import check_optional_duration
from actorio._core.deadlines import RING
from actorio._core.envelope import (
    ANSWERED,
    DEFERRED,
    ENVELOPES,
    FAILED,
    QUEUED,
    RUNNING,
    WITHDRAWN,
    Envelope,
    Invoking,
)
from actorio._core.hints import forgotten_await
from actorio._core.log import log
from actorio._core.result import Result, safe_exception
from actorio.errors import (
    ActorStoppedError,
    AskCancelledError,
    WrongThreadError,
    describe,
)

if TYPE_CHECKING:
    from actorio._core.recipient import Recipient

__all__ = ["Call", "Request", "Submission", "timeout_of_call"]


class Request(AskTimeout, AskCore, Envelope):
    """An ask, awaited by the asker's task itself: no Future."""

    __slots__ = ()

    def outcome(self) -> Any:
        """Return the value, or raise what it failed with."""
        if self.state == FAILED:
            failure, self.error = self.error, None
            try:
                raise cast("BaseException", failure)
            finally:
                del failure  # or the traceback and this frame would keep each other alive
        return self.value

    # -- as the future of another thread looks at it, once it has ended ----------------------------

    def done(self) -> bool:
        """Tell whether it has ended."""
        return self.state >= ANSWERED

    def cancelled(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self.state == WITHDRAWN

    def exception(self) -> BaseException | None:
        """Return what it failed with."""
        return self.error if self.state == FAILED else None

    def result(self) -> Any:
        """Return the reply."""
        return self.value

    # -- the end of the wait -----------------------------------------------------------------------

    def left(self, error: BaseException) -> None:
        """Withdraw it, since `error` has ended the wait for it."""
        if self.state < ANSWERED:
            self.callback = None
            self._withdraw()
        if isinstance(error, RuntimeError):  # asyncio's word for a task of another loop
            raise WrongThreadError("ask was awaited on another event loop than the actor system's") from error

    def cancel(self, msg: object = None) -> bool:
        if self.callback is None or self.state >= ANSWERED:
            return False
        self.show_cancelled(msg)
        self._withdraw()
        return True

    def _withdraw(self) -> None:
        queued = self.state == QUEUED
        self._end(WITHDRAWN)
        if queued:
            self._leave_mailbox()

    def run(self, cell: Recipient) -> Any:
        return cell.instance.receive(self.message)

    def fail(self, error: BaseException) -> None:
        if self.state < ANSWERED:
            self.error = safe_exception(error)
            self._end(FAILED)

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


class Call(Invoking, Request):
    """A call of a method, answered like an ask."""

    __slots__ = ("args", "func", "kwargs", "plain")

    @classmethod
    def of(
        cls, cell: Recipient, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call:
        """Make one; an `__init__` of its own would be a frame more in each call."""
        call = cls(cell, func)
        call.func, call.args, call.kwargs, call.plain = func, args, kwargs, None
        return call

    def run(self, cell: Recipient) -> Any:
        return cell.call(self)

    def _leave_mailbox(self) -> None:
        self.forget_arguments()
        super()._leave_mailbox()

    def describe(self) -> str:
        return repr(self.invocation)


def timeout_of_call(method: Callable[..., Any], timeout: Any, kwargs: dict[str, Any]) -> float | None:
    """Return the timeout of a call, None for none; where the method takes a `timeout`, it goes to its arguments.

    Raises:
        TypeError, ValueError: it is no duration.
    """
    if timeout is ...:  # nothing was said
        return None
    if _has_timeout(method):
        kwargs["timeout"] = timeout
        return None
    return check_optional_duration("timeout", timeout)


def _has_timeout(method: Callable[..., Any]) -> bool:
    parameters = inspect.signature(method).parameters.values()
    return any(one.name == "timeout" or one.kind is one.VAR_KEYWORD for one in parameters)


class Submission(Invoking, Envelope):
    """A function as a message, answered through a `Result`."""

    __slots__ = ("args", "cell", "func", "kwargs", "message", "result", "sender", "state")

    def __init__(
        self, cell: Recipient, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.cell = cell
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.message = func
        self.sender = copy_context() or None
        self.state = QUEUED
        self.result: Result[Any] = Result(cell.run_queue.loop, work=self)

    @property
    def value(self) -> Any:
        """The value that was the answer."""
        return self.result.result()

    @property
    def error(self) -> BaseException | None:
        """The exception that was the answer."""
        return self.result.exception()

    def run(self, cell: Recipient) -> Any:
        try:
            return cell.submitted(self)
        finally:  # or the traceback of a failure, and the result that holds it, would keep each other alive
            del self

    def reply(self, value: Any) -> None:
        if type(value) in COROUTINES:
            self.fail(forgotten_await(self.cell.path, value))
        elif self.state < ANSWERED:
            self.result.settle(value)
            self._end(ANSWERED)

    def fail(self, error: BaseException) -> None:
        if self.state < ANSWERED:
            if not self.result.done():
                self.result.set_exception(error)
                if isinstance(error, ActorStoppedError) and error.ref == self.cell.ref:
                    self.result.exception()  # the actor has ended, not the work: no log line if nobody looks
                else:
                    self.result.speak_up(Unheard(error, repr(self.invocation), self.cell.path))
            self._end(FAILED)

    refused = fail

    def admitted(self) -> None:
        """The mailbox has let it in."""
        self.cell.accepted(self)

    def cancelled_by_handler(self) -> None:
        self.fail(AskCancelledError(f"{self.invocation!r}, submitted to {self.cell.path}, was cancelled"))
        if not self.result.cancelled():
            self.result.exception()  # no log line if nobody looks: the actor's own failure is reported

    def result_cancelled(self) -> None:
        """Drop the work, or interrupt it: nobody wants to know what comes of it."""
        was = self.state
        if was < ANSWERED:
            self._end(WITHDRAWN)
        if was == RUNNING:
            self.cell.interrupt(self)
        elif was == QUEUED:
            self.message = None
            self.forget_arguments()
            if not self.cell.mailbox.leave_line(self):
                self.cell.mailbox.give_room_up()

    def _end(self, state: int) -> None:
        self.state = state
        if (tell := self.cell.observers.answered) is not None:
            tell(self.cell, self)


class Unheard:
    """Logs the failure of submitted work, if it goes, with its `Result`, and nobody has looked: not asyncio's line.

    Made for a failure alone: what succeeds pays nothing for it.
    """

    __slots__ = ("_error", "_path", "_what")

    def __init__(self, error: BaseException, what: str, path: str) -> None:
        self._error: BaseException | None = error
        self._what = what
        self._path = path

    def hush(self) -> None:
        """Somebody has looked."""
        self._error = None

    def __del__(self) -> None:
        if self._error is not None:
            log(
                logging.ERROR,
                "%s, submitted to %s, has failed, and nobody has looked at its Result",
                self._what,
                self._path,
                error=self._error,
                actor=self._path,
            )


ENVELOPES.update({Request, Call, Submission})
if compiled is not None:
    compiled.bind(Request=Request, Call=Call)
