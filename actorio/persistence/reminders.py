"""Reminders: timers that outlive the process.

    await self.persist(Ordered(item), remind=[Reminder.after(3600, Expire(), key="expiry")])

The message comes through `receive`, in order with the mail, once somebody has the actor open. `activate` has those
opened that nobody has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actorio._core.checks import LONGEST, check_duration, check_instance, check_number
from actorio.persistence._checks import check_text
from actorio.persistence._clock import now

__all__ = ["Fired", "Reminder"]

_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Fired:
    """The reminder that a message is of.

    Attributes:
        key: of the reminder.
        due: when it was due, an aware datetime; of several due times that have passed, the last.
        missed: how many due times before that had passed while nobody ran.
        attempt: counts the tries of this firing, from 1.
    """

    key: str
    due: datetime
    missed: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Reminder:
    """A message that a durable actor sends itself at a later time; made by `after`, `at` and `every`."""

    key: str
    message: Any
    due: float
    interval: float | None = None

    @classmethod
    def after(cls, delay: float, message: Any, *, key: str) -> Reminder:
        """Remind once, `delay` seconds from now."""
        return cls(check_text("key", key, _LONGEST_KEY), message, now() + check_duration("delay", delay))

    @classmethod
    def at(cls, when: datetime, message: Any, *, key: str) -> Reminder:
        """Remind once, at a time given as an aware datetime; one that has passed is due now.

        Raises:
            ValueError: `when` has no time zone.
        """
        if check_instance("when", when, datetime).utcoffset() is None:
            raise ValueError(f"when must be an aware datetime, with a tzinfo; got {when!r}")
        return cls(check_text("key", key, _LONGEST_KEY), message, when.timestamp())

    @classmethod
    def every(cls, interval: float, message: Any, *, key: str, first: float | None = None) -> Reminder:
        """Remind every `interval` seconds, at least 1, the first time after `first` seconds or one interval."""
        check_duration("interval", interval)
        seconds = check_number("interval", interval, least=1, most=int(LONGEST))
        delay = seconds if first is None else check_duration("first", first)
        return cls(check_text("key", key, _LONGEST_KEY), message, now() + delay, seconds)
