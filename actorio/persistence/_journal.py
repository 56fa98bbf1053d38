"""The knowledge of one incarnation of a durable actor of what is stored, and its one way of writing.

A write is computed from the state as of the last commit, committed, and only then becomes the state (P5). While it
is under way the turn stays open (P6). What cannot be told, or was computed from an older revision, ends the
incarnation after its message: the next one recovers (P8).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actorio.errors import (
    NotStorableError,
    OutcomeUnknownError,
    StoreError,
    StoreFailedError,
    StoreUnavailableError,
    describe,
)
from actorio.persistence._capsuled import encoded, restored
from actorio.persistence._clock import now
from actorio.persistence._msgspec import msgspec
from actorio.persistence._rows import (
    ActorRow,
    EventRow,
    OnceRow,
    SnapshotRow,
    Write,
    checksum,
    erasure,
    once_checksum,
)
from actorio.persistence._unwritten import Unwritten

if TYPE_CHECKING:
    from actorio.context import Context
    from actorio.persistence._alarms import Alarms
    from actorio.persistence.store import Store
    from actorio.persistence.stored import Encoded, StoredTypes

__all__ = ["Done", "Journal"]

logger = logging.getLogger("actorio")


@dataclass(frozen=True, slots=True)
class Done:
    """The record of what was carried out under a once id: the sequence after it, and the reply that was given."""

    sequence: int
    reply: Any


class Journal:
    """The stored part of one incarnation."""

    __slots__ = (
        "actor",
        "alarms",
        "busy",
        "done",
        "durable_id",
        "ended",
        "erased",
        "has_recovered",
        "once_kept",
        "revision",
        "row",
        "sequence",
        "snapshots",
        "state",
        "store",
    )

    def __init__(self, actor: Any, store: Store, durable_id: str, once_kept: int) -> None:
        self.actor = actor
        self.store = store
        self.durable_id = durable_id
        self.once_kept = once_kept
        self.row = self.revision = self.sequence = self.erased = 0
        self.state: Any = None
        self.snapshots: Sequence[int] = ()
        self.done: dict[str, tuple[int, bytes]] | None = None
        self.alarms: Alarms | None = None
        self.busy = self.has_recovered = False
        self.ended: BaseException | None = None
        """Why this incarnation must not write any more."""

    def begin(self, head: ActorRow | None) -> None:
        """Note where the id is."""
        if head is not None:
            self.row, self.revision, self.sequence = head.row, head.revision, head.sequence
            self.erased = head.erased

    def __capsule__(self) -> dict[str, Any]:
        """Return what a capsule of the actor has of it."""
        return encoded(self)

    @classmethod
    def __from_capsule__(cls, data: dict[str, Any]) -> Journal:
        """Make it in a replay."""
        journal = cls.__new__(cls)
        restored(journal, data)
        return journal

    @property
    def context(self) -> Context:
        """Return the actor's context."""
        context: Context = self.actor.context
        return context

    # -- what is to be written ---------------------------------------------------------------------

    def check_turn(self, what: str) -> None:
        """Refuse a write from anywhere but a turn of the actor, or while one is under way.

        Raises:
            RuntimeError: it is so.
            OutcomeUnknownError, ConflictError, StoreFailedError: this incarnation is to end for that.
        """
        if not self.context.in_turn:
            raise RuntimeError(
                f"{what} works in a turn of {self.durable_id} itself, not in a task or beside its turns"
            )
        if self.busy:
            raise RuntimeError(f"{what} of {self.durable_id} while another write of it is under way")
        if self.ended is not None:
            raise self.ended

    def row_of(self, event: Encoded, sequence: int, at: float, tags: Sequence[str]) -> EventRow:
        """Return the row of an encoded event."""
        crc = checksum(self.durable_id, sequence, event.type, event.version, event.body)
        return EventRow(
            self.durable_id, sequence, event.type, event.version, at, crc, event.body, tuple(tags)
        )

    def snapshot_of(self, state: Any, sequence: int, types: StoredTypes) -> SnapshotRow:
        """Return the row of a state.

        Raises:
            NotStorableError: it cannot be stored.
        """
        return self.snapshot_and_back(state, sequence, types)[0]

    def snapshot_and_back(self, state: Any, sequence: int, types: StoredTypes) -> tuple[SnapshotRow, Any]:
        """Return the row of a state, and what would be read back of it."""
        one, back = types.store(state, self.durable_id, self.store.max_event_bytes)
        crc = checksum(self.durable_id, sequence, one.type, one.version, one.body)
        return SnapshotRow(self.durable_id, sequence, one.type, one.version, now(), crc, one.body), back

    def encode_reply(self, reply: Any) -> bytes:
        """Return a reply as it is kept under a once id.

        Raises:
            NotStorableError: it is not made of plain JSON.
        """
        if not _is_plain(reply):
            raise NotStorableError(
                f"a reply that is kept under a once id is made of None, bool, int, finite float, str, list and "
                f"dict[str, ...], not {describe(reply)}",
                self.durable_id,
            )
        try:
            body: bytes = msgspec.json.encode(reply)
            same = msgspec.json.decode(body) == reply
        except Exception as error:
            raise NotStorableError(
                f"the reply {describe(reply)} cannot be stored: {error}", self.durable_id
            ) from error
        if not same:
            raise NotStorableError(f"the reply {describe(reply)} does not come back equal", self.durable_id)
        if len(body) > self.store.max_event_bytes:
            raise NotStorableError(
                f"a reply has {len(body):,} bytes; max_event_bytes is {self.store.max_event_bytes:,}",
                self.durable_id,
            )
        return body

    def done_under(self, once: str) -> Done | None:
        """Return what was carried out under a once id."""
        found = None if self.done is None else self.done.get(once)
        return None if found is None else Done(found[0], msgspec.json.decode(found[1]))

    # -- writing -----------------------------------------------------------------------------------

    async def commit(self, new: Unwritten) -> None:
        """Write, and make it the state once it is committed."""
        remind, forget = new.remind, new.forget
        if self.alarms is not None:
            remind, forget = self.alarms.moved_on(remind, forget)
        once, dropped = self._once_row(new)
        await self._write(
            Write(
                durable_id=self.durable_id,
                row=self.row,
                revision=self.revision,
                sequence=new.sequence,
                events=new.events,
                snapshot=new.snapshot,
                keep_snapshots=new.kept[0] if new.kept else 0,
                delete_through=new.delete_through,
                once=once,
                once_dropped=dropped,
                remind=remind,
                forget=forget,
            )
        )
        self.state, self.sequence = new.state, new.sequence
        if new.kept:
            self.snapshots = new.kept
        if once is not None:
            self._keep_once(once, dropped)
        if remind or forget:
            self._alarms().written(remind, forget)

    def _alarms(self) -> Alarms:
        alarms = self.alarms
        if alarms is None:
            made: Alarms = self.actor._new_alarms(self)
            alarms = self.alarms = made
            if self.has_recovered:
                alarms.begin()
        return alarms

    def _once_row(self, new: Unwritten) -> tuple[OnceRow | None, Sequence[str]]:
        if new.once is None:
            return None, ()
        once, reply = new.once
        crc = once_checksum(self.durable_id, once, new.sequence, reply)
        row = OnceRow(self.durable_id, once, new.sequence, self.revision + 1, now(), crc, reply)
        known = self.done or {}
        too_many = max(0, len(known) + 1 - self.once_kept)
        return row, tuple(known)[:too_many]

    def _keep_once(self, row: OnceRow, dropped: Sequence[str]) -> None:
        if self.done is None:
            self.done = {}
        for once in dropped:
            del self.done[once]
        self.done[row.once] = (row.sequence, row.reply)

    async def erase(self) -> None:
        """Delete all that is stored under the id."""
        await self._write(erasure(ActorRow(self.durable_id, self.row, self.sequence, self.revision)))
        self.sequence += 1
        self.erased = self.sequence
        self.snapshots, self.done = (), None
        if self.alarms is not None:
            self.alarms.close()
            self.alarms = None

    async def _write(self, write: Write) -> None:
        try:
            outcome = self.store._submit(write)
        except StoreFailedError as error:
            self._end(error)
            raise
        cell = self.context.ref._cell
        if (tell := cell.observers.persisting) is not None:
            tell(cell, self.actor, write)
        self.busy = True
        try:
            self.row = await outcome
        except BaseException as error:
            self._take(error)
            if (tell := cell.observers.persisted) is not None:
                tell(cell, self.actor, write, error)
            raise
        finally:
            self.busy = False
        self.revision += 1
        if (tell := cell.observers.persisted) is not None:
            tell(cell, self.actor, write, None)

    def _take(self, error: BaseException) -> None:
        """End this incarnation, unless it is certain that nothing was written and nobody else has."""
        if isinstance(error, StoreUnavailableError):
            return
        if not isinstance(error, StoreError):  # cancelled, in all likelihood: the store finishes what it has
            doubt = OutcomeUnknownError(f"a write of {self.durable_id} was broken off", self.durable_id)
            doubt.__cause__, error = error, doubt
        self._end(error)

    def _end(self, error: BaseException) -> None:
        """End this incarnation after its message, and write nothing more in it."""
        self.ended = error
        self.context.fail(error)

    def undo_is_impossible(self, error: BaseException) -> None:
        """The state was changed in place, and what it was changed for is not written: end, and recover."""
        if self.ended is None:
            self._end(error)


def _is_plain(value: Any) -> bool:
    if type(value) is list:
        return all(_is_plain(one) for one in value)
    if type(value) is dict:
        return all(type(key) is str and _is_plain(one) for key, one in value.items())
    if type(value) is float:
        return value - value == 0  # not NaN, and finite
    return value is None or type(value) in (bool, int, str)
