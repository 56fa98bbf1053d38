"""The other process: `python -m benchmarks.cluster.other URL TOKEN LOOP`; an echo by the cluster, and a raw one."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import msgspec
import nats

from actorio import Actor, ActorSystem, Ask
from actorio.cluster import Cluster
from actorio.cluster.server import engine_of

__all__ = ["LEASE", "Echo", "EchoEntity", "Order", "Total", "run_on"]

LEASE = 60.0
"""Seconds: a machine that is busy with the peers must not cost a node its lease."""


@dataclass(frozen=True)
class Order(Ask["Order"]):
    """The order that is sent, and comes back."""

    id: int
    customer: str
    note: str
    quantity: int
    price: float


@dataclass(frozen=True)
class Total(Ask[int]):
    """How many came."""


class Echo(Actor[Order | Total]):
    """Answers with what it is sent."""

    def __init__(self) -> None:
        self.count = 0

    def receive(self, message: Order | Total) -> Any:
        if type(message) is Total:
            return self.count
        self.count += 1
        return message


class EchoEntity(Echo):
    """The same as an entity."""

    def __init__(self, key: str) -> None:
        super().__init__()


async def raw_echo(url: str, token: str) -> None:
    """Answer on a subject, by the same codec."""
    decode, encode = msgspec.msgpack.Decoder(Order).decode, msgspec.msgpack.Encoder().encode
    connection = await nats.connect(url, token=token, pending_size=1 << 26)
    count = 0

    async def answer(message: Any) -> None:
        nonlocal count
        if message.data == b"":
            await connection.publish(message.reply, str(count).encode())
            return
        order = decode(message.data)
        count += 1
        if message.reply:
            await connection.publish(message.reply, encode(order))

    await connection.subscribe("raw.echo", cb=answer, pending_msgs_limit=10**7, pending_bytes_limit=2**30)


async def main(url: str, token: str) -> None:
    """Serve until the parent ends this process."""
    async with (
        ActorSystem("bench") as system,
        Cluster(
            system,
            node="other",
            engine=engine_of(url, token),
            entities=[EchoEntity],
            actors=[Echo],
            lease=LEASE,
        ) as cluster,
    ):
        await cluster.register("echo", await system.spawn(Echo))
        await raw_echo(url, token)
        print("up", flush=True)
        await asyncio.Event().wait()


def run_on(loop: str, work: Any) -> Any:
    """Run on asyncio, or on uvloop."""
    if loop == "uvloop":
        import uvloop

        return uvloop.run(work)
    return asyncio.run(work)


if __name__ == "__main__":  # by its own name, so that both processes mean the same types
    import importlib

    other = importlib.import_module("benchmarks.cluster.other")
    run_on(sys.argv[3], other.main(sys.argv[1], sys.argv[2]))
