"""An actor that blocks its loop: a warning names it; after the lease the node is detached, and rejoins."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actorio import DeliveryUnknownError
from tests.cluster.real import LEASE, child, node, outcome, until
from tests.cluster.servers import Server
from tests.cluster.shop import Account, Add, Block, Blocker

pytestmark = pytest.mark.slow


async def test_a_blocked_loop_is_told_with_its_actor_and_costs_the_lease_when_it_lasts(
    tmp_path: Path,
) -> None:
    async with (
        Server(tmp_path) as server,
        node(server, "a", uses=[Blocker]) as a,
        child(server.url, "b") as b,
    ):
        blocker = await a.find("blocker.b", Blocker)
        for key in map(str, range(30)):
            account = a.entity(Account, key)
            await account.ask(Add(5))
            if account.node == "b":
                break
        lost = asyncio.ensure_future(outcome(blocker.ask(Block(2 * LEASE))))
        told = ""
        while "/blocker" not in told:  # a busy machine may hold the loop up too
            told = (await b.said("warning"))["text"]
        assert "the loop was blocked" in told
        assert isinstance(await lost, DeliveryUnknownError)
        assert await account.ask(Add(1)) == 1  # it is active anew
        await b.said("Detached")
        await b.said("Rejoined")
        await until(lambda: len(a.members) == 2)
