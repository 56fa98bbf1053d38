"""Every check of an argument: numbers, durations, and what kind of thing it is.

NaN breaks the order of timer heaps, a bool is a mistake, and asyncio takes both. A wrong kind of thing is found out
far from the call, if at all: a falsy one passes for "not said", and a class for its instance until its first method
is called.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Container, Iterable
from types import FunctionType
from typing import TypeVar

from actorio._core.acceleration import COROUTINES
from actorio.errors import describe

__all__ = [
    "LONGEST",
    "check_callable",
    "check_class",
    "check_count",
    "check_duration",
    "check_instance",
    "check_iterable",
    "check_number",
    "check_optional_duration",
    "check_optional_some_time",
    "check_options",
    "check_plain_function",
    "check_some_time",
    "check_whole",
    "has_yield",
    "kind_of",
]

T = TypeVar("T")

LONGEST = 100 * 366 * 86_400.0
_HAS_YIELD = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_NOT_PLAIN = _HAS_YIELD | inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE


def check_duration(name: str, value: float) -> float:
    """Return `value` as a float of seconds, between 0 and 100 years.

    Raises:
        TypeError: not a real number, or a bool.
        ValueError: negative, NaN, infinite, or longer than 100 years.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    if not (0 <= value <= LONGEST) or math.isnan(value):
        raise ValueError(
            f"{name} must be finite, not negative and at most 100 years, in seconds; got {value!r}"
        )
    return float(value)


def check_some_time(name: str, value: float) -> float:
    """Like `check_duration`, where no time at all makes no sense, and 0 may be meant for no limit.

    Raises:
        ValueError: 0, too.
    """
    seconds = check_duration(name, value)
    if seconds == 0:
        raise ValueError(f"{name} must be more than 0 seconds")
    return seconds


def check_optional_duration(name: str, value: float | None) -> float | None:
    """Like `check_duration`; None means no limit."""
    return None if value is None else check_duration(name, value)


def check_optional_some_time(name: str, value: float | None) -> float | None:
    """Like `check_some_time`; None means no limit."""
    return None if value is None else check_some_time(name, value)


def check_number(name: str, value: float, *, least: int, most: int) -> float:
    """Return `value`, a share or a factor, as a float.

    Raises:
        TypeError: not a real number, or a bool.
        ValueError: less than `least`, more than `most`, or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least:,} and {most:,}; got {value!r}")
    return float(value)


def check_whole(name: str, value: int) -> int:
    """Return `value`, a whole number.

    Raises:
        TypeError: not an int, or a bool.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    return value


def check_count(name: str, value: int, *, least: int) -> int:
    """Return `value`, a whole number of at least `least`.

    Raises:
        TypeError: not an int, or a bool.
        ValueError: less than `least`.
    """
    if check_whole(name, value) < least:
        raise ValueError(f"{name} must be at least {least}; got {value}")
    return value


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
    if type(value) is FunctionType and not value.__code__.co_flags & _NOT_PLAIN:
        return  # the usual one, without the questions of `inspect`: each persist pays for it
    if not callable(value) or inspect.iscoroutinefunction(value):
        kind = "a coroutine function" if callable(value) else kind_of(value)
        raise TypeError(f"{name} must be a plain function, not {kind}")
    if has_yield(value):
        raise TypeError(f"{name} must be a plain function, not one with a yield in it")


def has_yield(func: object) -> bool:
    """Tell whether calling it gives a generator: nothing of it has run by then, and what runs it is whoever reads it.

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


def check_callable(what: str, func: object, *, may_yield: bool = False) -> None:
    """Refuse what is no function; a coroutine object is closed, and the error says what was meant.

    So is a function with a `yield` in it, unless it may have one: its answer would be a generator, which runs where
    it is read, outside of the actor.
    """
    if type(func) is FunctionType and not func.__code__.co_flags & _HAS_YIELD:
        return  # the usual case, which each call and submission pays for
    if isinstance(func, COROUTINES):
        func.close()
        raise TypeError(
            f"{what} takes a function and its arguments, not a coroutine object: leave the () out"
        )
    if not callable(func):
        raise TypeError(f"{what} takes a function and its arguments, not {type(func).__name__}")
    if not may_yield and has_yield(func):
        raise TypeError(
            f"{what} takes a function without a yield in it, which {describe(func)} has; for a method that is an "
            "async generator there is `ref.stream`"
        )
