"""The compiled form of the hottest classes, where there is one, in place of the pure one.

Each class that `_compiled.pyx` has stands in pure Python as well, under the same name, and is marked `@accelerated`:
what the mark returns is the compiled class where that was built, and the pure one elsewhere. A method of a larger class
is marked `@accelerated_in(BASE)`: the compiled base has it. The two have the same names and signatures, which
`tests/core/test_acceleration.py` compares, and every other test runs on both.

The pure form is what there is without a C compiler, on other interpreters than CPython, without the GIL, and where the
environment variable `ACTORIO_NO_EXTENSIONS` is set, when building or when running. A compiled one of other sources than
those that are here is never used.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from types import CoroutineType, ModuleType
from typing import Any, TypeVar

from actorio._core.source_digest import source_digest

__all__ = [
    "COROUTINES",
    "NO_EXTENSIONS",
    "accelerated",
    "accelerated_in",
    "compiled",
    "core_is_compiled",
    "pure_forms",
]

NO_EXTENSIONS = "ACTORIO_NO_EXTENSIONS"
"""The environment variable that chooses the pure form."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def _load() -> ModuleType | None:
    if os.environ.get(NO_EXTENSIONS) or "free-threading" in sys.version:
        return None
    try:
        found = importlib.import_module("actorio._core._compiled")
    except ImportError:
        return None
    if source_digest() in (None, getattr(found, "DIGEST", "")):
        return found
    warnings.warn(
        "the compiled core is of other sources than these, so the pure one is used; compile it anew by "
        "`python .ci/build_core.py`, or take it away by the same with `--clean`",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


compiled = _load()
"""The module of the compiled classes, None where the pure ones are used."""
core_is_compiled = compiled is not None
"""Whether the hot path runs as compiled code in this process."""
COROUTINES: tuple[type[CoroutineType[Any, Any, Any]], ...] = (
    (CoroutineType,) if compiled is None else (CoroutineType, compiled.Asking)
)
"""The types of coroutines: what `ask` returns is of a type of its own in the compiled form."""
pure_forms: dict[str, type] = {}
"""The pure classes, by name, of which there is a compiled form: for the test that compares them."""


def accelerated(pure: type[T]) -> type[T]:
    """Return the compiled class of the same name, where there is one, in place of a pure one."""
    pure_forms[pure.__name__] = pure
    return pure if compiled is None else getattr(compiled, pure.__name__)


def accelerated_in(base: type[Any]) -> Callable[[F], F]:
    """Return a mark for a method: where its class is built on a compiled base, the method is that base's."""

    def choose(pure: F) -> F:
        if compiled is None:
            return pure
        method = functools.update_wrapper(getattr(base, pure.__name__), pure)
        if inspect.iscoroutinefunction(pure):  # frameworks ask so whether a function goes to a thread
            method._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
            if sys.version_info >= (3, 12):
                inspect.markcoroutinefunction(method)
        return method  # type: ignore[return-value]

    return choose
