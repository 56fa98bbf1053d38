"""The store of a replayed durable actor: it keeps nothing, and each write comes to what it came to in production."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["durable_types", "give_store"]


class Outcomes(Protocol):
    """Knows what the writes of production came to."""

    async def of_write(self, sequence: int) -> None:
        """Wait for what a write came to, and raise what it raised."""


class ReplayedStore:
    """Takes the writes of the replayed actor."""

    max_event_bytes = sys.maxsize

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._wall = _NoTimers()

    def _check(self) -> None:
        """It is always open."""

    def _submit(self, write: Any) -> asyncio.Future[int]:
        return asyncio.ensure_future(self._write(write))

    async def _write(self, write: Any) -> int:
        await self._outcomes.of_write(write.sequence)
        return int(write.row)

    def _next_number(self) -> int:
        return _AnyNumber()


class _NoTimers:
    """Reminders are quiet: when one has fired is among the inputs."""

    def at(self, when: float, ring: Callable[[], object]) -> None:
        """Do nothing."""


class _AnyNumber(int):
    """The number of a reminder that was set in the replay: which one it had in production is not known."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int)

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, int)

    __hash__ = int.__hash__


def give_store(actor: Any, outcomes: Outcomes) -> None:
    """Give a durable actor that was made of a capsule its store."""
    journal: Any = getattr(actor, "_journal", None)
    if type(journal) in durable_types():
        journal.store = ReplayedStore(outcomes)


def durable_types() -> list[type]:
    """Return the classes of durable actors that a replay may make: none where their package is not in use."""
    module = sys.modules.get("actorio.persistence._journal")
    return [] if module is None else [module.Journal]
