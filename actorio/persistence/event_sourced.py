"""`EventSourced`: an actor that writes events, and whose state is what they come to."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Generic, cast, overload

from actorio._core.checks import check_iterable, check_plain_function
from actorio._core.typevar import TypeVar
from actorio.errors import NotStorableError, describe
from actorio.persistence._checks import check_text
from actorio.persistence._clock import now
from actorio.persistence._durable import MOST_ONCE, C, Durable, Reply, S
from actorio.persistence._journal import Journal
from actorio.persistence._kinds import WritesEvents
from actorio.persistence._recovery import Rules
from actorio.persistence._rows import EventRow
from actorio.persistence._snapshots import SnapshotEvery
from actorio.persistence._unwritten import Unwritten
from actorio.persistence.reminders import Reminder
from actorio.persistence.stored import StoredTypes

__all__ = ["EventSourced"]

E = TypeVar("E", default=Any)
R = TypeVar("R")

_MOST_TAGS = 16
_LONGEST_TAG = 64


class EventSourced(Durable[C, S], WritesEvents[E], Generic[C, E, S]):
    """An actor of commands C that writes events E, and is rebuilt by applying them to its state S.

    Write `initial_state`, `apply` and `receive`, and `await self.persist(event)` in a turn. On its return the events
    are committed, and `state` is the one after them.
    """

    snapshots: ClassVar[SnapshotEvery | None] = None
    """How often the state is written as well, so that a recovery need not begin with the first event."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if inspect.iscoroutinefunction(cls.apply) or inspect.isasyncgenfunction(cls.apply):
            raise TypeError(
                f"{cls.__qualname__}.apply must be a plain function: it makes a state, and waits for nothing"
            )
        every: object = cls.snapshots
        if every is not None and not isinstance(every, SnapshotEvery):
            raise TypeError(
                f"{cls.__qualname__}.snapshots must be a SnapshotEvery or None, not {describe(every)}"
            )

    @classmethod
    def _read_types(cls) -> dict[str, StoredTypes]:
        name = cls.__qualname__
        commands, events, states = cls._arguments(EventSourced)
        return {
            "message": StoredTypes(f"messages of {name}", commands, lenient=True),
            "event": StoredTypes(f"events of {name}", events),
            "state": StoredTypes(f"states of {name}", states, lenient=True),
        }

    # -- yours -------------------------------------------------------------------------------------

    def apply(self, state: S, event: E) -> S:
        """Return the state after an event.

        Pure: no I/O, no clock, nothing changed in place. Called before the write, and in each recovery.
        """
        raise NotImplementedError(f"{type(self).__qualname__} needs an apply")

    def tags(self, event: E) -> Iterable[str]:
        """Return the tags under which an event can be read: 16 at most, of 1 to 64 characters."""
        return ()

    # -- writing -----------------------------------------------------------------------------------

    @overload
    async def persist(
        self,
        *events: E,
        once: str | None = None,
        remind: Sequence[Reminder] = (),
        forget: Sequence[str] = (),
    ) -> None: ...
    @overload
    async def persist(
        self,
        *events: E,
        reply: Reply[S, R],
        once: str | None = None,
        remind: Sequence[Reminder] = (),
        forget: Sequence[str] = (),
    ) -> R: ...
    async def persist(
        self,
        *events: E,
        reply: Reply[S, Any] | None = None,
        once: str | None = None,
        remind: Sequence[Reminder] = (),
        forget: Sequence[str] = (),
    ) -> Any:
        """Write events, all of them in one transaction; on return it is committed and `state` is the new one.

        Args:
            events: they are encoded, decoded, compared and applied before anything is written.
            reply: makes the reply of the new state, before the write; returned after the commit.
            once: an id of what is carried out, of 1 to 128 characters: a second persist under it writes nothing and
                returns the reply of the first.
            remind: reminders to set in the same transaction.
            forget: keys of reminders to drop in it.

        Raises:
            NotStorableError: an event does not come back equal, or `apply` raised; nothing was written.
            StoreUnavailableError: the database is away, locked or full; nothing was written.
            ConflictError: another writer was first; nothing was written, and this incarnation ends.
            OutcomeUnknownError: nobody can say whether it was written; this incarnation ends, the next one knows.
            StoreFailedError: the store has failed for good.
            RuntimeError: not in a turn of this actor, or while another write of it is under way.

        Cancellation: it may be written or not; the incarnation ends after its message, and the next one knows.
        """
        journal = self._own_journal()
        journal.check_turn("persist")
        _check_reply(reply)
        if once is not None:
            check_text("once", once, MOST_ONCE)
            if (done := journal.done_under(once)) is not None:
                return done.reply
        new, answer = self._prepared(journal, events, reply, once, remind, forget)
        if not new.is_empty:
            try:
                await journal.commit(new)
            except BaseException as error:
                self._cannot_undo(journal, new, error)
                raise
        return answer

    def _prepared(
        self,
        journal: Journal,
        events: Sequence[E],
        reply: Reply[S, Any] | None,
        once: str | None,
        remind: Sequence[Reminder],
        forget: Sequence[str],
    ) -> tuple[Unwritten, Any]:
        """Encode and apply; returns what is to be written, and the reply."""
        new = Unwritten(journal.state, journal.sequence)
        if remind != () or forget != ():
            self._add_reminders(journal, new, remind, forget)
        new.state = self._applied(journal, new, self._add_events(journal, new, events))
        try:
            answer = None if reply is None else reply(cast("S", new.state))
            if once is not None:
                new.once = once, journal.encode_reply(answer)
            if events and self._is_time_for_a_snapshot(journal, new):
                self._add_snapshot(journal, new)
        except BaseException as error:
            self._cannot_undo(journal, new, error)
            raise
        return new, answer

    def _cannot_undo(self, journal: Journal, new: Unwritten, error: BaseException) -> None:
        """End the incarnation if `apply` has changed the state in place."""
        if new.in_place:
            journal.undo_is_impossible(error)

    def _add_events(self, journal: Journal, new: Unwritten, events: Sequence[E]) -> list[E]:
        """Encode the events; returns what would be read back of them."""
        if not events:
            return []
        types, most = type(self)._stored_types()["event"], journal.store.max_event_bytes
        if types.is_open:
            raise TypeError(
                f"{type(self).__qualname__} has no class of events: write EventSourced[Command, Event, State]"
            )
        at = now()
        rows: list[EventRow] = []
        decoded: list[E] = []
        for sequence, event in enumerate(events, journal.sequence + 1):
            one, back = types.store(event, journal.durable_id, most)
            rows.append(journal.row_of(one, sequence, at, self._tags_of(back)))
            decoded.append(back)
        new.events = tuple(rows)
        new.sequence += len(rows)
        return decoded

    def _tags_of(self, event: E) -> Sequence[str]:
        tags = self.tags(event)
        if tags == ():
            return ()
        check_iterable("tags", tags, "str")
        tags = tuple(dict.fromkeys(check_text("a tag", tag, _LONGEST_TAG) for tag in tags))
        if len(tags) > _MOST_TAGS:
            raise ValueError(f"an event has at most {_MOST_TAGS} tags, not {len(tags)}")
        return tags

    def _applied(self, journal: Journal, new: Unwritten, events: Sequence[E]) -> S:
        before = state = cast("S", journal.state)
        for event in events:
            try:
                state = self.apply(state, event)
            except Exception as error:
                self._cannot_undo(journal, new, error)
                raise NotStorableError(
                    f"{journal.durable_id}: apply raised {describe(error)} at {describe(event)}",
                    journal.durable_id,
                ) from error
            if state is before:
                new.in_place = True
        return state

    # -- snapshots ---------------------------------------------------------------------------------

    async def snapshot(self) -> None:
        """Write the state now, so that the next recovery begins with it; nothing if it is written already.

        Raises as `persist` does.
        """
        journal = self._own_journal()
        journal.check_turn("snapshot")
        new = Unwritten(journal.state, journal.sequence)
        if journal.sequence and journal.sequence not in journal.snapshots:
            self._add_snapshot(journal, new)
            await journal.commit(new)

    def _is_time_for_a_snapshot(self, journal: Journal, new: Unwritten) -> bool:
        if self.snapshots is None:
            return False
        last = journal.snapshots[-1] if journal.snapshots else journal.erased
        return new.sequence - last >= self.snapshots.events

    def _add_snapshot(self, journal: Journal, new: Unwritten) -> None:
        every = self.snapshots or SnapshotEvery(1)
        new.snapshot = journal.snapshot_of(new.state, new.sequence, type(self)._stored_types()["state"])
        new.kept = (*journal.snapshots, new.sequence)[-every.keep :]
        if every.delete_events:
            new.delete_through = new.kept[0]

    def _rules(self, types: dict[str, StoredTypes]) -> Rules:
        return Rules(self.initial_state, types["state"], types["event"], self.apply)


def _check_reply(reply: object) -> None:
    if reply is not None:
        check_plain_function("reply", reply)
