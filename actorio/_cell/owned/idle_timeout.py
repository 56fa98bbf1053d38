"""`context.when_idle`: a message to itself when an actor has heard nothing for a while.

An actor that does not ask for it pays nothing: `receive` is wrapped when it does.

Source: the receive timeout of Akka; the timeout of a gen_server.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from actorio._cell.owned.timer import Timer
from actorio._core.checks import check_duration
from actorio._core.envelope import Tick
from actorio._core.hints import check_message
from actorio.errors import ActorError

if TYPE_CHECKING:
    from actorio._cell.watch_and_link import WatchAndLink

__all__ = ["IdleTimeout"]


class IdleTimeout:
    """Sends one incarnation a message when it is idle; owned by it, it ends with it."""

    def __init__(self, cell: WatchAndLink, delay: float, message: Any) -> None:
        self._cell = cell
        self._delay = delay
        self._message = message
        self._variables = copy_context()
        self._timer: Timer | None = None
        self._turns = 0

    @classmethod
    def of(cls, cell: WatchAndLink) -> IdleTimeout | None:
        """Return that of the incarnation, None when it has none."""
        return cell.owned_of(cls)

    @classmethod
    def set(cls, cell: WatchAndLink, delay: float | None, message: Any) -> None:
        """Set it, in place of the one before; None: no more.

        Raises:
            ActorError: the actor owns its loop, where a timeout around `recv` does the same.
        """
        if cell.hooks is not None and cell.hooks.own_loop:
            raise ActorError(f"{cell.path} has a loop of its own: put asyncio.timeout around its recv")
        check_message("when_idle", message, cell.instance)
        if delay is not None:
            check_duration("delay", delay)
        before = cell.owned_of(cls)
        if before is not None:
            before.cancel()
            cell.let_go(cls)
        if delay is None:
            return
        idle = cell.own(cls, cls(cell, delay, message))
        idle._start()
        actor: Any = cell.instance
        if getattr(actor.receive, "func", None) is not _receive:
            actor.receive = functools.partial(_receive, cell, actor.receive)
            cell.urgent = True  # the loop is to look at what `receive` is, before its next message

    @classmethod
    def begin_again(cls, cell: WatchAndLink) -> None:
        """A hook has had its turn: a new silence begins, if the actor listens for one."""
        idle = cls.of(cell)
        if idle is not None and not idle._turns:
            idle._start()

    async def during(self, work: Callable[..., Any], *args: Any) -> Any:
        """Do work that no silence is: the next one begins when it has ended."""
        self.cancel()
        self._turns += 1
        try:
            outcome = work(*args)
            return await outcome if inspect.isawaitable(outcome) else outcome
        finally:
            self._turns -= 1
            if not self._turns and IdleTimeout.of(self._cell) is self:
                self._start()

    def cancel(self) -> None:
        """Make sure that nothing is heard of this silence."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _start(self) -> None:
        self.cancel()
        self._timer = self._variables.run(Timer.start, self._cell, self._delay, self._message, None)


async def _receive(cell: WatchAndLink, receive: Callable[[Any], Any], message: Any) -> Any:
    """Hand a message to `receive`; a timer's tick, the idle message among them, ends no silence."""
    idle = IdleTimeout.of(cell)
    if idle is not None and type(cell.envelope) is not Tick:
        return await idle.during(receive, message)
    outcome = receive(message)
    return await outcome if inspect.isawaitable(outcome) else outcome
