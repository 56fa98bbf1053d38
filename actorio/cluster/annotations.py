"""Reads what classes say of their messages: the M of `Actor[M]`, the R of `Ask[R]`, the parameters of methods."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from actorio._core.hints import HINTED
from actorio.actor import Actor, Ask
from actorio.cluster.settings import check_text

__all__ = ["asks_of", "check_name", "hints_of", "members_of", "messages_of", "methods_of", "name_of"]

_LONGEST_NAME = 1000


def name_of(kind: type) -> str:
    """Return the name that a type has on the wire unless it is given another."""
    return f"{kind.__module__}.{kind.__qualname__}"


def check_name(name: str) -> str:
    """Return a wire name.

    Raises:
        TypeError, ValueError: it is none.
    """
    return check_text("a wire name", name, most=_LONGEST_NAME)


def members_of(annotation: Any) -> Iterator[type]:
    """Yield the classes that an annotation names whose instances can be messages of their own."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from members_of(member)
    elif origin is typing.Annotated:
        yield from members_of(typing.get_args(annotation)[0])
    elif isinstance(annotation, type) and _is_message(annotation):
        yield annotation


def _is_message(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or issubclass(kind, (msgspec.Struct, enum.Enum))


def _argument_of(kind: type, generic: type) -> Any:
    """Return the X that a class gives to `generic[X]`, through whatever is between them, None where it gives none."""
    argument = _given_to(kind, generic)
    return None if isinstance(argument, (typing.TypeVar, typing.ForwardRef)) else argument


def _given_to(kind: type, generic: type) -> Any:
    for written in vars(kind).get("__orig_bases__", kind.__bases__):
        base = typing.get_origin(written) or written
        if not isinstance(base, type) or not issubclass(base, generic):
            continue
        given = typing.get_args(written)
        if base is generic:
            return given[0] if given else None
        argument = _given_to(base, generic)
        parameters = getattr(base, "__parameters__", ())
        return given[parameters.index(argument)] if given and argument in parameters else argument
    return None


def messages_of(actor: type) -> Any:
    """Return the M of `Actor[M]`, None where the class does not say it."""
    return _known(_argument_of(actor, Actor))


def asks_of(message: type) -> Any:
    """Return the R of `Ask[R]`, None where the class does not say it."""
    return _known(_argument_of(message, Ask)) if issubclass(message, Ask) else None


def _known(argument: Any) -> Any:
    return None if isinstance(argument, typing.TypeVar) else argument


def methods_of(actor: type) -> Iterator[tuple[type, str, Any]]:
    """Yield the public methods of a class of actors, each with the class that defines it."""
    seen = set(dir(Actor)) - HINTED
    for base in actor.__mro__:
        if base is Actor or not issubclass(base, Actor):
            continue
        for name, function in vars(base).items():
            if name.startswith("_") or name in seen or not inspect.isfunction(function):
                continue
            seen.add(name)
            if not inspect.isgeneratorfunction(function) and not inspect.isasyncgenfunction(function):
                yield base, name, function


def hints_of(function: Any) -> dict[str, Any]:
    """Return the annotations of a function; of one whose names cannot be found, those that can.

    Raises:
        TypeError: a name in them is not known where the function is defined.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(f"the annotations of {function.__qualname__} cannot be read: {error}") from error
