"""Forks: in a forked child nothing of the parent's systems is alive, and each call says so.

A fork takes the thread that forks along, with all that it can see: without this, a message that the child sends would
lie in the child's copy of a mailbox, and nobody would ever look.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio._tree.runtime import Runtime

__all__ = ["remember", "running"]

_running: weakref.WeakSet[Runtime] = weakref.WeakSet()


def remember(runtime: Runtime) -> None:
    """Disown a running system in the children of this process."""
    _running.add(runtime)


def running() -> list[Runtime]:
    """Return the systems of this process whose blocks are open."""
    return [runtime for runtime in _running if not runtime.has_ended]


def _disown_all() -> None:
    for runtime in tuple(_running):
        runtime.disown()
    _running.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_disown_all)
