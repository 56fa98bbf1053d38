"""The open stores of the process, which are told in a child that is forked from it."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["open_stores"]


class _Forked(Protocol):
    def _after_fork(self) -> None:
        """Refuse everything from now on: this is a forked child."""


open_stores: weakref.WeakSet[_Forked] = weakref.WeakSet()


def _after_fork() -> None:
    for store in tuple(open_stores):
        store._after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
