"""The wall clock, looked at in this one place: reminders outlive the process, and so must the clock they go by."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["LOOK_AHEAD", "as_datetime", "now"]

LOOK_AHEAD = 5.0
"""Seconds from one look for due reminders of actors that nobody has open to the next, at most."""


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()


def as_datetime(seconds: float) -> datetime:
    """Return that time as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)
