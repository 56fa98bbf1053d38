"""A node in a process of its own: `python -m tests.cluster.child URL NODE`; it says what happens, a line each."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from actorio import ActorSystem
from actorio.cluster import Cluster, Detached, Nats, Rejoined
from tests.cluster.shop import Account, Till


def say(what: str, **details: Any) -> None:
    print(json.dumps({"what": what, "at": time.monotonic(), **details}), flush=True)


async def main(url: str, node: str) -> None:
    engine = Nats(url)
    async with (
        ActorSystem(node, handle_signals=True) as system,
        Cluster(
            system,
            engine=engine,
            node=node,
            name="shop",
            entities=[Account],
            actors=[Till],
            lease=2.0,
            heartbeat=0.5,
        ) as cluster,
    ):
        await cluster.register(f"till.{node}", await system.spawn(Till, name="till"))
        say("up", incarnation=cluster.incarnation)
        async with cluster.events.subscribe(Detached, Rejoined) as events:
            async for event in events:
                say(type(event).__name__)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
