"""Actors that change how they handle messages: `become`, and a message when none comes for a while.

Source: `become` and the receive timeout of Akka; the idle timeout of gen_server.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from actorio._durations import check_duration
from actorio._timer import Timer
from actorio._typevar import TypeVar
from actorio.actor import Actor
from actorio.errors import UnhandledMessageError

__all__ = ["Becoming"]

M = TypeVar("M", default=Any)

Behaviour = Callable[[Any], Any]


class Becoming(Actor[M]):
    """An actor whose messages go to the behaviour of the moment, at first to `initial`.

    A new incarnation begins with `initial` again. `receive` belongs to this class; write behaviours instead:
    methods, or functions, that take a message and return its reply.
    """

    _behaviours: tuple[Behaviour, ...] = ()
    _idle: tuple[float, Any] | None = None
    _idle_timer: Timer | None = None

    def initial(self, message: M) -> Any:
        """Handle messages until the first `become`, in an `async def` or a plain function."""
        raise UnhandledMessageError(
            f"{type(self).__qualname__} has no initial behaviour to handle {type(message).__name__}"
        )

    def become(self, behaviour: Callable[[M], Any]) -> None:
        """Handle the next messages by this behaviour, until it is changed or taken back by `unbecome`."""
        if not callable(behaviour):
            raise TypeError(f"become takes a function of one message, not {type(behaviour).__name__}")
        self._behaviours = (*self._behaviours, behaviour)

    def unbecome(self) -> None:
        """Take the last `become` back; without one, nothing happens."""
        self._behaviours = self._behaviours[:-1]

    def when_idle(self, delay: float | None, message: M | None = None) -> None:
        """Have `message` sent to this actor once per silence of `delay` seconds; None: no more.

        The silence begins when a message has been handled; the idle message itself begins no new one.
        """
        self._idle = None if delay is None else (check_duration("delay", delay), message)
        self._wait_for_silence()

    async def receive(self, message: M) -> Any:
        """Handle the message by the behaviour of the moment."""
        was_idle = self._idle is not None and message is self._idle[1]
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        behaviour = self._behaviours[-1] if self._behaviours else self.initial
        try:
            reply = behaviour(message)
            return await reply if inspect.isawaitable(reply) else reply
        finally:
            if not was_idle:
                self._wait_for_silence()

    def _wait_for_silence(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = None if self._idle is None else self.context.send_after(*self._idle)
