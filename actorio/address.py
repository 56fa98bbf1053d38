"""Names and paths: `/shop/till` is the child `till` of the top-level actor `shop`."""

from __future__ import annotations

__all__ = ["check_name", "child_path", "split_path"]


def check_name(name: str) -> str:
    """Return `name` if it may name an actor: a string, not empty, without `/`.

    Raises:
        TypeError: not a string.
        ValueError: empty, or with a `/` in it.
    """
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, not {type(name).__name__}")
    if not name or "/" in name:
        raise ValueError(f"a name must not be empty nor hold a '/': got {name!r}")
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
