"""Bugs that were planted: each is put in for a while, and must be found."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from actorio.errors import StoreError
from actorio.persistence import EventSourced, MemoryStore
from actorio.persistence._group_commit import GroupCommit
from actorio.persistence._journal import Journal
from actorio.persistence._rows import Loaded, Write
from actorio.persistence.store import Store

__all__ = ["PLANTED", "EarlyPositions", "planted"]


async def _not_waiting(self: Store, durable_id: str) -> Loaded:
    """P9: a recovery that does not wait for what is in flight."""
    self._check()
    return await self._loads.load(durable_id)


def _not_failing(self: Journal, error: BaseException) -> None:
    """P8: an incarnation that goes on in doubt."""


def _early_ack(self: GroupCommit, write: Write) -> Any:
    """P1: acknowledged before the commit."""
    future = _SUBMIT(self, write)
    early = self._loop.create_future()
    early.set_result(write.row)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return early


_SUBMIT = GroupCommit.submit
_COMMIT = Journal.commit
_ADD_SNAPSHOT = EventSourced._add_snapshot


async def _early_state(self: Journal, new: Any) -> None:
    """P5: the state changes before the commit."""
    self.state, self.sequence = new.state, new.sequence
    await _COMMIT(self, new)


async def _commit_apart(self: Journal, new: Any) -> None:
    """P15: a reminder is moved on after the write of its turn, and not in it."""
    if new.events or new.snapshot is not None:
        firing = None if self.alarms is None else self.alarms._firing
        if firing is not None and self.alarms is not None:
            self.alarms._firing = None
            await _COMMIT(self, new)
            self.alarms._firing = firing
            return
    await _COMMIT(self, new)


def _snapshot_too_new(self: Any, journal: Journal, new: Any) -> None:
    """P11: a snapshot that has one event more than it says."""
    _ADD_SNAPSHOT(self, journal, new)
    if new.snapshot is not None and new.sequence > 1:
        new.snapshot = journal.snapshot_of(new.state, new.sequence - 1, type(self)._stored_types()["state"])
        new.kept = (*new.kept[:-1], new.sequence - 1)


async def _cache_outlives(self: Journal, new: Any) -> None:
    """P14: what was done under an id is noted before the commit, and stays when that fails."""
    if new.once is not None:
        self.done = {**(self.done or {}), new.once[0]: (new.sequence, new.once[1])}
    await _COMMIT(self, new)


PLANTED: dict[str, tuple[type[Any], str, Callable[..., Any]]] = {
    "no waiting": (Store, "_loaded", _not_waiting),
    "no failing in doubt": (Journal, "_end", _not_failing),
    "ack before commit": (GroupCommit, "submit", _early_ack),
    "state before commit": (Journal, "commit", _early_state),
    "reminder moved on apart": (Journal, "commit", _commit_apart),
    "snapshot too new": (EventSourced, "_add_snapshot", _snapshot_too_new),
    "cache outlives a rollback": (Journal, "commit", _cache_outlives),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Put a bug in for a while."""
    where, attribute, bug = PLANTED[name]
    right = getattr(where, attribute)
    setattr(where, attribute, bug)
    try:
        yield
    finally:
        setattr(where, attribute, right)


class EarlyPositions(MemoryStore):
    """P16: positions are drawn before the write is serialised, as without the lock of PostgreSQL."""

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        drawn = self._last
        self._last += sum(len(write.events) for write in group)
        reserved = self._last
        await asyncio.sleep(0.001 * (drawn % 3))
        self._last = drawn
        try:
            return [self._carry_out(write) for write in group]
        finally:
            self._last = max(reserved, self._last)
