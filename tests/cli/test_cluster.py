"""The commands of a cluster, on real servers and real processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actorio import ActorSystem
from actorio.cli.app import app
from actorio.cli.cluster import _print as print_table
from actorio.cli.cluster import permissions_of
from actorio.cluster import Cluster
from tests.cluster.servers import Server
from tests.cluster.shop import Add, Till


def invoke(*args: str) -> Any:
    return CliRunner().invoke(app, ["cluster", *args])


def test_permissions_are_those_of_one_node() -> None:
    result = invoke("permissions", "--name", "shop", "--node", "a")
    assert result.exit_code == 0
    assert '"actorio.shop.a.>"' in result.output
    assert '"actorio.shop.*.a"' in result.output


@pytest.mark.parametrize("options", [("--name", "shop", "--node", "*"), ("--name", "a.>", "--node", "a")])
def test_permissions_are_not_those_of_all_nodes(options: tuple[str, ...]) -> None:
    assert invoke("permissions", *options).exit_code == 2


@pytest.mark.parametrize("target", ["no_such_module_here:main", "json.nothing:main", ":main", "..json:main"])
def test_up_of_a_module_that_is_not_there_is_a_usage_error_and_starts_nothing(target: str) -> None:
    result = invoke("up", target)
    assert result.exit_code == 2
    assert "there is no module" in result.output


def test_o12_what_is_printed_is_no_markup_and_inert(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Names", ("name", "node"), [("[/red] [bold]till", "a\x1b[31m")])
    said = capsys.readouterr().out
    assert "[/red] [bold]till" in said
    assert "\x1b[31m" not in said


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
