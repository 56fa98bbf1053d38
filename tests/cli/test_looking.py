"""The commands that look into running systems: two of them, found by their sockets."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import PATIENCE, actorio, here, runtime_dir, systems, until
from tests.observability.processes import ROOT, Shop

__all__ = ["here", "runtime_dir", "systems"]


# -- what they say ---------------------------------------------------------------------------------


def test_top_once_is_a_plain_table(systems: tuple[Shop, Shop]) -> None:
    until(lambda: "stuck" in actorio("top", "shop", "--once").stdout)
    text = actorio("top", "shop", "--once", "--sort", "restarts").stdout
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
