"""Engines carry a cluster: frames from node to node, and a small store with compare-and-set.

An engine may lose frames, never reorder those of one sender to one receiver, and answers each write with a
revision of one order over all keys. `Nats` is one, `SimulatedNetwork.engine` in `actorio.testing` another.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["LIVE", "SNAPSHOT", "Change", "Clock", "Engine", "Receive", "RevisionConflict", "Up"]

Receive = Callable[[str, bytes], None]
"""Is called with the name of the sender, which the engine vouches for, and the frame."""
Up = Callable[[bool], None]
"""Is called when the engine is reached again, and when it no longer is."""


class RevisionConflict(Exception):
    """The key has another revision than the one that was named."""


class _Mark:
    """A place in what a watch tells."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


SNAPSHOT: Final = _Mark("SNAPSHOT")
"""The whole store follows: what is not in it is gone."""
LIVE: Final = _Mark("LIVE")
"""The snapshot is complete; each change follows, in order."""


@dataclass(frozen=True, slots=True)
class Change:
    """A key has a value since that revision, or none."""

    key: str
    value: bytes | None
    revision: int


class Engine(Protocol):
    """The protocol of an engine, as a cluster needs it.

    Attributes:
        lease: seconds that it advises for the lease.
        heartbeat: seconds that it advises for the heartbeat.
        max_frame: most bytes of one frame, known once it is connected.
    """

    lease: float
    heartbeat: float
    max_frame: int

    async def connect(self, cluster: str, node: str, receive: Receive, up: Up) -> None:
        """Reach the engine; called once, before all else.

        Raises:
            EngineError: it does not let this node in.
        """

    def send(self, node: str, frame: bytes) -> None:
        """Send a frame; never waits, and may lose it."""

    async def create(self, key: str, value: bytes) -> int:
        """Write a key that has no value; returns its revision.

        Raises:
            RevisionConflict: it has one.
            Exception: whether it was written is not known.
        """
        ...

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a key that has this revision; returns the new one. Raises as `create` does."""
        ...

    async def delete(self, key: str, revision: int) -> None:
        """Delete a key that has this revision. Raises as `create` does."""

    def watch(self) -> AsyncIterator[Change | _Mark]:
        """Tell `SNAPSHOT`, the changes that make it up, `LIVE`, then each change; anew after a doubt."""
        ...

    async def close(self) -> None:
        """Let go of the engine. Idempotent."""


class Clock:
    """Tells how much time has passed: the time a machine sleeps counts, a jump of the wall clock does not.

    A simulated engine has one of its own, whose rate drifts.
    """

    rate = 1.0

    def __init__(self) -> None:
        self._id = getattr(time, "CLOCK_BOOTTIME", None)

    def now(self) -> float:
        """Return a number of seconds, of which only differences mean something."""
        return time.monotonic() if self._id is None else time.clock_gettime(self._id)
