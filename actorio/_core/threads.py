"""Futures for other threads, of an ask, a call or submitted work, all of which live on the system's loop."""

from __future__ import annotations

import concurrent.futures
from contextvars import copy_context
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from actorio._core.typevar import TypeVar
from actorio.errors import ActorError, WrongThreadError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Crossing"]

R = TypeVar("R")


class _Work(Protocol):
    def done(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def exception(self) -> BaseException | None: ...
    def result(self) -> Any: ...


class Crossing(concurrent.futures.Future[R]):
    """The future of work that is begun and ended on the system's thread, in the contextvars of who asked for it.

    On that very thread `result` and `exception` raise instead of waiting: nobody could end what they wait for.
    """

    def __init__(self, system: Any) -> None:
        super().__init__()
        self._system = system

    def begin(self, work: Callable[[], object], handed_back: object) -> None:
        """Begin the work on the system's thread.

        Raises:
            ActorStoppedError: the system has ended; `handed_back` is what was not delivered.
        """
        variables = copy_context()

        def begin() -> None:
            if self.cancelled():
                self.set_running_or_notify_cancel()
                return
            try:
                variables.run(work)
            except Exception as error:
                if self.set_running_or_notify_cancel():
                    self.set_exception(error)

        self._system.from_thread(begin, handed_back)

    def end_as(self, work: _Work) -> None:
        """End as the work has ended."""
        if work.cancelled():
            self.cancel()
        if not self.set_running_or_notify_cancel():  # from here on no other thread can cancel it
            return
        if (error := work.exception()) is not None:
            self.set_exception(error)
        else:
            self.set_result(work.result())

    def on_cancel(self, cancel: Callable[[], object]) -> None:
        """Call `cancel` on the system's thread when this is cancelled."""

        def pass_on(_: object) -> None:
            if self.cancelled():
                try:
                    self._system.from_thread(cancel, None)
                except ActorError:
                    return

        self.add_done_callback(pass_on)

    def result(self, timeout: float | None = None) -> R:
        """Wait for the value and return it; see `concurrent.futures.Future.result`."""
        self._check_thread()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end and return what was raised; see `concurrent.futures.Future.exception`."""
        self._check_thread()
        return super().exception(timeout)

    def _check_thread(self) -> None:
        if not self.done() and get_ident() == self._system.thread:
            raise WrongThreadError(
                "this thread runs the event loop that is to end the work, so waiting here would be for ever: "
                "`await ref.ask(...)`, or `await asyncio.wrap_future(future)`"
            )
