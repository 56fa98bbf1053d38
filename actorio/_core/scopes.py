"""Cancelled scopes of anyio: each cancels its task anew, in every iteration of the loop in which it waits.

That is one cancel. Where cancels are counted, the waits after the first are shielded from scopes; a cancel of the task
itself gets through.
"""

from __future__ import annotations

import contextlib
import math
import sys
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["is_in_cancelled_scope", "shielded"]

_BACKEND = "anyio._backends._asyncio"
"""What anyio imports with the first scope: to ask it where there is none would cost the import, 100 ms."""


def is_in_cancelled_scope() -> bool:
    """Tell whether a scope around the current task is cancelled, so that all its waits are."""
    return _BACKEND in sys.modules and anyio.current_effective_deadline() == -math.inf


def shielded(*, when: bool = True) -> AbstractContextManager[object]:
    """Return a block in which no scope around the current task cancels it."""
    return anyio.CancelScope(shield=True) if when and _BACKEND in sys.modules else contextlib.nullcontext()
