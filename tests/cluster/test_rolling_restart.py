"""Three nodes in processes of their own are restarted one after the other, with a new release, under load."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from actorio import RefusedError
from actorio.cluster import Refusal
from tests.cluster.real import child, node, outcome, until
from tests.cluster.rolling import KINDS, NEW, NewBuy, NewCart, Refund
from tests.cluster.servers import Server

pytestmark = pytest.mark.long

KEYS = "abcdefgh"
NODES = ("n1", "n2", "n3")


async def test_no_ask_fails_and_the_old_release_refuses_a_new_type(tmp_path: Path) -> None:
    async with (
        Server(tmp_path) as server,
        node(server, "client", entities=[], actors=[], uses=[KINDS["new"]], **NEW) as client,
        contextlib.AsyncExitStack() as stack,
    ):
        carts = {key: client.entity(NewCart, key, name="cart") for key in KEYS}
        failures: list[object] = []
        done = dict.fromkeys(KEYS, 0)

        async def buy(key: str) -> None:
            while True:
                done[key] += 1
                answer = await outcome(carts[key].ask(NewBuy(done[key], "in a hurry")))
                if answer != done[key]:
                    failures.append(answer)

        old = [
            await stack.enter_async_context(child(server.url, name, "old", module="tests.cluster.rolling"))
            for name in NODES
        ]
        refused = await outcome(carts["a"].ask(Refund(1)))
        assert isinstance(refused, RefusedError)
        assert refused.reason is Refusal.UNKNOWN_TYPE
        async with asyncio.TaskGroup() as tasks:
            load = [tasks.create_task(buy(key)) for key in KEYS]
            for name, process in zip(NODES, old, strict=True):
                before = dict(done)
                await until(lambda before=before: all(done[key] > before[key] + 5 for key in KEYS))
                await process.end()
                await stack.enter_async_context(
                    child(server.url, name, "new", module="tests.cluster.rolling")
                )
                await until(lambda: len(client.members) == 4)
            for task in load:
                task.cancel()
        assert failures == []
        assert {member.version for member in client.members} == {"", "new"}
        assert await asyncio.gather(*(cart.ask(Refund(7)) for cart in carts.values())) == [
            f"{key}: 7" for key in KEYS
        ]
