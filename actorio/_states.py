"""Where an actor is in its life, what is asked of it, and what its supervisor decides."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from actorio.policy import Restart

__all__ = ["Intent", "Options", "State", "Verdict"]


class State(enum.Enum):
    """Where in its life an actor is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    ENDED = "ended"


class Intent(enum.IntEnum):
    """What was asked of an actor, the mightier later."""

    NONE = 0
    CLOSE = 1
    """Accept no more, handle what was accepted."""
    RECYCLE = 2
    """End this incarnation for a restart of the group."""
    LEAVE = 3
    """The actor ends itself after this message, normally."""
    RETIRE = 4
    """The actor ends itself in order, with its significant children or the one it is linked to."""
    ABORT = 5
    """End this incarnation at the next await: its shutdown time for a restart of the group is over."""
    STOP = 6
    """End after this message."""
    KILL = 7
    """End at the next await."""


class Verdict(enum.Enum):
    """What a supervisor decides about an incarnation that has ended."""

    END = enum.auto()
    RESTART = enum.auto()
    """After the pause of its backoff."""
    WAIT = enum.auto()
    """Wait for the restart of the group."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an actor was spawned."""

    restart: Restart = Restart.TRANSIENT
    shutdown: float | None = 5.0
    significant: bool = False
    dynamic: bool = False
    """One of many alike: stopped together with the others of its kind."""
