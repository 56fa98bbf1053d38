"""`@interleave`: methods that may run while another turn of their actor waits.

    class Table(Actor[Row]):
        async def receive(self, row: Row) -> None:
            await self.storage.write(row)           # takes its time

        @interleave
        async def count(self) -> int:               # `await ref.call(Table.count)` is answered meanwhile
            return self.rows

Source: `AlwaysInterleave` of Orleans.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from actorio._core.checks import kind_of

__all__ = ["interleave", "interleaved_methods"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "_actorio_interleaved"


def interleave(method: F) -> F:
    """Mark a method whose calls and casts do not wait for the actor's turn: they begin as they arrive.

    The method runs beside the turns, whenever these wait; so what it reads may be half done, and what another
    turn has read may have changed when that goes on. A subclass that overrides the method says anew what it is.

    It ends with its incarnation, cancelled, and `close` waits for it. It is answered by what it returns: there
    is no message of its own that it could stash, reply to or defer.

    Raises:
        TypeError: it is no function, or one with a `yield` in it.
    """
    function: object = method
    if not inspect.isfunction(function):
        raise TypeError(f"interleave takes a method, not {kind_of(method)}")
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(f"{method.__qualname__} cannot be interleaved: it has a yield in it")
    setattr(method, _MARK, True)
    return method


def interleaved_methods(cls: type[Any]) -> frozenset[str]:
    """Return the names of the methods of a class that are marked."""
    names = {name for owner in cls.__mro__ for name, value in vars(owner).items() if _is_marked(value)}
    return frozenset(name for name in names if _is_marked(getattr(cls, name)))


def _is_marked(value: object) -> bool:
    return getattr(value, _MARK, None) is True
