"""Work that is given up, and not only no longer waited for."""

import asyncio
import time
from functools import partial

from actorio import ActorRef, ActorSystem, Worker


# [idiom: begin]
async def at_most(seconds: float, worker: ActorRef[Worker], work: float) -> str:
    result = worker.submit(time.sleep, work)
    try:
        async with asyncio.timeout(seconds):
            await result
    except TimeoutError:
        return "given up"
    finally:
        result.cancel()  # also when this task is cancelled; nothing happens when the work is done
    return "done"


# [idiom: end]
async def main() -> None:
    async with ActorSystem() as system:
        cruncher = await system.spawn(partial(Worker, runner="process"))
        print(await at_most(60, cruncher, 0))
        print(await at_most(0.1, cruncher, 3600))
        print(await at_most(60, cruncher, 0))  # in a new process


if __name__ == "__main__":
    asyncio.run(main())
