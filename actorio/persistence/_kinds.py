"""The classes of actors whose events a store can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from actorio._core.typevar import TypeVar
from actorio.errors import describe

if TYPE_CHECKING:
    from actorio.persistence.stored import StoredTypes

__all__ = ["WritesEvents", "event_types_by_kind"]

E = TypeVar("E", default=Any)


class WritesEvents(Generic[E]):
    """The base of `EventSourced`, so that a store can know what events a class writes without knowing of actors."""

    kind: ClassVar[str]

    @classmethod
    def _stored_types(cls) -> dict[str, StoredTypes]:
        raise NotImplementedError


def event_types_by_kind(kinds: Sequence[type[WritesEvents[Any]]]) -> dict[str, StoredTypes]:
    """Return, by kind, the classes of the events of these classes of actors.

    Raises:
        TypeError: one is no class of event-sourced actors; `EventSourced` itself is none; or two are of one kind.
    """
    by_kind: dict[str, type[WritesEvents[Any]]] = {}
    for kind in kinds:
        given: object = kind
        is_one = isinstance(given, type) and issubclass(given, WritesEvents)
        if not is_one or WritesEvents in kind.__bases__:
            raise TypeError(f"events are of classes of EventSourced, not {describe(given)}")
        other = by_kind.setdefault(kind.kind, kind)
        if other is not kind:
            raise TypeError(
                f"{other.__qualname__} and {kind.__qualname__} are both of kind {kind.kind!r}: name the one whose"
                " events these are"
            )
    return {name: kind._stored_types()["event"] for name, kind in by_kind.items()}
