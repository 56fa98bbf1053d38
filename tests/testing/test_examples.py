"""The tests that the documentation shows do what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples" / "testing"
FAILING = {"test_two_tellers.py"}


def run(*arguments: str) -> str:
    installed = "-p" if _is_installed() else "-pactorio.testing.plugin"
    options = ["-q", "-pno:anyio", "-pno:cacheprovider", "-pno:hypothesispytest", "--asyncio-mode=auto"]
    options += ["-oasyncio_default_fixture_loop_scope=function", "-oaddopts=", "-ofilterwarnings=error"]
    plugin = [] if installed == "-p" else [installed]
    command = [sys.executable, "-m", "pytest", "--rootdir", str(EXAMPLES), *options, *plugin, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout


def _is_installed() -> bool:
    import importlib.metadata

    return any(point.name == "actorio" for point in importlib.metadata.entry_points(group="pytest11"))


def test_the_tests_of_the_documentation_pass() -> None:
    files = [path.name for path in sorted(EXAMPLES.glob("test_*.py")) if path.name not in FAILING]
    assert re.search(r"^\d+ passed", run(*files), re.MULTILINE)


def test_the_race_of_the_tutorial_is_found_and_replayed() -> None:
    found = run("test_two_tellers.py")
    assert "assert 1 == 2" in found
    assert re.search(r"shrunk from \d+ deviations to [1-3] in", found)
    (seed,) = set(
        re.findall(r"--actorio-seed=(\d+)", found)
    )  # twice in a CI, where pytest's summary is in full
    assert f"seed {seed}, " in run("test_two_tellers.py", f"--actorio-seed={seed}")
