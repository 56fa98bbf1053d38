"""Log records that name their actor: `log_actors` for `logging`, `add_actor` for structlog.

    log_actors()
    logging.basicConfig(format="%(levelname)s %(actor)s %(message)s")

A record has the actor whose turn, hook, owned task or worker's thread has made it, and none anywhere else: right, or
none. It is written into the record by the thread that logs, before any handler keeps or queues it.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Self

from actorio._cell.current import current_cell
from actorio._cell.naming import log_fields

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ActorRecords", "add_actor", "log_actors"]

_NOBODY: dict[str, str | int | None] = {"actor": "", "actor_class": "", "incarnation": None, "system": ""}
_filter_of_all = logging.Filterer.filter
"""What handlers filter by: they inherit it."""


class ActorRecords:
    """Returned by `log_actors`: `undo()` takes it back, as the end of its block does."""

    def undo(self) -> None:
        """Leave records as they are from now on. Idempotent."""
        if logging.Handler.__dict__.get("filter") is _filter:
            del logging.Handler.filter

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()


def log_actors() -> ActorRecords:
    """Put the actor into every record of `logging`, for all handlers, those that are made later too.

    A record has `actor` (its path), `actor_class`, `incarnation` and `system`; where no actor runs they are `""`, and
    the incarnation None. What a record has under such a name already, by `extra` for instance, stays.

    Idempotent; undone once, it is off.
    """
    logging.Handler.filter = _filter  # type: ignore[method-assign, assignment]
    return ActorRecords()


def add_actor(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the same keys into an event of structlog, only where there is an actor: a processor.

    `structlog.configure(processors=[add_actor, ...])`; a key that the event has already stays.
    """
    cell = current_cell()
    if cell is not None:
        for name, value in log_fields(cell).items():
            event.setdefault(name, value)
    return event


def _filter(handler: logging.Handler, record: logging.LogRecord) -> Any:
    """Name the actor in the record, then filter as always. A handler whose class has a `filter` of its own calls it."""
    known = record.__dict__
    if not _NOBODY.keys() <= known.keys():  # else it has been kept or queued, and comes from another thread
        cell = current_cell()
        for name, value in (_NOBODY if cell is None else log_fields(cell)).items():
            known.setdefault(name, value)
    return _filter_of_all(handler, record)
