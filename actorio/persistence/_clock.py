"""The wall clock, looked at in this one place: reminders outlive the process, and so must the clock they go by."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["as_datetime", "now"]


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()


def as_datetime(seconds: float) -> datetime:
    """Return that time as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)
