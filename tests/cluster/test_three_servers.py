"""Three real servers, and one of them killed: nobody detaches, nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.cluster import Cluster
from tests.cluster.real import outcome
from tests.cluster.servers import ThreeServers
from tests.cluster.shop import Account, Add, Take, Till


async def run_over(directory: Path, kills: int, lease: float | None) -> None:
    """Kill so many servers in turn, the one that leads the bucket first, while messages go from node to node."""
    async with (
        ThreeServers(directory) as three,
        ActorSystem("a") as first,
        Cluster(first, node="a", name="shop", engine=three.engine(), uses=[Till, Account], lease=lease) as a,
        ActorSystem("b") as second,
        Cluster(second, node="b", name="shop", engine=three.engine(), entities=[Account], actors=[Till]) as b,
    ):
        await b.register("till", await second.spawn(Till))
        till = await a.find("till", Till, timeout=30.0)
        account = a.entity(Account, "alice")
        incarnations = (a.incarnation, b.incarnation)
        numbers = iter(range(1, 1_000_000))
        sent: list[int] = []
        asks: list[asyncio.Future[Any]] = []

        async def load() -> None:
            for number in numbers:
                sent.append(number)
                await till.send(Add(number))
                if number % 10 == 0:
                    asks.append(asyncio.ensure_future(outcome(account.ask(Add(1)))))
                await asyncio.sleep(0.01)

        loading = asyncio.ensure_future(load())
        leader = await three.until_whole("shop")
        for name in [leader, *(name for name in three.servers if name != leader)][:kills]:
            await three.servers[name].kill()
            went_on = len(sent) + 300
            while len(sent) < went_on:
                await asyncio.sleep(0.05)
            await three.servers[name].start()
            await three.until_whole("shop")
        loading.cancel()
        answers = await asyncio.gather(*asks)
        assert answers == list(range(1, len(answers) + 1))
        assert await till.ask(Take()) == sent
        assert (a.incarnation, b.incarnation) == incarnations
        await b.register("after", await second.spawn(Till))
        assert await (await a.find("after", Till, timeout=30.0)).ask(Add(1)) == 1


@pytest.mark.long
async def test_the_server_that_leads_the_bucket_is_killed_and_nobody_detaches(tmp_path: Path) -> None:
    """A lease of a minute: an election may take long on a busy machine."""
    await run_over(tmp_path, kills=1, lease=60.0)


@pytest.mark.long
async def test_each_server_is_killed_in_turn_and_nobody_detaches(tmp_path: Path) -> None:
    await run_over(tmp_path, kills=3, lease=None)
