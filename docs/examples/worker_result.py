"""A worker: its messages are functions, each answered through a `Result`."""

import asyncio
from functools import partial

from actorio import ActorSystem, Worker


def divide(a: float, b: float) -> float:
    return a / b


async def nap(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


async def main() -> None:
    async with ActorSystem() as system:
        worker = await system.spawn(Worker)
        print(await worker.submit(divide, 7, 2))
        print(await worker.submit(nap, 0))  # a coroutine function is awaited by the worker

        failed = worker.submit(divide, 1, 0)
        try:
            await failed
        except ZeroDivisionError as error:
            print("failed:", error)  # and the worker goes on

        given_up = worker.submit(nap, 3600)
        given_up.cancel()
        print("cancelled:", given_up.cancelled())

        cruncher = await system.spawn(partial(Worker, runner="process"))
        print(await cruncher.submit(sum, range(1_000_000)))  # in a process of its own


if __name__ == "__main__":  # a process may import this file again
    asyncio.run(main())
