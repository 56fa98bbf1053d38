"""The commands that look into running systems: two of them, found by their sockets."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input, Static
from typer.testing import CliRunner, Result

from actorio.cli.app import app
from actorio.cli.targets import find
from actorio.cli.top import ActorScreen, Top
from tests.observability.processes import ROOT, Shop

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


# -- which system ----------------------------------------------------------------------------------


def test_ps_lists_the_systems_of_this_user(systems: tuple[Shop, Shop]) -> None:
    rows = json.loads(actorio("ps", "--json").stdout)
    assert {(row["pid"], row["name"]) for row in rows} == {
        (systems[0].process.pid, "shop"),
        (systems[1].process.pid, "other"),
    }
    assert {"pid", "name", "actors", "rate", "uptime", "attention"} <= set(rows[0])
    lines = until(
        lambda: (text := actorio("ps").stdout) and "stuck /shop/ledger" in text and text
    ).splitlines()
    assert len(lines) == 3


def test_a_target_is_a_pid_a_name_or_a_socket(systems: tuple[Shop, Shop]) -> None:
    for target in (str(systems[0].process.pid), "shop", systems[0].url):
        assert actorio("top", target, "--once").stdout.startswith("shop ")
    without = actorio("top", "--once")
    assert (without.exit_code, "shop" in without.stderr, "other" in without.stderr) == (2, True, True)
    assert actorio("top", "nobody", "--once").exit_code == 1
    assert actorio("top", "/no/socket", "--once").exit_code == 1


def test_ps_clears_the_socket_of_a_killed_process_away(runtime_dir: Path) -> None:
    shop = Shop("--socket", "--name", "shop", runtime_dir=runtime_dir)
    other = Shop("--socket", "--name", "shop", runtime_dir=runtime_dir)
    ambiguous = actorio("top", "shop", "--once")
    assert ambiguous.exit_code == 2
    for killed in (shop, other):
        killed.end()
        assert Path(killed.url).exists()
    pids = {row["pid"] for row in json.loads(actorio("ps", "--json").stdout)}
    assert not {shop.process.pid, other.process.pid} & pids
    assert not Path(shop.url).exists()
    assert not Path(other.url).exists()


def test_without_a_system_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    ran = actorio("waits")
    assert (ran.exit_code, "no system" in ran.stderr) == (2, True)
    assert json.loads(actorio("ps", "--json").stdout) == []
    (tmp_path / "actorio").mkdir(mode=0o755)
    (tmp_path / "actorio").chmod(0o755)
    ran = actorio("ps")
    assert (ran.exit_code, "this user alone" in ran.stderr) == (1, True)


# -- what they say ---------------------------------------------------------------------------------


def test_top_once_is_a_plain_table(systems: tuple[Shop, Shop]) -> None:
    text = actorio("top", "shop", "--once", "--sort", "restarts").stdout
    assert "stuck" in text
    rows = text.partition("\n\n")[2].splitlines()
    assert rows[0].split()[:3] == ["actor", "class", "state"]
    assert rows[1].startswith("/parsers/parser")
    assert actorio("top", "shop", "--once", "--sort", "beauty").exit_code == 2


def test_inspect_says_all_of_one_actor(systems: tuple[Shop, Shop]) -> None:
    text = actorio("inspect", "shop", "/shop/ledger").stdout
    assert "* " in text
    assert "await asyncio.Event().wait()" in text
    assert "password: str = <redacted>" in text
    content = json.loads(actorio("inspect", "shop", "/shop/ledger", "--json").stdout)
    assert content["info"]["path"] == "/shop/ledger"
    assert set(content) >= {"info", "stack", "peek", "attributes"}
    ran = actorio("inspect", "shop", "/nobody")
    assert (ran.exit_code, ran.stderr) == (1, "actorio: there is no such actor\n")
    assert actorio("inspect", "one", "two", "three").exit_code == 2


def test_waits_is_the_tree_of_culprits(systems: tuple[Shop, Shop]) -> None:
    text = until(lambda: (seen := actorio("waits", "shop").stdout) and "<- /shop/till-0" in seen and seen)
    assert text.splitlines()[0].startswith("/shop/ledger")
    rows = json.loads(actorio("waits", "shop", "--json").stdout)["rows"]
    assert (rows[0]["path"], rows[0]["waiters"]) == ("/shop/ledger", 12)


def test_trace_is_a_line_an_event(systems: tuple[Shop, Shop]) -> None:
    lines = actorio("trace", "shop", "/shop", "--limit", "6").stdout.splitlines()
    assert len(lines) == 6
    assert any("begun" in line for line in lines)
    events = [
        json.loads(line)
        for line in actorio("trace", "shop", "/shop", "--limit", "3", "--json").stdout.splitlines()
    ]
    assert len(events) == 3
    assert {"at", "kind", "number", "letter", "sender", "took", "text"} == set(events[0])
    assert actorio("trace", "shop", "/nobody").exit_code == 1
    began = time.monotonic()
    assert actorio("trace", "shop", "/paused", "--for", "1").exit_code == 0
    assert time.monotonic() - began < PATIENCE


def test_actions_need_a_system_that_takes_them(systems: tuple[Shop, Shop]) -> None:
    def state(name: str) -> Any:
        return json.loads(actorio("inspect", "shop", name, "--json").stdout)["info"]

    assert actorio("suspend", "shop", "/spare").exit_code == 0
    assert state("/spare")["suspended"]
    assert json.loads(actorio("resume", "shop", "/spare", "--json").stdout) == {"done": True}
    assert not state("/spare")["suspended"]
    assert actorio("stop", "shop", "/spare").exit_code == 0
    until(lambda: actorio("inspect", "shop", "/spare").exit_code == 1)
    assert actorio("kill", "shop", "/shop/printer").exit_code == 0
    for command in ("suspend", "resume", "stop", "kill"):
        ran = actorio(command, "other", "/spare")
        assert (ran.exit_code, ran.stderr) == (1, "actorio: this system takes no actions\n")


def test_page_opens_a_page_of_a_running_system(systems: tuple[Shop, Shop]) -> None:
    link = actorio("page", "other").stdout.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", link)
    assert json.loads(actorio("page", "other", "--json").stdout) == {"url": link}


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


# -- run -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["option", "environment"])
def test_run_opens_the_socket_and_the_page_that_it_is_told_to(runtime_dir: Path, how: str) -> None:
    arguments = [
        "run",
        "tests.cli.services:Forever",
        "--page",
        "0",
        *(["--inspect"] if how == "option" else []),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(runtime_dir)}
    if how == "environment":
        environment["ACTORIO_INSPECT"] = "1"
    with subprocess.Popen(
        [sys.executable, "-c", "from actorio.cli import main; main()", *arguments],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert re.search(r"http://127\.0\.0\.1:\d+/\?token=", process.stderr.readline())
        until(lambda: str(process.pid) in actorio("ps").stdout)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not list((runtime_dir / "actorio").glob(f"{process.pid}-*"))
