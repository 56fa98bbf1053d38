"""`actorio run` as a shell sees it: from a target that is refused to an exit status that says how the actor ended."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_app import COMMAND, ENVIRONMENT, ROOT, SERVICES, actorio


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nonsense", "not of the form"),
        (":Actor", "not of the form"),
        (".relative:Actor", "not of the form"),
        ("no_such_module:Actor", "no module 'no_such_module'"),
        ("actorio.missing:Actor", "no module 'actorio.missing'"),
        (f"{SERVICES}:Missing", "has no 'Missing'"),
        (f"{SERVICES}:NOT_AN_ACTOR", "not an Actor class"),
    ],
)
def test_run_refuses_a_wrong_target_in_one_line(target: str, says: str) -> None:
    ended = actorio("run", target)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_run_finds_a_module_in_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from tests.cli.services import Brief as Till")
    installed = [
        sys.executable,
        "-P",
        *COMMAND[1:],
    ]  # as the installed script: without the directory on the path
    assert actorio("run", "shop:Till", command=installed, folder=tmp_path).returncode == 0


def test_run_shows_why_the_module_itself_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import a_package_that_is_missing")
    ended = actorio("run", "shop:Till", folder=tmp_path)
    assert ended.returncode == 1
    assert "No module named 'a_package_that_is_missing'" in ended.stderr


@pytest.mark.parametrize("loop", ["--uvloop", "--no-uvloop"])
def test_run_ends_with_0_when_the_actor_ends(loop: str) -> None:
    ended = actorio("run", f"{SERVICES}:Brief", loop)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "started\nstopped\n", "")


@pytest.mark.parametrize(
    ("target", "says"), [("Unstartable", "ValueError: no database"), ("Crashing", "ValueError: out of paper")]
)
def test_run_ends_with_1_and_the_traceback_when_the_actor_fails(target: str, says: str) -> None:
    ended = actorio("run", f"{SERVICES}:{target}")
    assert ended.returncode == 1
    assert says in ended.stderr


def test_run_ends_with_1_when_the_actor_was_killed() -> None:
    assert actorio("run", f"{SERVICES}:Killed").returncode == 1


@pytest.mark.parametrize("loop", ["--uvloop", "--no-uvloop"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_run_ends_in_order_on_a_signal_and_says_which(number: signal.Signals, loop: str) -> None:
    service = subprocess.Popen(
        [*COMMAND, "run", f"{SERVICES}:Forever", loop],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert service.stdout is not None
    assert service.stdout.readline() == "started\n"
    service.send_signal(number)
    output, errors = service.communicate(timeout=10)
    assert (service.returncode, output, errors) == (128 + number, "stopped\n", "")
