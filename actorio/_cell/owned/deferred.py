"""The reply of an ask that a handler has taken away, to be set later."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from actorio._core.envelope import ANSWERED, Envelope
from actorio._core.result import Result
from actorio.errors import NoReplyError

if TYPE_CHECKING:
    from actorio._core.recipient import Recipient

__all__ = ["Deferred"]


class Deferred(Result[Any]):
    """The reply of an ask that a handler took away: set it later, from anywhere on the loop."""

    __slots__ = ("_cell", "_envelope")

    def __init__(self, cell: Recipient, envelope: Envelope) -> None:
        super().__init__(cell.run_queue.loop)
        self._cell = cell
        self._envelope = envelope

    def set_result(self, value: Any) -> None:
        super().set_result(value)
        self._settle(lambda envelope: envelope.reply(value))

    def set_exception(self, error: BaseException) -> None:
        super().set_exception(error)
        if self.cancelled():
            return
        failure = self._future.exception()  # it is the asker's now: no log line if nobody awaits the handle
        if failure is not None:
            self._settle(lambda envelope: envelope.fail(failure))

    def cancel(self) -> bool:
        if not super().cancel():
            return False
        self._settle(lambda envelope: envelope.cancelled_by_handler())
        return True

    def _check_thread(self) -> None:
        self._cell.runtime.check_thread()

    def _settle(self, end: Callable[[Envelope], None]) -> None:
        _forget(self._cell, self._envelope)
        end(self._envelope)

    def __del__(self) -> None:
        envelope = getattr(self, "_envelope", None)
        if envelope is not None and envelope.state < ANSWERED:
            self._cell.runtime.finalise(partial(_drop, self._cell, envelope))


def _drop(cell: Recipient, envelope: Envelope) -> None:
    _forget(cell, envelope)
    envelope.fail(NoReplyError(f"{cell.path} dropped a deferred reply unanswered"))


def _forget(cell: Recipient, envelope: Envelope) -> None:
    if cell.deferred is not None:
        cell.deferred.pop(envelope, None)
