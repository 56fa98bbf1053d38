"""Which running system is meant, and that dead sockets are cleared away."""

import contextlib
import json
import socket
from pathlib import Path

import pytest

from actorio.cli import targets
from actorio.cli.targets import Gone, System, _is_heard
from tests.cli.running import actorio, here, runtime_dir, systems, until
from tests.observability.processes import Shop

__all__ = ["here", "runtime_dir", "systems"]


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


def test_a_socket_that_is_named_is_left_where_it_is(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(foreign))
    assert actorio("top", str(foreign), "--once").exit_code == 1
    assert foreign.exists()


def test_a_system_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(targets, "_PATIENCE", 0.2)
    folder = tmp_path / "actorio"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "7-held.sock"))
        bound.listen(8)
        ran = actorio("ps", "--json")
        assert (ran.exit_code, json.loads(ran.stdout)) == (0, [])
        assert "7-held.sock does not answer" in ran.stderr
        for target, status in (((), 2), (("7",), 1), ((str(folder / "7-held.sock"),), 1)):
            ran = actorio("waits", *target)
            assert (ran.exit_code, "7-held.sock does not answer" in ran.stderr) == (status, True)
        held = System(folder / "7-held.sock", {})
        with pytest.raises(Gone, match="does not answer"):
            held.get("/api/waits")


def test_a_socket_with_too_many_in_its_line_is_not_dead(runtime_dir: Path) -> None:
    folder = runtime_dir / "actorio"
    folder.mkdir(mode=0o700, exist_ok=True)
    busy = folder / "1-busy.sock"
    with contextlib.ExitStack() as stack:
        bound = stack.enter_context(socket.socket(socket.AF_UNIX))
        bound.bind(str(busy))
        bound.listen(0)
        for _ in range(3):
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            caller.connect_ex(str(busy))
        assert _is_heard(busy)
    assert not _is_heard(busy)
