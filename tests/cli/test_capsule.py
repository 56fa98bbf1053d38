"""`actorio capsule` and `actorio run --record` as a shell sees them: from a crash to a test that runs as it is."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from actorio.cli.capsule import _quoted

ROOT = Path(__file__).parents[2]
TILL = ROOT / "docs" / "examples" / "capsule" / "till.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
FIXED = """
        pieces = sum(self.sold.values())
        return self.total / pieces if pieces else 0.0
"""


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def actorio(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(folder, "-c", "from actorio.cli import main; main()", *arguments)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program, after it has failed under `actorio run --record`."""
    folder = tmp_path_factory.mktemp("fresh")
    shutil.copy(TILL, folder / "till.py")
    ended = actorio(folder, "run", "till:Shop", "--record", "crashes")
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "fresh"))


def capsule_in(folder: Path) -> Path:
    (found,) = (folder / "crashes").iterdir()
    return found.relative_to(folder)


def test_o16_a_crash_becomes_a_test_that_is_red_until_the_bug_is_mended(folder: Path) -> None:
    made = actorio(folder, "capsule", "test", capsule_in(folder))
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == "wrote test_Till_ZeroDivisionError.py\nreproduced ZeroDivisionError at till.py:45\n"
    red = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert red.returncode == 1
    assert "till.py:45: ZeroDivisionError" in red.stdout
    till = folder / "till.py"
    till.write_text(
        till.read_text().replace("\n        return self.total / sum(self.sold.values())\n", FIXED)
    )
    green = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert green.returncode == 0, green.stdout


def test_a_test_elsewhere_runs_as_it_is_and_none_is_overwritten(folder: Path) -> None:
    (folder / "tests").mkdir()
    made = actorio(folder, "capsule", "test", capsule_in(folder), "--output", "tests/test_it.py", "--json")
    assert json.loads(made.stdout) == {
        "test": "tests/test_it.py",
        "reproduced": True,
        "why": "reproduced ZeroDivisionError at till.py:45",
    }
    red = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert "till.py:45: ZeroDivisionError" in red.stdout
    again = actorio(folder, "capsule", "test", capsule_in(folder), "--output", "tests/test_it.py")
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists already" in again.stderr
    nowhere = actorio(folder, "capsule", "test", capsule_in(folder), "--output", "nowhere/test_it.py")
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert nowhere.stderr.startswith("actorio: the test cannot be written: ")


def test_a_failure_that_does_not_happen_again_is_exit_1_and_says_why(folder: Path) -> None:
    till = folder / "till.py"
    till.write_text(
        till.read_text().replace("\n        return self.total / sum(self.sold.values())\n", FIXED)
    )
    made = actorio(folder, "capsule", "test", capsule_in(folder))
    assert made.returncode == 1
    assert made.stdout.endswith("not reproduced: the actor did not fail\n")
    till.unlink()
    (folder / "test_Till_ZeroDivisionError.py").unlink()
    lost = actorio(folder, "capsule", "test", capsule_in(folder))
    assert lost.returncode == 1
    assert "not reproduced: cannot import till.Till" in lost.stdout


def test_o15_list_and_show_import_nothing(folder: Path) -> None:
    (folder / "till.py").write_text("raise SystemExit('imported')")
    (folder / "crashes" / "zz.capsule.json").write_text("{}")
    listed = actorio(folder, "capsule", "list", "crashes")
    assert (listed.returncode, listed.stderr) == (0, "")
    first, second = listed.stdout.splitlines()
    assert first.endswith("/Shop-1/till  ZeroDivisionError at till.py:45  3 inputs from start")
    assert "is no capsule" in second
    rows = json.loads(actorio(folder, "capsule", "list", "crashes", "--json").stdout)
    assert [row.get("class") for row in rows] == ["till.Till", None]
    (folder / "crashes" / "zz.capsule.json").unlink()
    shown = actorio(folder, "capsule", "show", capsule_in(folder), "--inputs", "1")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "till.Audit" in shown.stdout
    assert "till.Sell" not in shown.stdout
    whole = json.loads(actorio(folder, "capsule", "show", capsule_in(folder), "--json").stdout)
    assert len(whole["inputs"]) == 3


def test_o12_no_control_character_of_a_capsule_reaches_the_terminal(folder: Path) -> None:
    file = folder / capsule_in(folder)
    content = json.loads(file.read_text())
    content["path"] = content["error"]["text"] = "\x1b[31mred\u202e\r\n"
    content["inputs"][0]["message"] = "\x1b]0;title\x07"
    file.write_text(json.dumps(content))
    for command in (("show", file), ("list", file.parent)):
        out = actorio(folder, "capsule", *command).stdout
        assert out
        assert all(one.isprintable() or one == "\n" for one in out)


def test_what_is_not_there_is_a_wrong_usage_and_what_is_no_capsule_a_failure(tmp_path: Path) -> None:
    (tmp_path / "no.capsule.json").write_text("[]")
    for command in (("list", "nowhere"), ("show", "nowhere"), ("test", "nowhere"), ("show",)):
        assert actorio(tmp_path, "capsule", *command).returncode == 2
    for command in (("show", "no.capsule.json"), ("test", "no.capsule.json")):
        ended = actorio(tmp_path, "capsule", *command)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "is no capsule" in ended.stderr


@pytest.mark.parametrize("text", ["\U0001f600", 'a"b', "a\\b", "a\nb", "\u00e4"])
def test_a_path_in_a_test_is_what_it_was(text: str) -> None:
    assert ast.literal_eval(_quoted(text)) == text
