"""Where an actor is in its life, what is asked of it, and what its supervisor decides.

Plain constants, not enums: reading a member of an enum costs 80 ns on CPython 3.11, and the life of an actor
that handles one message reads thirty of them (the benchmarks `fjcreate` and `skynet` pay for it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actorio.policy import Restart

__all__ = ["Intent", "Options", "State", "Verdict", "intent_name"]


class State:
    """Where in its life an actor is."""

    STARTING: Final = "starting"
    RUNNING: Final = "running"
    STOPPING: Final = "stopping"
    RESTARTING: Final = "restarting"
    ENDED: Final = "ended"


class Intent:
    """The ways to end that an actor was asked for, the mightier the greater."""

    NONE: Final = 0
    CLOSE: Final = 1
    """Accept no more, handle what was accepted."""
    RESTART: Final = 2
    """End this incarnation for a restart of the group."""
    STOP_SELF: Final = 3
    """The actor ends itself after this message, normally."""
    SHUT_DOWN: Final = 4
    """The actor ends itself in order, with its significant children or the one it is linked to."""
    RESTART_NOW: Final = 5
    """End this incarnation at the next await: its shutdown time for a restart of the group is over."""
    STOP: Final = 6
    """End after this message."""
    KILL: Final = 7
    """End at the next await."""


def intent_name(intent: int) -> str:
    """Return what an intent is called, for traces."""
    return next(name.lower() for name, value in vars(Intent).items() if value == intent and name.isupper())


class Verdict:
    """The decisions of a supervisor about an incarnation that has ended."""

    END: Final = 1
    RESTART: Final = 2
    """After the pause of its backoff."""
    WAIT: Final = 3
    """Wait for the restart of the group."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an actor was spawned."""

    restart: Restart = Restart.TRANSIENT
    shutdown: float | None = 5.0
    significant: bool = False
    dynamic: bool = False
    """One of many alike: stopped together with the others of its kind."""
