"""The reminders of one open actor: when they are due, and what their message does to them.

The first write of the turn of a reminder moves it on in the same transaction, so its effect on what is stored is
there exactly once. A turn that writes nothing moves it on afterwards.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from actorio._core.checks import check_instance
from actorio._core.events import DeadLetter
from actorio.errors import ActorError, ActorStoppedError, DamagedError, NotStorableError
from actorio.persistence._clock import LOOK_AHEAD, as_datetime, now
from actorio.persistence._msgspec import msgspec
from actorio.persistence._rows import ReminderRow, reminder_checksum
from actorio.persistence._unwritten import Unwritten
from actorio.persistence.reminders import Fired, Reminder

if TYPE_CHECKING:
    from actorio._core.deadlines import Deadline
    from actorio.persistence._journal import Journal
    from actorio.persistence.store import Store
    from actorio.persistence.stored import StoredTypes

__all__ = ["ATTEMPTS", "Alarms"]

ATTEMPTS = 5
"""Tries of one firing before it is parked; the pauses between them are 1, 2, 4 and 8 seconds."""


class _Entry:
    """One reminder that is set."""

    __slots__ = ("alarm", "message", "number", "row")

    def __init__(self, row: ReminderRow, message: Any, number: int) -> None:
        self.row = row
        self.message = message
        self.number = number
        self.alarm: Deadline | None = None

    def cancel(self) -> None:
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None


class Alarms:
    """The reminders of one incarnation."""

    def __init__(self, actor: Any, journal: Journal, types: StoredTypes) -> None:
        self._actor = actor
        self._journal = journal
        self._types = types
        self._entries: dict[str, _Entry] = {}
        self._messages: dict[str, tuple[ReminderRow, Any]] = {}
        """By key, the last row that was to be set, and its message; it may not have been written."""
        self._firing: _Entry | None = None
        """The reminder of this turn, until it is moved on."""
        self._begun = False
        self.fired: Fired | None = None

    # -- set, replaced, dropped --------------------------------------------------------------------

    def recover(self, rows: Sequence[ReminderRow]) -> None:
        """Take what is stored; `begin` sets the timers."""
        for row in rows:
            if not row.is_intact:
                raise DamagedError(
                    f"{row.durable_id}: the checksum of the reminder {row.key!r} is wrong", row.durable_id
                )
            message = self._types.read(row.durable_id, None, row.type, row.version, row.body)
            self._entries[row.key] = _Entry(row, message, self._journal.store._next_number())

    def set_ones(self) -> list[tuple[ReminderRow, Any, int]]:
        """Return the rows of all that are set, with their messages and numbers."""
        return [(entry.row, entry.message, entry.number) for entry in self._entries.values()]

    def put(self, row: ReminderRow, message: Any, number: int) -> None:
        """Take one that was set, without a timer."""
        self._entries[row.key] = _Entry(row, message, number)

    def begin(self) -> None:
        """Set the timers, once the actor has recovered; they go with the incarnation."""
        self._begun = True
        self._journal.context.ref._cell.own(Alarms, self)
        for entry in sorted(self._entries.values(), key=lambda one: one.row.due):
            self._schedule(entry)

    def has(self, key: str) -> bool:
        """Tell whether a reminder of that key is set."""
        return key in self._entries

    def rows_of(self, reminders: Sequence[Reminder]) -> list[ReminderRow]:
        """Return the rows of reminders that are to be set.

        Raises:
            NotStorableError: a message cannot be stored.
        """
        rows: dict[str, ReminderRow] = {}
        journal = self._journal
        for one in reminders:
            check_instance("a reminder", one, Reminder)
            if self._types.is_open:
                raise NotStorableError(
                    f"the messages of {type(self._actor).__qualname__} are of any class: name those that reminders"
                    " have as its first type argument",
                    journal.durable_id,
                )
            encoded, message = self._types.store(
                one.message, journal.durable_id, journal.store.max_event_bytes
            )
            name = f"{encoded.type}\0{encoded.version}"
            row = rows[one.key] = ReminderRow(
                journal.durable_id,
                one.key,
                one.due,
                one.due,
                one.interval,
                1,
                encoded.type,
                encoded.version,
                reminder_checksum(journal.durable_id, one.key, one.interval, name, encoded.body),
                encoded.body,
            )
            self._messages[one.key] = row, message
        return list(rows.values())

    def written(self, remind: Sequence[ReminderRow], forget: Sequence[str]) -> None:
        """Note what was committed."""
        for key in forget:
            if (gone := self._entries.pop(key, None)) is not None:
                gone.cancel()
                self._is_moved(key)
        for row in remind:
            old = self._entries.get(row.key)
            if old is not None:
                old.cancel()
            set_row, message = self._messages.pop(row.key, (None, None))
            if set_row is not row and old is not None:  # it is moved on
                message = old.message
            entry = self._entries[row.key] = _Entry(row, message, self._journal.store._next_number())
            self._is_moved(row.key)
            if self._begun:
                self._schedule(entry)

    def _is_moved(self, key: str) -> None:
        if self._firing is not None and self._firing.row.key == key:
            self._firing = None

    def cancel(self) -> None:
        """Drop the timers: the incarnation ends.

        But for those that nobody would look for in time, of an actor that is to be started for them.
        """
        self._begun = False
        late = now() + LOOK_AHEAD
        for entry in self._entries.values():
            if entry.row.next is None or entry.row.next > late:
                entry.cancel()

    def close(self) -> None:
        """Drop them all."""
        for entry in self._entries.values():
            entry.cancel()
        self._entries.clear()
        self._firing = None

    # -- due ---------------------------------------------------------------------------------------

    def _schedule(self, entry: _Entry) -> None:
        if entry.row.next is not None:
            store = self._journal.store
            # Weakly: the timer of a year from now must not keep the actor of an hour.
            ring = partial(_ring, weakref.ref(self), store, entry.row.key, entry.number)
            entry.alarm = store._wall.at(entry.row.next, ring)

    def deliver(self, key: str, number: int) -> bool:
        """Put the message in line; False when the incarnation has ended."""
        try:
            self._journal.context.start_soon(self._deliver, key, number)
        except (ActorError, ActorStoppedError):
            return False
        return True

    async def _deliver(self, key: str, number: int) -> None:
        try:
            await self._journal.context.ref.cast(type(self._actor)._fire, key, number)
        except ActorStoppedError:
            self._journal.store._look_for_due()

    # -- fired -------------------------------------------------------------------------------------

    async def fire(self, key: str, number: int) -> None:
        """Handle the message of a reminder in this turn."""
        entry = self._entries.get(key)
        if entry is None or entry.number != number or entry.row.next is None:
            return
        time = now()
        if time < entry.row.next:  # the clock was set back, or is looked at more exactly here
            self._schedule(entry)
            return
        row = entry.row
        missed = 0 if row.interval is None else math.floor((time - row.due) / row.interval)
        due = row.due + missed * (row.interval or 0)
        self.fired = Fired(key, as_datetime(due), missed, row.attempt)
        self._firing = entry
        try:
            await self._handle(entry)
        finally:
            self.fired = self._firing = None

    async def _handle(self, entry: _Entry) -> None:
        try:
            outcome = self._actor.receive(entry.message)
            if isinstance(outcome, Awaitable):
                await outcome
        except Exception:
            if self._firing is not None:
                self._firing = None
                await self._try_again(entry)
            raise
        if self._firing is not None:
            await self._journal.commit(Unwritten(self._journal.state, self._journal.sequence))

    def moved_on(
        self, remind: Sequence[ReminderRow], forget: Sequence[str]
    ) -> tuple[Sequence[ReminderRow], Sequence[str]]:
        """Add to a write what moves the reminder of this turn on, unless the write sets or drops it itself."""
        entry = self._firing
        if entry is None or entry.row.key in forget or any(row.key == entry.row.key for row in remind):
            return remind, forget
        row = entry.row
        if row.interval is None:
            return remind, (*forget, row.key)
        assert self.fired is not None
        due = self.fired.due.timestamp() + row.interval
        moved = msgspec.structs.replace(row, due=due, next=due, attempt=1)
        return (*remind, moved), forget

    async def _try_again(self, entry: _Entry) -> None:
        """Note that the handler has failed: when it is tried again, or that it is parked."""
        if self._journal.ended is not None:  # nothing can be written: it fires again after the recovery
            return
        row = entry.row
        parked = row.attempt >= ATTEMPTS
        later = msgspec.structs.replace(
            row,
            next=None if parked else now() + 2.0 ** (row.attempt - 1),
            attempt=row.attempt if parked else row.attempt + 1,
        )
        await self._journal.commit(Unwritten(self._journal.state, self._journal.sequence, remind=[later]))
        events = self._journal.context.system.events
        if parked and events.wants(DeadLetter):
            events.publish(DeadLetter(self._journal.context.ref, entry.message, "reminder"))


def _ring(alarms: weakref.ref[Alarms], store: Store, key: str, number: int) -> None:
    open_ones = alarms()
    if open_ones is None or not open_ones.deliver(key, number):
        store._look_for_due()
