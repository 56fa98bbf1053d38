"""casty: a pinned actor on another node of this machine, asked and told from this one."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from casty import ActorSystem, Cluster, Context, Ref, actor
from clocks import figures, report

LONG = timedelta(minutes=10)


@dataclass(frozen=True)
class Order:
    """The order that is sent."""

    id: int
    customer: str
    note: str
    quantity: int
    price: float


@dataclass(frozen=True)
class AskOrder:
    """The order that is asked for its like."""

    reply_to: Ref[Order]
    order: Order


@dataclass(frozen=True)
class Total:
    reply_to: Ref[int]


@actor(initial=0, pinned=True, ask_timeout=LONG)
async def echo(ctx: Context[int, Order | AskOrder | Total]) -> None:
    """Answers with what it is sent."""
    count = 0
    async for message in ctx.inbox:
        if isinstance(message, Total):
            message.reply_to.tell(count)
            continue
        count += 1
        if isinstance(message, AskOrder):
            message.reply_to.tell(message.order)


ORDER = Order(7, "customer-0001", "x" * 60, 3, 9.5)


async def serve(here: str, there: str) -> None:
    async with ActorSystem(cluster=Cluster(bind=here, seeds=(there,))):
        await asyncio.Event().wait()


async def main(here: str, there: str, scale: float) -> None:
    async with ActorSystem(cluster=Cluster(bind=here, seeds=(there,))) as system:
        ref: Any = system.ref(echo, "echo", at=there)

        async def send() -> None:
            ref.tell(ORDER)

        report(await figures(lambda: ref.ask(AskOrder, ORDER), send, lambda: ref.ask(Total), scale))


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


if __name__ == "__main__":
    import importlib

    own = importlib.import_module("casty_peer")  # by a name of its own: both processes mean the same actor
    if len(sys.argv) > 2:
        asyncio.run(own.serve(*sys.argv[1:]))
    else:
        addresses = [free_address(), free_address()]
        process = subprocess.Popen([sys.executable, __file__, *addresses])
        try:
            asyncio.run(own.main(addresses[1], addresses[0], float(sys.argv[1])))
        finally:
            process.kill()
