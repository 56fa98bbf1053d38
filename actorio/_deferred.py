"""The reply of an ask that a handler has taken away, to be set later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actorio._envelope import ANSWERED, Envelope
from actorio.errors import NoReplyError
from actorio.result import Result

if TYPE_CHECKING:
    from actorio._cell import Cell

__all__ = ["Deferred"]


class Deferred(Result[Any]):
    """The reply of an ask that a handler took away: set it later, from anywhere on the loop."""

    __slots__ = ("_cell", "_envelope")

    def __init__(self, cell: Cell, envelope: Envelope) -> None:
        super().__init__(cell.dispatcher.loop)
        self._cell = cell
        self._envelope = envelope

    def set_result(self, value: Any) -> None:
        self._cell.runtime.check_thread()
        super().set_result(value)
        self._settle(lambda envelope: envelope.reply(value))

    def set_exception(self, error: BaseException) -> None:
        self._cell.runtime.check_thread()
        super().set_exception(error)
        self._future.exception()  # it is the asker's now: no log line if nobody awaits the handle as well
        self._settle(lambda envelope: envelope.fail(error))

    def cancel(self) -> bool:
        self._cell.runtime.check_thread()
        if not super().cancel():
            return False
        self._settle(lambda envelope: envelope.cancelled_by_handler())
        return True

    def _settle(self, end: Callable[[Envelope], None]) -> None:
        if self._cell.deferred is not None:
            self._cell.deferred.pop(self._envelope, None)
        end(self._envelope)

    def __del__(self) -> None:
        envelope = getattr(self, "_envelope", None)
        if envelope is not None and envelope.state < ANSWERED:
            self._settle(
                lambda envelope: envelope.fail(
                    NoReplyError(f"{self._cell.path} dropped a deferred reply unanswered")
                )
            )
