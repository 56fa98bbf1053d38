"""Recovery: from what is stored to a state, whole or not at all (P10).

The newest snapshot that can be read, then the events after it, in pages, with the loop let run in between. Whatever is
missing, damaged or unknown is an error, and no message is handled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from actorio.errors import DamagedError, RecoveryError, describe
from actorio.persistence._rows import ActorRow, EventRow, Loaded, SnapshotRow, checksum
from actorio.persistence.reading import PAGE

if TYPE_CHECKING:
    from actorio.persistence._journal import Journal
    from actorio.persistence.stored import StoredTypes

__all__ = ["Rules", "recover"]

logger = logging.getLogger("actorio")

_CHUNK = 100
"""Events that are applied before others may run: some hundred microseconds."""
_TRIES = 10
Apply = Callable[[Any, Any], Any]


class Rules:
    """How the state of one class of actors is made of what is stored."""

    __slots__ = ("apply", "events", "initial_state", "states")

    def __init__(
        self,
        initial_state: Callable[[], Any],
        states: StoredTypes,
        events: StoredTypes | None = None,
        apply: Apply | None = None,
    ) -> None:
        self.initial_state = initial_state
        self.states = states
        self.events = events
        self.apply = apply


class _Moved(Exception):
    """Another writer has written meanwhile: what was loaded does not fit what is read now."""


async def recover(journal: Journal, rules: Rules) -> Loaded:
    """Make the state; returns what was loaded, for the parts that are not the state.

    Raises:
        RecoveryError: what is stored cannot become a state.
        StoreUnavailableError: the database is away, longer than the store's timeout.
    """
    for _ in range(_TRIES):
        loaded = await journal.store._loaded(journal.durable_id)
        try:
            await _rebuild(journal, rules, loaded)
        except _Moved:
            continue
        return loaded
    raise RecoveryError(f"{journal.durable_id} is written to by others all the time", journal.durable_id)


async def _rebuild(journal: Journal, rules: Rules, loaded: Loaded) -> None:
    head = loaded.head
    if head is None:
        journal.state = rules.initial_state()
        return
    if head.sequence < head.erased or head.sequence < 0:
        raise DamagedError(
            f"{journal.durable_id}: its sequence is stored as {head.sequence}", journal.durable_id
        )
    state, begin = _begin(rules, head, loaded)
    if rules.events is not None:
        state = await _replayed(journal, rules, loaded, state, begin)
    journal.state = state
    journal.begin(head)
    journal.snapshots = tuple(sorted(row.sequence for row in loaded.snapshots))


def _begin(rules: Rules, head: ActorRow, loaded: Loaded) -> tuple[Any, int]:
    """Return the state of the newest snapshot that can be read, and its sequence."""
    problem: RecoveryError | None = None
    for row in loaded.snapshots:
        try:
            return _state_of(rules, head, row), row.sequence
        except RecoveryError as error:
            problem = problem or error
            if rules.events is not None:
                logger.warning("passed over a snapshot of %s: %s", head.durable_id, error)
    whole = head.deleted <= head.erased if rules.events is not None else head.sequence == head.erased
    if whole:
        return rules.initial_state(), head.erased
    if rules.events is None and problem is not None:
        raise problem
    raise DamagedError(
        f"{head.durable_id}: no snapshot can be read, and what they stand for is deleted up to sequence "
        f"{head.deleted or head.sequence}",
        head.durable_id,
        head.deleted or head.sequence,
    ) from problem


def _state_of(rules: Rules, head: ActorRow, row: SnapshotRow) -> Any:
    where = (head.durable_id, row.sequence, row.type, row.version)
    if not row.is_intact:
        raise DamagedError(
            f"{head.durable_id}, state of sequence {row.sequence}: the checksum is wrong", *where
        )
    fits = head.erased < row.sequence <= head.sequence and row.sequence >= head.deleted
    if not fits or (rules.events is None and row.sequence != head.sequence):
        raise DamagedError(
            f"{head.durable_id}, state of sequence {row.sequence}: it is not of this history, which is at "
            f"{head.sequence}",
            *where,
        )
    return rules.states.read(*where, row.body)


async def _replayed(journal: Journal, rules: Rules, loaded: Loaded, state: Any, begin: int) -> Any:
    """Apply the events after a snapshot."""
    head, last = loaded.head, begin
    assert head is not None
    async for rows in _pages(journal, loaded, begin):
        numbers = [row.sequence for row in rows]
        if numbers != [*range(last + 1, last + 1 + len(rows))] or numbers[-1] > head.sequence:
            await _check_unmoved(journal, head)
            raise _gap(head, last, rows)
        state = _applied(rules, state, rows)
        last = numbers[-1]
        await asyncio.sleep(0)
    if last != head.sequence:
        await _check_unmoved(journal, head)
        raise _gap(head, last, ())
    return state


def _applied(rules: Rules, state: Any, rows: Sequence[EventRow]) -> Any:
    """Apply these events; written out, since a recovery pays for it event by event."""
    apply, types = rules.apply, rules.events
    assert apply is not None
    assert types is not None
    read = types.read
    for row in rows:
        where = durable_id, sequence, type, version = row.durable_id, row.sequence, row.type, row.version
        body = row.body
        if row.crc != checksum(durable_id, sequence, type, version, body):
            raise DamagedError(f"{durable_id}, sequence {sequence}: the checksum is wrong", *where)
        event = read(durable_id, sequence, type, version, body)
        try:
            state = apply(state, event)
        except Exception as error:
            what = f"apply raised {describe(error)} at {describe(event)}"
            raise RecoveryError(f"{durable_id}, sequence {sequence}: {what}", *where) from error
    return state


async def _pages(journal: Journal, loaded: Loaded, begin: int) -> AsyncIterator[Sequence[EventRow]]:
    """Yield the events after a sequence, in pieces that take no long time to apply."""
    page: Sequence[EventRow] = loaded.events
    more = not loaded.whole
    if (
        loaded.snapshots and begin != loaded.snapshots[0].sequence
    ):  # what was loaded is behind a later snapshot
        page, more = (), True
    while page or more:
        for chunk in range(0, len(page), _CHUNK):
            yield page[chunk : chunk + _CHUNK]
        if not more:
            return
        last = page[-1].sequence if page else begin
        begin = last
        page = await journal.store._reading(journal.store._read, journal.durable_id, last, PAGE)
        more = len(page) == PAGE


async def _check_unmoved(journal: Journal, head: ActorRow) -> None:
    """Refuse a history that another writer has gone on with since the head was loaded."""
    loaded = await journal.store._loaded(journal.durable_id)
    if loaded.head is not None and loaded.head.revision != head.revision:
        raise _Moved


def _gap(head: ActorRow, last: int, rows: Sequence[EventRow]) -> DamagedError:
    """Return what is wrong with the numbers of these rows, which are to go on from `last`."""
    found = 0
    for row in rows:
        found = row.sequence
        if found != last + 1 or found > head.sequence:
            break
        last = found
    if not rows:
        what = f"the last event is {last}, and the stored sequence {head.sequence}"
    elif found > head.sequence:
        what = f"there is an event {found}, and the stored sequence is {head.sequence}"
    else:
        what = f"the event {last + 1} is missing"
    return DamagedError(f"{head.durable_id}: {what}", head.durable_id, last + 1)
