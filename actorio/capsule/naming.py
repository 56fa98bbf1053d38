"""The names that classes and functions have in a capsule, and the places of values in it."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["place_in", "place_of", "type_name"]


def type_name(kind: object) -> str:
    """Return the qualified name of a class or function, with the module that it can be imported from.

    A program that was run as a script is `__main__` in its own process alone, so its file's name stands for that.
    """
    module = getattr(kind, "__module__", None) or "builtins"
    name = getattr(kind, "__qualname__", None) or type(kind).__qualname__
    return f"{_name_of_main() if module == '__main__' else module}.{name}"


def _name_of_main() -> str:
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return "__main__" if file is None else Path(file).stem


def place_of(place: str, name: str) -> str:
    """Return the place of an attribute, or of what a dict has under a str."""
    return f"{place}.{name}" if name.isidentifier() else f"{place}[{name!r}]"


def place_in(place: str, index: int) -> str:
    """Return the place of an item."""
    return f"{place}[{index}]"
