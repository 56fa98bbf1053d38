"""The progress bar for mappings."""

import importlib.util
import io
import subprocess
import sys
from typing import Any

import pytest
from rich.console import Console

from actorio import ActorSystem, ProgressBar, Worker
from tests.guarantees.actors import soon


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def square(number: int) -> int:
    return number * number


@pytest.mark.real_loop("a thread")
async def test_the_bar_counts_the_values_of_a_mapping() -> None:
    console = terminal()
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2)
        with ProgressBar("squaring", console=console) as bar:
            values = [value async for value in pool.map(square, range(7), progress=bar)]
    assert values == [number * number for number in range(7)]
    assert "squaring" in drawn(console)
    assert "7/7" in drawn(console)


def test_a_bar_of_unknown_length_is_drawn_as_well() -> None:
    console = terminal()
    with ProgressBar(console=console) as bar:
        bar(3, None)
    assert "3/?" in drawn(console)


def test_nothing_is_drawn_where_there_is_no_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=False)
    with ProgressBar("quiet", console=console) as bar:
        bar(1, 2)
    assert drawn(console) == ""


def test_a_transient_bar_goes_away() -> None:
    console = terminal()
    with ProgressBar("brief", console=console, transient=True) as bar:
        bar(1, 1)
    assert drawn(console).endswith("\x1b[2K")


def test_without_rich_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def find_no_rich(name: str, *rest: Any) -> Any:
        return None if name == "rich" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find_no_rich)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'actorio-py\[cli\]'"):
        ProgressBar("squaring")


def test_actorio_does_not_import_rich() -> None:
    program = "import sys, actorio; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
