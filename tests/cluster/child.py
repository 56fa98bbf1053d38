"""A node in a process of its own: `python -m tests.cluster.child URL NODE`; it says what happens, a line each."""

from __future__ import annotations

import asyncio
import logging
import sys

from actorio import ActorSystem
from actorio.cluster import Cluster, Detached, Nats, Rejoined
from tests.cluster.real import HEARTBEAT, LEASE, say
from tests.cluster.shop import Account, Blocker, Till


class Teller(logging.Handler):
    """Says each warning."""

    def emit(self, record: logging.LogRecord) -> None:
        say("warning", text=record.getMessage())


async def main(url: str, node: str) -> None:
    logging.getLogger("actorio").addHandler(Teller(logging.WARNING))
    async with (
        ActorSystem(node, handle_signals=True) as system,
        Cluster(
            system,
            engine=Nats(url),
            node=node,
            name="shop",
            entities=[Account],
            actors=[Till, Blocker],
            lease=LEASE,
            heartbeat=HEARTBEAT,
        ) as cluster,
    ):
        await cluster.register(f"till.{node}", await system.spawn(Till, name="till"))
        await cluster.register(f"blocker.{node}", await system.spawn(Blocker, name="blocker"))
        say("up", incarnation=cluster.incarnation)
        async with cluster.events.subscribe(Detached, Rejoined) as events:
            async for event in events:
                say(type(event).__name__)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
