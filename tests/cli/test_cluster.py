"""The commands of a cluster, on real servers and real processes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actorio import ActorSystem
from actorio.cli.app import app
from actorio.cli.cluster import permissions_of
from actorio.cli.cluster_status import look
from actorio.cluster import Cluster
from tests.cluster.servers import Server
from tests.cluster.shop import Account, Add, Till


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


async def test_status_tells_members_claims_and_names(tmp_path: Path) -> None:
    async with Server(tmp_path) as server:
        assert (await look(server.url, "shop"))["members"] == []
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


@pytest.mark.slow
async def test_up_runs_a_program_as_several_nodes_and_a_signal_ends_all(tmp_path: Path) -> None:
    (tmp_path / "bank.py").write_text(
        "import asyncio\n"
        "from actorio import ActorSystem\n"
        "from actorio.cluster import Cluster\n"
        "async def main(node, engine):\n"
        "    async with ActorSystem('bank', handle_signals=True) as system:\n"
        "        async with Cluster(system, node=node, engine=engine) as cluster:\n"
        "            while len(cluster.members) < 2:\n"
        "                await asyncio.sleep(0.02)\n"
        "            print(node, 'sees all', flush=True)\n"
        "            await asyncio.Event().wait()\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from actorio.cli import main; main()", "cluster", "up", "bank:main", "--nodes", "2",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said: set[str] = set()
    async with asyncio.timeout(60.0):
        while {"n1 sees all", "n2 sees all"} - said:
            said.add((await process.stdout.readline()).decode().strip())
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0
