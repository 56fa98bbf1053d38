"""Names and paths: `/shop/till` is the child `till` of the top-level actor `shop`."""

from __future__ import annotations

from typing import Any

__all__ = ["Address", "check_name", "check_ref", "child_path", "split_path"]


class Address:
    """Where an actor is, and whether it is still there: what errors and notices tell of it. A ref is one."""

    __slots__ = ()

    _cell: Any
    """What stands behind it, for the machinery alone: a cell, or another `Recipient`."""

    @property
    def name(self) -> str:
        """The actor's name, unique among its siblings while it lives."""
        raise NotImplementedError

    @property
    def path(self) -> str:
        """The actor's path, like `/shop/till`."""
        raise NotImplementedError

    @property
    def is_alive(self) -> bool:
        """Tell whether the actor has not ended for good; true while it restarts or stops."""
        raise NotImplementedError


def check_ref(what: str, ref: object) -> None:
    """Refuse what is no ref.

    Raises:
        TypeError: with the name of what was called.
    """
    if not isinstance(ref, Address):
        raise TypeError(f"{what} takes an ActorRef, not {type(ref).__name__}")


def check_name(name: str) -> str:
    """Return `name` if it may name an actor: a string, not empty, printable, without `/`.

    Raises:
        TypeError: not a string.
        ValueError: empty, or with a `/` or a character in it that cannot be printed.
    """
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, not {type(name).__name__}")
    if not name or "/" in name:
        raise ValueError(f"a name must not be empty nor hold a '/': got {name!r}")
    if not name.isprintable():
        raise ValueError(f"a name is for logs too, and holds printable characters alone: got {name!r}")
    return name


def child_path(parent: str, name: str) -> str:
    """Return the path of the child `name`; the parent of a top-level actor has the empty path."""
    return f"{parent}/{name}"


def split_path(path: str) -> list[str]:
    """Return the names along an absolute path.

    Raises:
        ValueError: not of the form `/name/name`.
    """
    if not path.startswith("/"):
        raise ValueError(f"a path begins with '/': got {path!r}")
    return [check_name(name) for name in path[1:].split("/")]
