"""Which hooks a class of actors overrides: looked up once a class, so that what is not there costs nothing."""

from __future__ import annotations

from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from actorio.actor import Actor

__all__ = ["Hooks"]


class Hooks:
    """The overridden hooks of one class."""

    __slots__ = ("on_start", "on_stop", "on_undelivered", "own_loop")

    _known: ClassVar[WeakKeyDictionary[type[Any], Hooks]] = WeakKeyDictionary()

    def __init__(self, cls: type[Any]) -> None:
        self.on_start = cls.on_start is not Actor.on_start
        self.on_stop = cls.on_stop is not Actor.on_stop
        self.on_undelivered = cls.on_undelivered is not Actor.on_undelivered
        self.own_loop = cls.run is not Actor.run

    @classmethod
    def of(cls, actor: type[Any]) -> Hooks:
        """Return the hooks of a class."""
        hooks = cls._known.get(actor)
        if hooks is None:
            hooks = cls._known[actor] = cls(actor)
        return hooks
