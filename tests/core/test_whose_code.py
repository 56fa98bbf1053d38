"""Whose code a frame is, and which line of the user's own a message names."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import actorio.cli
import actorio.testing
from actorio._core import run_queue
from actorio._core.whose_code import is_machinery, is_of_actorio, is_standard, own_line


class Frame:
    """A frame of a file, as far as a line is made of it."""

    def __init__(self, file: str, line: int) -> None:
        self.f_code = compile("", file, "exec")
        self.f_lineno = line


def frames(*places: tuple[str, int]) -> list[Any]:
    return [Frame(file, line) for file, line in places]


def test_what_runs_actors_is_machinery_and_the_tools_are_not() -> None:
    assert is_machinery(run_queue.__file__)
    for tool in (actorio.cli.__file__, actorio.testing.__file__):
        assert is_of_actorio(tool)
        assert not is_machinery(tool)
    assert not is_of_actorio(__file__)


def test_the_standard_library_is_told_from_what_is_installed_into_it() -> None:
    assert is_standard(json.__file__)
    assert is_standard("<frozen importlib._bootstrap>")
    assert not is_standard(str(Path(json.__file__).parents[1] / "site-packages" / "yaml" / "__init__.py"))
    assert not is_standard(__file__)


def test_the_innermost_line_of_the_user_is_named() -> None:
    library = asyncio.__file__
    found = own_line(frames((__file__, 1), (__file__, 2), (library, 3), (run_queue.__file__, 4)))
    assert found == f"{__file__}:2"


def test_a_line_of_a_library_is_named_if_there_is_none_of_the_users() -> None:
    assert own_line(frames((asyncio.__file__, 3), (run_queue.__file__, 4))) == f"{asyncio.__file__}:3"


def test_no_line_is_named_if_all_are_of_actorio() -> None:
    assert own_line(frames((run_queue.__file__, 4))) is None
    assert own_line([]) is None


def test_a_real_frame_has_what_the_line_is_made_of() -> None:
    frame: FrameType = sys._getframe()
    line = own_line([frame])
    assert line is not None
    assert line.rpartition(":")[0] == __file__
