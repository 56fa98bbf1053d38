"""The attributes of an actor's instance as a dict: taken, and put back as exactly what they are to be."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from actorio._cell.owned.idle_timeout import IdleTimeout
from actorio._core.checks import kind_of
from actorio._core.redaction import attributes_of, slots_of

__all__ = ["own_attributes", "put_attributes"]


def own_attributes(instance: object) -> dict[str, Any]:
    """Return the attributes, without those that are the runtime's."""
    return {name: value for name, value in attributes_of(instance).items() if not _is_of_runtime(name, value)}


def put_attributes(instance: object, state: object) -> None:
    """Make the attributes exactly those of `state`; a failure leaves all as it was.

    Raises:
        TypeError: `state` is no mapping of str.
        AttributeError: the instance cannot have an attribute of such a name.
    """
    new = _checked(state)
    slots = slots_of(type(instance))
    has_dict = type(instance).__dictoffset__ != 0
    for name in new:
        if name not in slots and not has_dict:
            raise AttributeError(f"{type(instance).__qualname__} has no slot {name!r}")
    kept = {name: value for name, value in attributes_of(instance).items() if _is_of_runtime(name, value)}
    if clash := sorted(kept.keys() & new.keys()):
        raise AttributeError(f"{', '.join(clash)} is the runtime's, and cannot be replaced")
    new.update(kept)
    for name, slot in slots.items():
        if name in new:
            slot.__set__(instance, new.pop(name))
        else:
            _delete(slot, instance)
    if has_dict:
        attributes = object.__getattribute__(instance, "__dict__")
        attributes.clear()
        attributes.update(new)


def _checked(state: object) -> dict[str, Any]:
    if not isinstance(state, Mapping):
        close = getattr(state, "close", None)
        if callable(close) and hasattr(state, "cr_frame"):
            close()  # of a coroutine function, which would never be awaited
        raise TypeError(f"the change of a state must return a mapping, not {kind_of(state)}")
    new = dict(state)
    for name in new:
        if not isinstance(name, str):
            raise TypeError(f"the names of a state are str, not {kind_of(name)}")
    return new


def _delete(slot: Any, instance: object) -> None:
    try:
        slot.__delete__(instance)
    except AttributeError:
        return


def _is_of_runtime(name: str, value: object) -> bool:
    """Tell whether an attribute is the context, or the `receive` that `when_idle` has put around the actor's own."""
    return name == "context" or (
        name == "receive" and isinstance(value, functools.partial) and _is_idle(value)
    )


def _is_idle(receive: functools.partial[Any]) -> bool:
    return getattr(receive.func, "__module__", None) == IdleTimeout.__module__
