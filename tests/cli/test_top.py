"""`actorio top`: driven by Textual's pilot, and once in a real terminal."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input, Static

from actorio.cli.targets import find
from actorio.cli.top import ActorScreen, Top
from tests.cli.running import PATIENCE, here, runtime_dir, systems, until
from tests.observability.processes import ROOT, Shop

__all__ = ["here", "runtime_dir", "systems"]


# -- top in a terminal -----------------------------------------------------------------------------


async def test_top_shows_sorts_filters_and_opens(systems: tuple[Shop, Shop]) -> None:
    top = Top(find("shop"), "depth")
    async with top.run_test(size=(140, 40)) as pilot:
        table = top.query_one(DataTable)
        await _until(pilot, lambda: table.row_count > 10)
        assert "shop (pid" in str(top.query_one("#summary", Static).render())
        await _until(pilot, lambda: "stuck" in str(top.query_one("#attention", Static).render()))
        for key, by in zip("drfstw", ("depth", "rate", "failed", "restarts", "turn", "waiters"), strict=True):
            await pilot.press(key)
            assert top.sort == by
        await pilot.press("s")
        await _until(pilot, lambda: str(table.get_row_at(0)[0]) == "/parsers/parser")
        await pilot.press("slash", *"ledger")
        await _until(pilot, lambda: table.row_count == 1)
        await pilot.press("enter")
        assert top.query_one("#filter", Input).value == "ledger"
        await pilot.press("enter")
        await _until(pilot, lambda: isinstance(top.screen, ActorScreen))
        await _until(pilot, lambda: "Event().wait()" in str(top.screen.query_one("#actor", Static).render()))
        await pilot.press("escape", "escape")
        await _until(pilot, lambda: table.row_count > 10)
        await pilot.press("q")
    assert top.return_value is None


async def test_top_says_when_its_system_is_gone(runtime_dir: Path) -> None:
    shop = Shop("--socket", "--name", "short", runtime_dir=runtime_dir)
    top = Top(find("short"), "depth")
    async with top.run_test() as pilot:
        shop.end()
        await _until(pilot, lambda: not top.is_running or top.return_value is not None)
    assert top.return_value == "the system is gone"


async def _until(pilot: Any, condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await pilot.pause(0.02)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here")
def test_top_in_a_real_terminal(systems: tuple[Shop, Shop], runtime_dir: Path) -> None:
    name = f"actorio-{os.getpid()}"
    tmux = ["tmux", "-L", name]
    command = f"{sys.executable} -c 'from actorio.cli import main; main()' top shop"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_RUNTIME_DIR": str(runtime_dir),
        "TERM": "xterm-256color",
    }
    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "120", "-y", "30", command], env=environment, check=True
    )

    def shown() -> str:
        return subprocess.run(
            [*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=False
        ).stdout

    try:
        until(lambda: "/shop/ledger" in shown() and "stuck" in shown())
        subprocess.run([*tmux, "send-keys", "q"], check=True)
        until(lambda: subprocess.run([*tmux, "has-session"], capture_output=True, check=False).returncode)
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)
