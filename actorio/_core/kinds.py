"""The one check of what kind of thing an argument is.

Without it a wrong argument is found out far from the call, if at all: a falsy one passes for "not said", and a
class for its instance until its first method is called.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Container, Iterable
from typing import TypeVar

__all__ = [
    "check_class",
    "check_instance",
    "check_iterable",
    "check_options",
    "check_plain_function",
    "has_yield",
    "kind_of",
]

T = TypeVar("T")

_HAS_YIELD = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def check_instance(name: str, value: object, kind: type[T]) -> T:
    """Return `value`, an instance of `kind`.

    Raises:
        TypeError: it is none; the error names what was expected and what came.
    """
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise TypeError(f"{name} must be {article} {kind.__name__}, not {kind_of(value)}")
    return value


def check_plain_function(name: str, value: object) -> None:
    """Refuse what cannot be called, or would give a coroutine that nobody awaits.

    Raises:
        TypeError: it is no function, a coroutine function, or one with a `yield` in it.
    """
    if not callable(value) or inspect.iscoroutinefunction(value):
        kind = "a coroutine function" if callable(value) else kind_of(value)
        raise TypeError(f"{name} must be a plain function, not {kind}")
    if has_yield(value):
        raise TypeError(f"{name} must be a plain function, not one with a yield in it")


def has_yield(func: object) -> bool:
    """Whether calling it gives a generator: nothing of it has run by then, and what runs it is whoever reads it.

    Reading the flag takes a third of the time of the questions of `inspect`; each call and submission pays for it.
    """
    while isinstance(func, functools.partial):
        func = func.func
    flags: int = getattr(getattr(func, "__code__", None), "co_flags", 0)
    return flags & _HAS_YIELD != 0


def check_iterable(name: str, value: object, items: str) -> None:
    """Refuse what is no iterable of `items`, which are anything but characters.

    Raises:
        TypeError: it is no iterable, or a string.
    """
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be an iterable of {items}, not {kind_of(value)}")


def check_class(name: str, value: object) -> None:
    """Refuse what is no class.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, type):
        raise TypeError(f"{name} must be a class, not {kind_of(value)}")


def check_options(what: str, given: Iterable[str], known: Container[str]) -> None:
    """Refuse options that a call does not have, where its signature leaves them open.

    Raises:
        TypeError: with the name of what was called, and of the first one.
    """
    unknown = sorted(name for name in given if name not in known)
    if unknown:
        raise TypeError(f"{what} has no option {unknown[0]!r}")


def kind_of(value: object) -> str:
    """Say what a value is, in an error about one of another kind: its class, or that it is a class itself."""
    return f"the class {value.__qualname__}" if isinstance(value, type) else type(value).__name__
