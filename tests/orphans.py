"""A program whose workers have a process each, one idle and one at work: it says their ids, and waits to be killed."""

import asyncio
import sys

from actorio import ActorSystem, Worker
from tests import chores


async def main(marker: str) -> None:
    async with ActorSystem() as system:
        idle, busy = [await system.spawn(Worker, "process") for _ in range(2)]
        print(await idle.submit(chores.pid), await busy.submit(chores.pid), flush=True)
        await busy.submit(chores.stay, marker)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
