"""Which hooks a class of actors overrides: looked up once a class, so that what is not there costs nothing."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from actorio._cell.interleave import interleaved_methods

__all__ = ["Hooks"]

_KEPT = "__actorio_hooks__"
"""Where a class of actors keeps what it overrides."""


class Hooks:
    """What one class of actors overrides, whether its `receive` is async, which methods are interleaved."""

    __slots__ = (
        "interleaved",
        "kind",
        "last",
        "on_start",
        "on_stop",
        "on_undelivered",
        "own_loop",
        "receive",
        "receives_async",
    )

    def __init__(self, cls: type[Any], base: type[Any]) -> None:
        _refuse_generators(cls)
        self.kind = cls
        self.on_start = cls.on_start is not base.on_start
        self.on_stop = cls.on_stop is not base.on_stop
        self.on_undelivered = cls.on_undelivered is not base.on_undelivered
        self.last = self.on_stop or self.on_undelivered
        self.own_loop = cls.run is not base.run
        self.receive = cls.receive
        self.receives_async = inspect.iscoroutinefunction(cls.receive)
        self.interleaved = interleaved_methods(cls)

    @classmethod
    def of(cls, actor: Any, base: type[Any]) -> Hooks:
        """Return the hooks of an actor's class, kept with it; made anew where the instance has its own `receive`."""
        kind = type(actor)
        hooks: Hooks | None = getattr(kind, _KEPT, None)
        if hooks is None or hooks.kind is not kind:  # of a base class
            hooks = cls(kind, base)
            setattr(kind, _KEPT, hooks)
        if not hooks.own_loop and getattr(actor.receive, "__func__", None) is not hooks.receive:
            hooks = copy.copy(hooks)
            hooks.receives_async = inspect.iscoroutinefunction(actor.receive)
        return hooks


def _refuse_generators(cls: type[Any]) -> None:
    """A hook with a `yield` would never run, and its message would count as handled."""
    for name in ("receive", "run", "on_start", "on_stop", "on_terminated", "on_undelivered"):
        hook = getattr(cls, name)
        if inspect.isasyncgenfunction(hook) or inspect.isgeneratorfunction(hook):
            raise TypeError(
                f"{cls.__qualname__}.{name} must be a coroutine or a plain function: it has a yield in it"
            )
