"""`python -m actorio` is the command line, where the script is not on the path."""

import runpy
import sys
from pathlib import Path

import pytest

import actorio

MAIN = str(Path(actorio.__file__).with_name("__main__.py"))


def test_run_as_a_program_it_is_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["actorio", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(MAIN, run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"actorio {actorio.__version__}")


def test_to_import_it_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(MAIN, run_name="actorio.__main__")
    assert capsys.readouterr().out == ""
