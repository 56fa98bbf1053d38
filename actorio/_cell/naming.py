"""How an actor is named to people: by its class, and by the fields that a log record has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._core.redaction import inert

if TYPE_CHECKING:
    from actorio._cell.state import CellState

__all__ = ["class_name", "class_of", "kind_of_actor", "log_fields", "message_type", "own_name"]


def class_name(kind: object) -> str:
    """Return the qualified name of a class with its module."""
    name = getattr(kind, "__qualname__", None)
    return inert(f"{getattr(kind, '__module__', '')}.{name}") if isinstance(name, str) else ""


def class_of(cell: CellState) -> str:
    """Return the name of an actor's class; between two incarnations, and afterwards, that of the last one."""
    return class_name(kind_of_actor(cell))


def kind_of_actor(cell: CellState) -> type[Any]:
    """Return the class of an actor; between two incarnations, and afterwards, that of the last one."""
    if cell.instance is not None or cell.hooks is None:
        return type(cell.instance)
    return cell.hooks.kind


def message_type(message: Any) -> str:
    """Return the class of a message; of a call or submitted work the name of the function."""
    name = own_name(message) if callable(message) else None
    return inert(name or type(message).__qualname__)


def own_name(thing: Any) -> str | None:
    """Return the qualified name of a function or class; None of anything else, though it raise when it is asked."""
    try:
        name = thing.__qualname__
    except Exception:  # of a proxy, for instance, which has nothing behind it
        return None
    return name if type(name) is str else None


def log_fields(cell: CellState) -> dict[str, str | int]:
    """Return what a log record says of the actor that it is about, for its `extra`."""
    return {
        "actor": cell.path,
        "actor_class": class_of(cell),
        "incarnation": cell.incarnation,
        "system": cell.runtime.name,
    }
