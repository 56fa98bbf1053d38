"""Guarantees of durable actors: P1, P3 (acknowledged is stored once), P5 (state = journal), P8 (doubt is fatal).

Keeps, for each store and id, what was acknowledged, and what may have been written. It folds what was acknowledged
into a state of its own, and compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actorio._core.observer import Observer
from actorio.errors import ConflictError, StoreUnavailableError, describe

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Durability"]


class _History:
    """The known history of one id."""

    __slots__ = ("doubtful", "is_shared", "revision", "sequence", "state")

    def __init__(self, actor: Any) -> None:
        self.state: Any = actor.initial_state()
        self.revision = self.sequence = 0
        self.doubtful: list[Any] = []
        self.is_shared = False
        """Two writers had it at once: what one is told may be older than what the other was (P13)."""

    def acknowledge(self, actor: Any, write: Any) -> None:
        """Fold a write into the state."""
        self.revision += 1
        self.sequence = write.sequence
        types = type(actor)._stored_types()
        if write.erase:
            self.state = actor.initial_state()
        elif "event" not in types:
            if write.snapshot is not None:
                self.state = _read(types["state"], write.snapshot)
        else:
            for event in write.events:
                self.state = actor.apply(self.state, _read(types["event"], event))


def _read(types: Any, row: Any) -> Any:
    return types.read(row.durable_id, row.sequence, row.type, row.version, row.body)


class Durability(Observer):
    """Compares each recovery, and each state after a turn, with what was acknowledged."""

    def __init__(self, breach: Callable[[str, str], None]) -> None:
        self._breach = breach
        self._histories: dict[tuple[object, str], _History] = {}
        self._open: dict[Cell, tuple[Any, _History]] = {}

    def recovered(self, cell: Cell, actor: Any) -> None:
        """Check that all that was acknowledged is there, and nothing but that and what was in doubt."""
        journal = actor._journal
        history = self._histories.setdefault((journal.store._identity, journal.durable_id), _History(actor))
        if any(other is not cell and known[1] is history for other, known in self._open.items()):
            history.is_shared = True
        self._open[cell] = actor, history
        if history.is_shared:
            return
        if journal.erased > history.sequence:  # erased from outside of its actor
            history.state, history.sequence = actor.initial_state(), journal.erased
            history.revision = journal.revision
        while history.revision < journal.revision:
            found = next((one for one in history.doubtful if one.revision == history.revision), None)
            if found is None:
                self._breach(
                    "P3", f"{journal.durable_id} has revision {journal.revision}, which nobody has written"
                )
                break
            history.doubtful.remove(found)
            history.acknowledge(actor, found)
        history.doubtful.clear()
        if history.revision > journal.revision:
            self._breach(
                "P1",
                f"{journal.durable_id} was recovered at revision {journal.revision}, and {history.revision} was"
                " acknowledged",
            )
        self._compare(actor, history, "its recovery")

    def persisted(self, cell: Cell, actor: Any, write: Any, error: BaseException | None) -> None:
        """Note what was acknowledged, and what is in doubt."""
        known = self._open.get(cell)
        if known is None or known[0] is not actor:
            return
        history = known[1]
        if history.is_shared:
            return
        if error is None:
            if write.revision != history.revision:
                self._breach(
                    "P3",
                    f"a write of {write.durable_id} from revision {write.revision} was acknowledged at"
                    f" {history.revision}",
                )
            history.acknowledge(actor, write)
        elif not isinstance(error, (StoreUnavailableError, ConflictError)):
            history.doubtful.append(write)

    def ended(self, cell: Cell, item: Any) -> None:
        """Check the state after a turn in which the incarnation goes on."""
        known = self._open.get(cell)
        if known is None or cell.failure is not None or cell.must_end():
            return
        actor, history = known
        if actor is not cell.instance or history.is_shared:
            return
        if history.doubtful:
            self._breach("P8", f"{cell.path} goes on, though nobody knows whether its last write was written")
        self._compare(actor, history, "a turn")

    def _compare(self, actor: Any, history: _History, when: str) -> None:
        if actor.state != history.state or actor.sequence != history.sequence:
            self._breach(
                "P5",
                f"after {when} the state of {actor.durable_id} is {describe(actor.state)} at {actor.sequence}, and what"
                f" was acknowledged comes to {describe(history.state)} at {history.sequence}",
            )

    def ended_for_good(self, cell: Cell, reason: Any) -> None:
        """Forget the actor, not its history."""
        self._open.pop(cell, None)
