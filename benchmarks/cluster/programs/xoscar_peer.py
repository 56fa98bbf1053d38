"""Xoscar: an actor in the pool of another process, called from this one."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from typing import Any

import xoscar
from clocks import figures, report

ORDER = (7, "customer-0001", "x" * 60, 3, 9.5)


class Echo(xoscar.Actor):  # type: ignore[misc]
    """Answers with what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def echo(self, order: Any) -> Any:
        self.count += 1
        return order

    def total(self) -> int:
        return self.count


async def serve(ready: Any) -> None:
    pool = await xoscar.create_actor_pool("127.0.0.1:0", n_process=0)
    await xoscar.create_actor(Echo, address=pool.external_address, uid="echo")
    ready.put(pool.external_address)
    await pool.join()


def other(ready: Any) -> None:
    asyncio.run(serve(ready))


async def main(address: str, scale: float) -> None:
    ref = await xoscar.actor_ref(address=address, uid="echo")
    report(await figures(lambda: ref.echo(ORDER), lambda: ref.echo.tell(ORDER), ref.total, scale))


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    process = context.Process(target=other, args=(ready,), daemon=True)
    process.start()
    try:
        asyncio.run(main(ready.get(timeout=60), float(sys.argv[1])))
    finally:
        process.kill()
