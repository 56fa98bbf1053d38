"""What the store of a cluster tells: members, claims, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from actorio import ActorSystem
from actorio.cli import cluster_status
from actorio.cli.cluster_status import look
from actorio.cluster import Cluster
from actorio.cluster.nats import NoBucket
from tests.cli.test_cluster import invoke
from tests.cluster.servers import Server
from tests.cluster.shop import Account, Add, Till


async def unmade(server: Server) -> None:
    """Open the bucket of the cluster, if there is one."""
    engine = server.engine()
    engine.makes_bucket = False
    try:
        await engine.connect("shop", "other", lambda sender, frame: None, lambda up: None)
    finally:
        await engine.close()


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
