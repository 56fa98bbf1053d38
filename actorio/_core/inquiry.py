"""Messages from elsewhere, which no task of this system waits for: an object is told what came of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actorio._core.envelope import ANSWERED, ENVELOPES, FAILED, QUEUED, WITHDRAWN, Envelope, Invoking
from actorio._core.result import safe_exception
from actorio.errors import AskCancelledError, describe

if TYPE_CHECKING:
    from actorio._core.recipient import Recipient, Told

__all__ = ["CalledInquiry", "Inquiry"]


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


class CalledInquiry(Invoking, Inquiry):
    """A call or a cast from elsewhere."""

    __slots__ = ("args", "func", "kwargs")

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
        self.func, self.args, self.kwargs = called

    def run(self, cell: Recipient) -> Any:
        return cell.call(self)

    @property
    def is_message(self) -> bool:
        return False


ENVELOPES.update({Inquiry, CalledInquiry})
