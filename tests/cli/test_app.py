"""The commands as a shell sees them: exit status, what goes to stdout, what goes to stderr."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actorio import __version__, core_is_compiled
from actorio.cli.survey import survey_tree

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from actorio.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
SERVICES = "tests.cli.services"


def actorio(
    *arguments: str | Path, command: list[str] = COMMAND, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(20):
        (tmp_path / f"m{number}.py").write_text("import os\ndef f(): pass\n" * number)
    (tmp_path / "bad.py").write_text("def")
    return tmp_path


# --- demo -----------------------------------------------------------------------------------------


def test_version_is_the_one_of_the_package() -> None:
    form = " (compiled core)" if core_is_compiled else ""
    assert actorio("--version").stdout == f"actorio {__version__}{form}\n"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_demo_prints_json_that_agrees_with_a_sequential_survey(tree: Path, loop: str) -> None:
    ended = actorio("demo", tree, "--json", "--uvloop" if loop == "uvloop" else "--no-uvloop")
    assert (ended.returncode, ended.stderr) == (0, "")
    content, survey = json.loads(ended.stdout), survey_tree(tree)
    assert content["loop"] == loop
    assert (content["files"], content["lines"]) == (survey.files, survey.lines)
    assert {item["path"]: item["reason"] for item in content["failures"]} == survey.unparsed
    assert content["restarts"] == 1


def test_demo_prints_tables_to_stdout_only(tree: Path) -> None:
    ended = actorio("demo", tree)
    assert ended.returncode == 0
    assert "bad.py" in ended.stdout
    assert "Parsing" not in ended.stdout


@pytest.mark.parametrize("name", ["missing", "empty", "notes.txt"])
def test_demo_refuses_what_holds_no_python_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    ended = actorio("demo", tmp_path / name)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(rf"actorio: .*{re.escape(str(tmp_path / name))}\n", ended.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", [rb"0/[1-9]", rb"[1-9]\d\d/\d+"], ids=["while processes start", "while they parse"]
)
def test_ctrl_c_ends_the_demo_in_order(moment: bytes) -> None:
    terminal, its_end = pty.openpty()
    try:
        demo = subprocess.Popen(
            [*COMMAND, "demo"], cwd=ROOT, env=ENVIRONMENT, stderr=its_end, start_new_session=True
        )
        os.close(its_end)
        _read_until(terminal, moment)
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: to all processes of the command
        status = demo.wait(30)
        output = _read_until(terminal, None)
    finally:
        os.close(terminal)
    assert status == 128 + signal.SIGINT
    assert b"Traceback" not in output
    _await_end_of_group(demo.pid)  # no process of the pool is left


def _await_end_of_group(group: int, timeout: float = 30.0) -> None:
    """Wait for the last process of the group; one that has ended but was not collected yet has ended."""
    deadline = time.monotonic() + timeout
    while left := [state for state, its_group in _processes() if its_group == group and state != "Z"]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def _processes() -> Iterator[tuple[str, int]]:
    """Yield the state and the process group of each process of the machine."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state, _parent, group, *_ = path.read_text().rpartition(")")[2].split()
            yield state, int(group)


def _read_until(terminal: int, pattern: bytes | None) -> bytes:
    """Read until the pattern is there; None: until everybody has closed the terminal."""
    output = b""
    while pattern is None or not re.search(pattern, output):
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux says so when the last writer is gone
            chunk = b""
        if not chunk:
            assert pattern is None, output
            break
        output += chunk
    return output


# --- without the extra ----------------------------------------------------------------------------


def test_uvloop_that_is_missing_is_refused_only_when_asked_for() -> None:
    without = "import sys; sys.modules['uvloop'] = None; from actorio.cli import main; main()"
    command = [sys.executable, "-c", without]
    assert actorio("run", f"{SERVICES}:Brief", command=command).returncode == 0
    ended = actorio("run", f"{SERVICES}:Brief", "--uvloop", command=command)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "actorio: uvloop is not installed: pip install 'actorio-py[uvloop]'\n"


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_a_missing_extra_is_one_clear_line(package: str) -> None:
    without = f"import sys; sys.modules[{package!r}] = None; from actorio.cli import main; main()"
    ended = actorio("demo", command=[sys.executable, "-c", without])
    assert ended.returncode == 1
    assert ended.stderr == f"actorio: the command line needs {package}: pip install 'actorio-py[cli]'\n"
