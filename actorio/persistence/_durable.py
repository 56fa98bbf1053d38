"""The base of event-sourced and durable-state actors: their id, their recovery, once ids, reminders, erase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, cast, final

from actorio._core.checks import check_count
from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.errors import ActorError, DamagedError
from actorio.persistence._alarms import Alarms
from actorio.persistence._checks import check_kind, check_text
from actorio.persistence._journal import Done, Journal
from actorio.persistence._recovery import Rules, recover
from actorio.persistence._rows import Loaded
from actorio.persistence._unwritten import Unwritten
from actorio.persistence.reminders import Fired, Reminder
from actorio.persistence.store import Store
from actorio.persistence.stored import StoredTypes, resolved, type_arguments

__all__ = ["MOST_ONCE", "C", "Durable", "Reply", "S"]

C = TypeVar("C", default=Any)
S = TypeVar("S", default=Any)
T = TypeVar("T")
R = TypeVar("R")
Reply = Callable[[T], R]
"""Makes a reply of the new state."""

MOST_ONCE = 128
"""Characters of a once id, at most."""
_LONGEST_KEY = 200


class Durable(Actor[C], Generic[C, S]):
    """An actor whose state outlives its process. Subclass `EventSourced` or `DurableState`."""

    kind: ClassVar[str]
    """The first half of the id. Unless a class or a base of it sets it, it is the name of the class."""

    once_kept: ClassVar[int] = 1000
    """How many once ids of an actor are kept, at least 1."""

    _has_stored_state: ClassVar[bool] = True
    """A part of the state is neither in the arguments nor in the messages: a capsule begins with a checkpoint."""

    _kind_is_given: ClassVar[bool] = False
    _types: ClassVar[dict[str, StoredTypes] | None] = None
    _journal: Journal | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" in cls.__dict__:
            cls._kind_is_given = True
        elif not cls._kind_is_given:
            cls.kind = cls.__name__
        cls._types = None
        for name in ("on_start", "run"):
            if getattr(cls, name) is not getattr(Durable, name):
                raise TypeError(
                    f"{cls.__qualname__} must not override {name}, in which a durable actor recovers:"
                    f" {'override on_recovered' if name == 'on_start' else 'it has a receive'}"
                )
        try:
            cls._types = cls._read_types()
        except NameError:  # a string in its type arguments, of a class that comes later
            cls._types = None

    # -- its types ---------------------------------------------------------------------------------

    @classmethod
    def _read_types(cls) -> dict[str, StoredTypes]:
        """Read the classes that are stored from the type arguments, by their part: `event`, `state`, `message`."""
        raise NotImplementedError

    @classmethod
    def _arguments(cls, base: type[Any]) -> list[Any]:
        """Return its type arguments; `Any` for a type variable that nothing was given for."""
        given = type_arguments(cls, base)
        return [Any if isinstance(one, TypeVar) else resolved(one, cls.__module__) for one in given]

    @classmethod
    def _stored_types(cls) -> dict[str, StoredTypes]:
        if cls._types is None:
            try:
                cls._types = cls._read_types()
            except NameError as error:
                raise TypeError(f"a type argument of {cls.__qualname__} is not there: {error}") from error
        return cls._types

    # -- its state ---------------------------------------------------------------------------------

    def initial_state(self) -> S:
        """Return the state before anything was written. Called at each recovery."""
        raise NotImplementedError(f"{type(self).__qualname__} needs an initial_state")

    @property
    def key(self) -> str:
        """The second half of the id: the actor's name, unless this is overridden."""
        if not self.context.name_given:
            raise ValueError(
                f"a durable actor needs a key that it has again next time: spawn {type(self).__qualname__} with a name,"
                " or override `key`"
            )
        return self.context.name

    @property
    def durable_id(self) -> str:
        """`kind/key`, under which everything is stored."""
        if self._journal is not None:
            return self._journal.durable_id
        kind, key = check_kind("kind", self.kind), check_text("key", self.key, _LONGEST_KEY)
        return f"{kind}/{key}"

    @property
    def state(self) -> S:
        """The state as of the last commit."""
        return cast("S", self._own_journal().state)

    @property
    def sequence(self) -> int:
        """How many events (or saves) there were, as of the last commit; it never falls."""
        return self._own_journal().sequence

    def _own_journal(self) -> Journal:
        if self._journal is None:
            raise ActorError(f"{type(self).__qualname__} has not recovered yet: use on_recovered, or receive")
        return self._journal

    # -- recovery ----------------------------------------------------------------------------------

    @final
    async def on_start(self) -> None:
        """Recover; `on_recovered` is the hook to override."""
        types = type(self)._stored_types()
        store: Any = self.context.system.store
        if not isinstance(store, Store):
            raise ActorError(f"durable actors need a store of actorio.persistence, not {store!r}")
        durable_id = self.durable_id
        check_count("once_kept", self.once_kept, least=1)
        store._check()
        store._claim(durable_id, self.context.ref)
        journal = Journal(self, store, durable_id, self.once_kept)
        loaded = await recover(journal, self._rules(types))
        self._take_parts(journal, loaded)
        self._journal = journal
        cell = self.context.ref._cell
        if (tell := cell.observers.recovered) is not None:
            tell(cell, self)
        await self.on_recovered()
        journal.has_recovered = True
        if journal.alarms is not None:
            journal.alarms.begin()

    def _rules(self, types: dict[str, StoredTypes]) -> Rules:
        raise NotImplementedError

    def _take_parts(self, journal: Journal, loaded: Loaded) -> None:
        """Take what is stored besides the state."""
        for row in loaded.once:
            if not row.is_intact:
                raise DamagedError(
                    f"{row.durable_id}: the checksum of the once id {row.once!r} is wrong",
                    row.durable_id,
                    row.sequence,
                )
        if loaded.once:
            journal.done = {row.once: (row.sequence, row.reply) for row in loaded.once}
        if loaded.reminders:
            journal.alarms = self._new_alarms(journal)
            journal.alarms.recover(loaded.reminders)

    def _new_alarms(self, journal: Journal) -> Alarms:
        return Alarms(self, journal, type(self)._stored_types()["message"])

    async def on_recovered(self) -> None:
        """Go on from the state that was recovered: called before the first message, and may persist."""

    # -- writing -----------------------------------------------------------------------------------

    def done(self, once: str) -> Done | None:
        """Return what was carried out under a once id, None when nothing was, or it is too long ago."""
        check_text("once", once, MOST_ONCE)
        return self._own_journal().done_under(once)

    @property
    def fired(self) -> Fired | None:
        """The reminder that the current message is of, None when it is of none."""
        alarms = None if self._journal is None else self._journal.alarms
        return None if alarms is None else alarms.fired

    async def remind(self, *reminders: Reminder) -> None:
        """Set reminders; one of the same key is replaced. Returns after the commit.

        Raises:
            NotStorableError: a message cannot be stored.
        """
        journal = self._own_journal()
        journal.check_turn("remind")
        await self._write_reminders(journal, reminders, ())

    async def forget(self, *keys: str) -> None:
        """Drop the reminders of these keys; those that there are not are none to drop. Returns after the commit."""
        journal = self._own_journal()
        journal.check_turn("forget")
        await self._write_reminders(journal, (), keys)

    async def _write_reminders(
        self, journal: Journal, reminders: Sequence[Reminder], keys: Sequence[str]
    ) -> None:
        new = Unwritten(journal.state, journal.sequence)
        self._add_reminders(journal, new, reminders, keys)
        if new.remind or new.forget:
            await journal.commit(new)

    def _add_reminders(
        self, journal: Journal, new: Unwritten, reminders: Sequence[Reminder], keys: Sequence[str]
    ) -> None:
        if isinstance(keys, str):
            raise TypeError("forget takes keys, not one str")
        keys = [check_text("key", key, _LONGEST_KEY) for key in keys]
        alarms = journal.alarms
        if reminders:
            alarms = journal._alarms()
            new.remind = alarms.rows_of(reminders)
        new.forget = [] if alarms is None else [key for key in dict.fromkeys(keys) if alarms.has(key)]

    async def erase(self) -> None:
        """Delete all that is stored under the id, and end this actor normally after this message.

        The id may be used again, and begins with `initial_state`; the erase takes the next sequence.
        """
        journal = self._own_journal()
        journal.check_turn("erase")
        await journal.erase()
        journal.state = self.initial_state()
        self.context.stop()

    async def _fire(self, key: str, number: int) -> None:
        """Handle the message of a reminder, unless it was replaced or forgotten meanwhile."""
        alarms = None if self._journal is None else self._journal.alarms
        if alarms is not None:
            await alarms.fire(key, number)
