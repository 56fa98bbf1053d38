"""Whose code a frame is: this package's, a library's, or the user's own, which is what a message should name."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

__all__ = ["is_machinery", "is_of_actorio", "is_standard", "own_line"]

_ACTORIO = f"{Path(__file__).parents[1]}{os.sep}"
_NO_MACHINERY = tuple(f"{_ACTORIO}{part}{os.sep}" for part in ("cli", "testing"))
_STANDARD = sysconfig.get_path("stdlib") + os.sep
_INSTALLED = tuple({sysconfig.get_path(name) + os.sep for name in ("purelib", "platlib")})


def is_of_actorio(file: str) -> bool:
    """Tell whether a file is one of this package."""
    return file.startswith(_ACTORIO)


def is_machinery(file: str) -> bool:
    """Tell whether a file is one of this package that runs actors: not the commands, and not the tests' tools."""
    return is_of_actorio(file) and not file.startswith(_NO_MACHINERY)


def is_standard(file: str) -> bool:
    """Tell whether a file is one of the standard library."""
    return file.startswith((_STANDARD, "<frozen")) and "site-packages" not in file


def own_line(frames: Iterable[FrameType]) -> str | None:
    """Return file and line of the innermost frame of user code, else of a library; None if all are actorio's."""
    of_library = None
    for frame in reversed(list(frames)):
        file = frame.f_code.co_filename
        if is_of_actorio(file):
            continue
        if not is_standard(file) and not file.startswith(_INSTALLED):
            return f"{file}:{frame.f_lineno}"
        of_library = of_library or f"{file}:{frame.f_lineno}"
    return of_library
