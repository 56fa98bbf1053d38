"""In a forked child everything of the parent's system raises at the call, and the parent goes on as if nothing were."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = Path(__file__).with_name("forking.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_guarantee_03_a_forked_child_can_use_nothing_of_its_parents_system(loop: str) -> None:
    ended = subprocess.run(
        [sys.executable, PROGRAM, loop],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["child: [] None", "parent: 2 5 2", *["on_stop in the parent"] * 3]
