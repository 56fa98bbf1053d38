"""The one check of every duration: seconds, real, finite, not negative; and those of other numbers.

NaN breaks the order of timer heaps, a bool is a mistake, and asyncio takes both.
"""

from __future__ import annotations

import math

__all__ = [
    "LONGEST",
    "check_count",
    "check_duration",
    "check_number",
    "check_optional_duration",
    "check_optional_some_time",
    "check_some_time",
    "check_whole",
]

LONGEST = 100 * 366 * 86_400.0


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
