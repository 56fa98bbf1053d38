"""`DurableState`: an actor that writes its whole state, each save over the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, cast, overload

from actorio._core.checks import check_plain_function
from actorio._core.typevar import TypeVar
from actorio.persistence._checks import check_text
from actorio.persistence._durable import MOST_ONCE, C, Durable, Reply, S
from actorio.persistence._journal import Journal
from actorio.persistence._recovery import Rules
from actorio.persistence._unwritten import Unwritten
from actorio.persistence.reminders import Reminder
from actorio.persistence.stored import StoredTypes

__all__ = ["DurableState"]

R = TypeVar("R")


class DurableState(Durable[C, S], Generic[C, S]):
    """An actor of commands C whose state S is written as a whole: `await self.save(state)` in a turn.

    Saves are not events: the old state is overwritten, and nothing of it can be read.
    """

    @classmethod
    def _read_types(cls) -> dict[str, StoredTypes]:
        name = cls.__qualname__
        commands, states = cls._arguments(DurableState)
        return {
            "message": StoredTypes(f"messages of {name}", commands, lenient=True),
            "state": StoredTypes(f"states of {name}", states),
        }

    @overload
    async def save(
        self,
        state: S,
        *,
        once: str | None = None,
        remind: Sequence[Reminder] = (),
        forget: Sequence[str] = (),
    ) -> None: ...
    @overload
    async def save(
        self,
        state: S,
        *,
        reply: Reply[S, R],
        once: str | None = None,
        remind: Sequence[Reminder] = (),
        forget: Sequence[str] = (),
    ) -> R: ...
    async def save(
        self,
        state: S,
        *,
        reply: Reply[S, Any] | None = None,
        once: str | None = None,
        remind: Sequence[Reminder] = (),
        forget: Sequence[str] = (),
    ) -> Any:
        """Write the state over the last one; on return it is committed, and `state` is the new one.

        Arguments, errors and cancellation as in `EventSourced.persist`.
        """
        journal = self._own_journal()
        journal.check_turn("save")
        if reply is not None:
            check_plain_function("reply", reply)
        if once is not None:
            check_text("once", once, MOST_ONCE)
            if (done := journal.done_under(once)) is not None:
                return done.reply
        try:
            return await self._save(journal, state, reply, once, remind, forget)
        except BaseException as error:
            if state is journal.state:  # it was changed in place, and cannot be taken back
                journal.undo_is_impossible(error)
            raise

    async def _save(
        self,
        journal: Journal,
        state: S,
        reply: Reply[S, Any] | None,
        once: str | None,
        remind: Sequence[Reminder],
        forget: Sequence[str],
    ) -> Any:
        types = type(self)._stored_types()["state"]
        if types.is_open:
            raise TypeError(
                f"{type(self).__qualname__} has no class of states: write DurableState[Command, State]"
            )
        new = Unwritten(state, journal.sequence + 1)
        self._add_reminders(journal, new, remind, forget)
        new.snapshot, new.state = journal.snapshot_and_back(state, new.sequence, types)
        new.kept = (new.sequence,)
        answer = None if reply is None else reply(cast("S", new.state))
        if once is not None:
            new.once = once, journal.encode_reply(answer)
        await journal.commit(new)
        return answer

    def _rules(self, types: dict[str, StoredTypes]) -> Rules:
        return Rules(self.initial_state, types["state"])
