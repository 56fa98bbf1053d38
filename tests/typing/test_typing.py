"""mypy --strict and pyright accept the right programs and refuse each wrong line of the wrong ones."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

Errors = dict[int, str]  # line: what the checker says of it


def _run(*arguments: str | Path) -> str:
    checked = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert checked.returncode in {0, 1}, checked.stdout + checked.stderr
    return checked.stdout


def mypy(path: Path) -> Errors:
    output = _run("mypy", "--strict", "--follow-imports=silent", "--no-error-summary", path)
    found = re.findall(
        rf"^{re.escape(str(path.relative_to(ROOT)))}:(\d+): error: (.*)$", output, re.MULTILINE
    )
    assert bool(found) == bool(output.strip()), output
    return {int(line): text for line, text in found}


def pyright(path: Path) -> Errors:
    report = json.loads(_run("pyright", "--outputjson", "--pythonpath", sys.executable, path))
    return {
        finding["range"]["start"]["line"] + 1: finding["message"]
        for finding in report["generalDiagnostics"]
        if finding["severity"] == "error"
    }


def installed(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None,
        reason=f"{module} is in the dev extra, which is not installed",
    )


CHECKERS = [
    pytest.param(mypy, id="mypy", marks=installed("mypy")),
    pytest.param(pyright, id="pyright", marks=installed("pyright")),
]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("program", ["accepted.py", "cluster_accepted.py", "durable_accepted.py"])
@pytest.mark.parametrize("check", CHECKERS)
def test_right_programs_are_accepted_with_the_types_they_have(
    check: Callable[[Path], Errors], program: str
) -> None:
    assert check(HERE / program) == {}


@pytest.mark.parametrize("program", ["refused.py", "cluster_refused.py", "durable_refused.py"])
@pytest.mark.parametrize("check", CHECKERS)
def test_each_wrong_line_is_refused_and_no_other(check: Callable[[Path], Errors], program: str) -> None:
    path = HERE / program
    marked = {
        number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# refused")
    }
    refused = check(path)
    assert sorted(refused) == sorted(marked), refused
