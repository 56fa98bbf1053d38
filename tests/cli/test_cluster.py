"""The commands of a cluster, on real servers and real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actorio import ActorSystem
from actorio.cli import cluster_status
from actorio.cli.app import app
from actorio.cli.cluster import permissions_of
from actorio.cli.cluster_status import look
from actorio.cluster import Cluster
from actorio.cluster.nats import NoBucket
from tests.cluster.servers import Server
from tests.cluster.shop import Account, Add, Till

Lines = Callable[[str], Awaitable[str]]


async def unmade(server: Server) -> None:
    """Open the bucket of the cluster, if there is one."""
    engine = server.engine()
    engine.makes_bucket = False
    try:
        await engine.connect("shop", "other", lambda sender, frame: None, lambda up: None)
    finally:
        await engine.close()


def invoke(*args: str) -> Any:
    return CliRunner().invoke(app, ["cluster", *args])


def test_permissions_are_those_of_one_node() -> None:
    result = invoke("permissions", "--name", "shop", "--node", "a")
    assert result.exit_code == 0
    assert '"actorio.shop.a.>"' in result.output
    assert '"actorio.shop.*.a"' in result.output


def test_the_demo_needs_a_node_that_is_left() -> None:
    assert invoke("demo", "--nodes", "1").exit_code == 2


@pytest.mark.slow
def test_the_demo_loses_and_doubles_nothing() -> None:
    result = invoke("demo", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["nodes"], told["killed"], told["transfers"]) == (3, "n1", 600)
    assert (told["lost"], told["doubled"], told["balanced"]) == (0, 0, True)
    assert told["taken_over_s"] >= told["lost_seen_s"] > 0


@pytest.mark.parametrize("options", [("--name", "shop", "--node", "*"), ("--name", "a.>", "--node", "a")])
def test_permissions_are_not_those_of_all_nodes(options: tuple[str, ...]) -> None:
    assert invoke("permissions", *options).exit_code == 2


@pytest.mark.parametrize("server", ["nats://127.0.0.1:1", "nats://192.0.2.1"])
def test_status_says_why_it_tells_nothing(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_status, "_PATIENCE", 0.2)
    result = invoke("status", "--server", server)
    assert result.exit_code == 1
    assert server in result.stderr


async def test_status_tells_members_claims_and_names(tmp_path: Path) -> None:
    async with Server(tmp_path) as server:
        for _ in range(2):  # to look makes no cluster
            assert (await look(server.url, "shop"))["members"] == []
        with pytest.raises(NoBucket):
            await unmade(server)
        async with (
            ActorSystem("shop") as system,
            Cluster(system, node="a", engine=server.engine(), entities=[Account], roles=["till"]) as cluster,
        ):
            await cluster.register("the till", await system.spawn(Till))
            assert await cluster.entity(Account, "alice").ask(Add(1)) == 1
            told = await look(server.url, "shop")
            (member,) = told["members"]
            assert (member["node"], member["status"], member["roles"]) == ("a", "up", ["till"])
            assert member["incarnation"] == cluster.incarnation
            assert -2.0 < member["age_s"] < 60.0
            assert told["names"] == {"the till": "a"}
            assert len(told["claims"]["a"]) == 1
        assert (await look(server.url, "shop"))["members"] == []


async def test_nodes_with_the_printed_rights_work_and_a_forged_sender_is_refused(tmp_path: Path) -> None:
    users = ", ".join(
        f"{{user: {node}, password: {node}, {permissions_of('shop', node)}}}" for node in ("a", "b")
    )
    async with (
        Server(tmp_path, f"authorization {{ users: [ {users} ] }}\n") as server,
        ActorSystem("a") as first,
        Cluster(
            first, node="a", name="shop", engine=server.engine(user="a", password="a"), actors=[Till]
        ) as a,
        ActorSystem("b") as second,
        Cluster(
            second, node="b", name="shop", engine=server.engine(user="b", password="b"), actors=[Till]
        ) as b,
    ):
        await b.register("till", await second.spawn(Till))
        till = await a.find("till", Till)
        assert await till.ask(Add(1)) == 1
        engine: Any = a._engine
        got: list[Any] = []
        take = b._life.node.receive
        b._life.node.receive = lambda sender, frame: got.append(sender) or take(sender, frame)  # type: ignore[method-assign]
        await engine._nc.publish("actorio.shop.c.b", b"forged")
        await engine._nc.subscribe("actorio.shop.*.b")
        await engine._nc.flush()
        assert await till.ask(Add(1)) == 2
        assert set(got) == {"a"}


@contextlib.asynccontextmanager
async def up(
    directory: Path, body: str, options: str = "", signals: str = ", handle_signals=True"
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Lines]]:
    """Run `cluster up` on two nodes whose program is `body`; what comes with it waits for a line that one prints."""
    (directory / "bank.py").write_text(
        "import asyncio, os, signal, time\n"
        "from actorio import ActorSystem\n"
        "from actorio.cluster import Cluster, MemberLost\n"
        "async def main(node, engine):\n"
        f"    async with ActorSystem('bank'{signals}) as system:\n"
        f"        async with Cluster(system, node='x' + node, engine=engine{options}) as cluster:\n"
        "            lost = cluster.events.subscribe(MemberLost)\n"
        "            while len(cluster.members) < 2:\n"
        "                await asyncio.sleep(0.02)\n"
        "            print(node, 'sees all', flush=True)\n" + textwrap.indent(body, " " * 12)
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
    body = "try:\n    await asyncio.Event().wait()\nfinally:\n    print(node, 'ends', flush=True)\n"
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
        "    print('dies', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "event = await anext(aiter(lost))\n"
        "print('lost', event.member.node, flush=True)\n"
    )
    an_hour = ", lease=3_600.0, heartbeat=0.5"  # nobody waits for it to run out
    async with up(tmp_path, body, an_hour) as (_, line):
        await line("dies")
        assert await line("lost") == "lost xn2\n"
