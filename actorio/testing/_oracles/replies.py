"""The reply of an `Ask[R]` is an R: no type checker sees that, since `receive` returns one union for all questions."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from actorio._core.envelope import ANSWERED
from actorio._core.observer import Observer
from actorio._core.request import Request
from actorio.actor import Ask
from actorio.testing.failures import SimulationError, WrongReply

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Replies", "check_reply"]


_PROMOTED: dict[Any, tuple[type, ...]] = {float: (int, float), complex: (int, float, complex)}
"""The numbers that a type checker takes for another kind of number."""


class Replies(Observer):
    """Looks at each reply of an `Ask[R]`, as far as the class of R says what it is."""

    def __init__(self, report: Callable[[SimulationError], None]) -> None:
        self._report = report

    def answered(self, cell: Cell, envelope: Any) -> None:
        """Check the reply."""
        if envelope.state == ANSWERED and type(envelope) is Request:
            try:
                check_reply(cell.path, envelope.message, envelope.value)
            except WrongReply as wrong:
                self._report(wrong)


def check_reply(path: str, message: object, value: object) -> None:
    """Refuse a reply that is not of the type that its question names.

    Raises:
        WrongReply: it is not.
    """
    if not isinstance(message, Ask):
        return
    wanted = _reply_type(type(message))
    if not _is_a(value, wanted):
        named = getattr(wanted, "__qualname__", str(wanted))
        asked = type(message).__qualname__
        raise WrongReply(
            f"{path} has answered {asked}, which is an Ask[{named}], by a {type(value).__qualname__}"
        )


def _reply_type(kind: type[Any]) -> Any:
    """Return the R of a class of `Ask[R]`; Any where it is not known."""
    for owner in kind.__mro__:
        for base in owner.__dict__.get("__orig_bases__", ()):
            if typing.get_origin(base) is Ask:
                return typing.get_args(base)[0]
    return Any


def _is_a(value: object, wanted: Any) -> bool:
    """Tell whether a value is of a type, as far as its class tells: what is in a container is not looked at."""
    origin = typing.get_origin(wanted)
    if origin is Annotated:
        return _is_a(value, wanted.__origin__)
    if origin in (Union, types.UnionType):
        return any(_is_a(value, one) for one in typing.get_args(wanted))
    if origin is Literal:
        return value in typing.get_args(wanted)
    kind = type(None) if wanted is None else origin or wanted
    try:
        return isinstance(value, _PROMOTED.get(kind, kind))
    except TypeError:  # a type variable, a name, a protocol that is not checked at run time
        return True
