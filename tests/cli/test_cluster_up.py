"""A program as several nodes: processes that are told of their server, and tell which cluster they have joined."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from actorio import ActorSystem
from actorio.cli import cluster_up
from actorio.cli.cluster_status import look
from actorio.cluster import Cluster
from tests.cluster.servers import Server
from tests.cluster.shop import Till

Lines = Callable[[str], Awaitable[str]]


def test_a_program_without_the_function_is_told_in_a_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "actorio.cli.cluster_up", "n1", "json", "nothing"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "actorio: module 'json' has no 'nothing'\n")


@contextlib.asynccontextmanager
async def up(
    directory: Path, body: str, options: str = "", signals: str = ", handle_signals=True"
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Lines]]:
    """Run `cluster up` on two nodes whose program is `body`; what comes with it waits for a line that one prints."""
    (directory / "bank.py").write_text(
        "import asyncio, os, signal, time\n"
        "from actorio import ActorSystem\n"
        "from actorio.cluster import Cluster, MemberLost\n"
        "def say(*words):  # in one write: the nodes share a pipe, and an unbuffered print writes word by word\n"
        "    os.write(1, (' '.join(words) + '\\n').encode())\n"
        "async def main(node, engine):\n"
        f"    async with ActorSystem('bank'{signals}) as system:\n"
        f"        async with Cluster(system, node='x' + node, engine=engine{options}) as cluster:\n"
        "            lost = cluster.events.subscribe(MemberLost)\n"
        "            while len(cluster.members) < 2:\n"
        "                await asyncio.sleep(0.02)\n"
        "            say(node, 'sees all')\n" + textwrap.indent(body, " " * 12)
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from actorio.cli import main; main()", "cluster", "up", "bank:main", "--nodes", "2",
        cwd=directory, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def line(beginning: str) -> str:
        assert process.stdout is not None
        while not (said := (await process.stdout.readline()).decode()).startswith(beginning):
            assert said, f"it has ended before it said {beginning!r}"
        return said

    try:
        async with asyncio.timeout(60.0):
            yield process, line
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


@pytest.mark.slow
async def test_up_runs_a_program_as_several_nodes_and_a_signal_ends_all(tmp_path: Path) -> None:
    async with up(tmp_path, "await asyncio.Event().wait()\n") as (process, line):
        assert {await line("n"), await line("n")} == {"n1 sees all\n", "n2 sees all\n"}
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0


@pytest.mark.slow
async def test_up_ends_a_program_in_order_that_handles_no_signals(tmp_path: Path) -> None:
    body = "try:\n    await asyncio.Event().wait()\nfinally:\n    say(node, 'ends')\n"
    async with up(tmp_path, body, signals="") as (process, line):
        assert {await line("n"), await line("n")} == {"n1 sees all\n", "n2 sees all\n"}
        process.send_signal(signal.SIGTERM)
        assert {await line("n"), await line("n")} == {"n1 ends\n", "n2 ends\n"}
        await process.communicate()
        assert process.returncode == 0


@pytest.mark.slow
async def test_up_releases_the_lease_of_a_node_that_died_at_once(tmp_path: Path) -> None:
    body = (
        "if node == 'n2':\n"
        "    await asyncio.sleep(0.5)\n"
        "    say('dies')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "event = await anext(aiter(lost))\n"
        "say('lost', event.member.node)\n"
    )
    an_hour = ", lease=3_600.0, heartbeat=0.5"  # nobody waits for it to run out
    async with up(tmp_path, body, an_hour) as (_, line):
        await line("dies")
        assert await line("lost") == "lost xn2\n"


def test_a_child_finds_its_server_and_tells_what_it_joins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = cluster_up.Nodes("module", (), "nats://127.0.0.1:1", "secret")
    try:
        assert nodes.joined("n1") == []
        monkeypatch.setenv(cluster_up._JOINED, str(nodes._joined("n1")))
        for name in (cluster_up._URL, cluster_up._TOKEN):
            monkeypatch.setenv(name, nodes._env[name])
        assert isinstance(cluster_up.child_engine(), cluster_up.ChildEngine)
        cluster_up._tell_joined("shop", "a")
        cluster_up._tell_joined("bank", "b")
        assert nodes.joined("n1") == [("shop", "a"), ("bank", "b")]
        assert nodes.joined("n2") == []
    finally:
        nodes._told.cleanup()


async def test_children_are_found_from_the_working_directory_and_end_by_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "child_of_a_test.py").write_text("import signal; print(flush=True); signal.pause()\n")
    monkeypatch.chdir(tmp_path)
    nodes = cluster_up.Nodes("child_of_a_test", (), "nats://127.0.0.1:1", None)
    await nodes.start("n1")
    await nodes.stop()
    assert nodes.processes["n1"].returncode == -signal.SIGTERM
    assert not Path(nodes._told.name).exists()


async def test_the_lease_of_a_member_that_died_is_released_and_of_others_not(tmp_path: Path) -> None:
    async with (
        Server(tmp_path) as server,
        ActorSystem("a") as system,
        Cluster(system, node="a", name="shop", engine=server.engine(), actors=[Till]),
    ):
        await cluster_up.release_lease(server.engine(), "shop", "nobody")
        assert len((await look(server.url, "shop"))["members"]) == 1
        await cluster_up.release_lease(server.engine(), "shop", "a")
        assert (await look(server.url, "shop"))["members"] == []
