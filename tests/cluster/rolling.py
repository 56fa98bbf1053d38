"""A node of the old or the new release of a shop: `python -m tests.cluster.rolling URL NODE VERSION`.

The new release has a new field and a new type.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

from actorio import Actor, ActorSystem, Ask
from actorio.cluster import Cluster, Entity, Nats
from tests.cluster.real import HEARTBEAT, LEASE, say


@dataclass(frozen=True)
class OldBuy(Ask[int]):
    number: int


@dataclass(frozen=True)
class NewBuy(Ask[int]):
    number: int
    note: str = ""


@dataclass(frozen=True)
class Refund(Ask[str]):
    number: int


class OldCart(Actor[OldBuy]):
    def __init__(self, key: str) -> None:
        self.key = key

    async def receive(self, message: OldBuy) -> int:
        await asyncio.sleep(0.002)
        return message.number


class NewCart(Actor[NewBuy | Refund]):
    def __init__(self, key: str) -> None:
        self.key = key

    async def receive(self, message: NewBuy | Refund) -> Any:
        await asyncio.sleep(0.002)
        return message.number if isinstance(message, NewBuy) else f"{self.key}: {message.number}"


OLD: dict[str, Any] = {"messages": {"shop.Buy": OldBuy}}
NEW: dict[str, Any] = {"messages": {"shop.Buy": NewBuy, "shop.Refund": Refund}}
KINDS = {"old": Entity(OldCart, name="cart", shards=16), "new": Entity(NewCart, name="cart", shards=16)}


async def main(url: str, node: str, release: str) -> None:
    async with (
        ActorSystem(node, handle_signals=True) as system,
        Cluster(
            system,
            engine=Nats(url),
            node=node,
            name="shop",
            entities=[KINDS[release]],
            version=release,
            lease=LEASE,
            heartbeat=HEARTBEAT,
            rebalance_interval=0.5,
            **(OLD if release == "old" else NEW),
        ),
    ):
        say("up")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
