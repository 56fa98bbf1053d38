"""The names that classes and functions have in a capsule, and the places of values in it."""

from __future__ import annotations

import functools
import sys
import types
from pathlib import Path
from typing import Any

__all__ = ["parameters_of", "place_in", "place_of", "type_name"]


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


def parameters_of(func: Any) -> tuple[str, ...]:
    """Return the names of what a function, or the constructor of a class, takes by position."""
    skipped = 0
    while issubclass(type(func), functools.partial):
        skipped += len(func.args)
        func = func.func
    if issubclass(type(func), type):
        func, skipped = func.__init__, skipped + 1
    elif issubclass(type(func), types.MethodType):
        func, skipped = func.__func__, skipped + 1
    try:
        code = func.__code__
    except Exception:  # it is no function of Python, and may be anything that can be called
        return ()
    if type(code) is not types.CodeType:
        return ()
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    if not skipped and names[:1] == ("self",):  # a method that is called by its class
        skipped = 1
    return names[skipped:]
