"""A send that is not done with when the call returns."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from actorio._core.envelope import payload
from actorio._core.run_queue import RunQueue, Waiter

if TYPE_CHECKING:
    from actorio._core.recipient import Recipient
    from actorio._core.store import Item
    from actorio.errors import ActorError

__all__ = ["Sending"]


class Sending(Coroutine[Any, Any, None]):
    """A send that is not done with: it waits for room, or has failed and its sender may want to know.

    It goes wherever a coroutine does, as a send that is done at once; but not awaiting it is no error.
    """

    __slots__ = ("_awaited", "_cell", "_done", "_error", "_item", "_steps", "_waiter")

    def __init__(self, cell: Recipient, item: Item, error: ActorError | None) -> None:
        self._cell = cell
        self._item = item
        self._error: BaseException | None = error
        self._done = error is not None
        self._awaited = False
        self._waiter: Waiter | None = None
        self._steps: Generator[Any, Any, None] | None = None

    def admitted(self) -> None:
        """The mailbox has let it in."""
        self._done = True
        self._cell.accepted(self._item)
        self._wake()

    def refused(self, error: BaseException) -> None:
        """The mailbox never will."""
        self._done = True
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.wake()

    def __await__(self) -> Generator[Any, None, None]:
        self._awaited = True
        if not self._done:
            yield from self._wait()
        try:
            if self._error is not None:
                raise self._error
        finally:
            del self  # or the traceback and this frame would keep each other alive

    # -- as a task steps it ------------------------------------------------------------------------

    def send(self, value: Any) -> Any:
        """Go on with the wait."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        """Make the wait raise."""
        self._steps = self._steps or self.__await__()
        try:
            return self._steps.throw(*error)
        finally:
            del error  # or the traceback and this frame would keep each other alive

    def close(self) -> None:
        """Give up the wait; what was never waited for goes on."""
        if self._steps is not None:
            self._steps.close()

    # -- inside ------------------------------------------------------------------------------------

    def _wait(self) -> Generator[Any, None, None]:
        if self._waiter is not None:
            raise RuntimeError("another task waits for this send already: it is awaited by one at a time")
        waiter = self._waiter = _RoomWaiter(self._cell.run_queue, self._withdraw)
        release = None
        try:
            release = self._cell.wait_of_current(self._cell.server)
            while not self._done:
                yield from waiter.__await__()
        except BaseException:
            self._withdraw()
            raise
        finally:
            if release is not None:
                release()

    def _withdraw(self) -> None:
        if not self._done:
            self._done = True
            self._error = RuntimeError(
                "this send was given up while it waited for room: its message was not sent"
            )
            self._cell.mailbox.leave_line(self)

    def __del__(self) -> None:
        if self._error is not None and not self._awaited:
            self._cell.runtime.finalise(partial(self._cell.dead_letter, payload(self._item), "unsent"))


class _RoomWaiter(Waiter):
    """Waiting for room. A cancel gives the place in line up at once: there may be room before its task runs."""

    __slots__ = ("_withdraw",)

    def __init__(self, run_queue: RunQueue, withdraw: Callable[[], None]) -> None:
        super().__init__(run_queue)
        self._withdraw = withdraw

    def cancel(self, msg: object = None) -> bool:
        if not super().cancel(msg):
            return False
        self._withdraw()
        return True
