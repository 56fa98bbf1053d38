"""Two running systems, and the command line beside them."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from actorio.cli.app import app
from tests.observability.processes import Shop

PATIENCE = 20.0
# A control character, and marks of direction: nothing of a system may reach the terminal in them.
UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def runtime_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def systems(runtime_dir: Path) -> Iterator[tuple[Shop, Shop]]:
    """A shop that takes actions, and one that does not."""
    shops = (
        Shop("--socket", runtime_dir=runtime_dir),
        Shop("--socket", "--read-only", "--name", "other", runtime_dir=runtime_dir),
    )
    yield shops
    for shop in shops:
        if shop.process.returncode is None:
            shop.end()


@pytest.fixture(autouse=True)
def here(runtime_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_dir))


def actorio(*arguments: str) -> Result:
    ran = CliRunner().invoke(app, list(arguments))
    assert not UNPRINTABLE.search(ran.output), ran.output
    return ran


def until(condition: Any) -> Any:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it never was so")
