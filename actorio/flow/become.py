"""Actors that change how they handle messages: `become`.

Source: `become` of Akka.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from actorio._core.checks import has_yield
from actorio._core.typevar import TypeVar
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

    def initial(self, message: M) -> Any:
        """Handle messages until the first `become`, in an `async def` or a plain function."""
        raise UnhandledMessageError(
            f"{type(self).__qualname__} has no initial behaviour to handle {type(message).__name__}"
        )

    def become(self, behaviour: Callable[[M], Any]) -> None:
        """Handle the next messages by this behaviour, until it is changed or taken back by `unbecome`."""
        if not callable(behaviour):
            raise TypeError(f"become takes a function of one message, not {type(behaviour).__name__}")
        if has_yield(behaviour):
            raise TypeError("become takes a function of one message, and this one has a yield in it")
        self._behaviours = (*self._behaviours, behaviour)

    def unbecome(self) -> None:
        """Take the last `become` back; without one, nothing happens."""
        self._behaviours = self._behaviours[:-1]

    def when_idle(self, delay: float | None, message: M | None = None) -> None:
        """Send `message` to this actor once per silence of `delay` seconds, as `Context.when_idle` does."""
        self.context.when_idle(delay, message)

    async def receive(self, message: M) -> Any:
        """Handle the message by the behaviour of the moment."""
        behaviour = self._behaviours[-1] if self._behaviours else self.initial
        reply = behaviour(message)
        return await reply if inspect.isawaitable(reply) else reply
