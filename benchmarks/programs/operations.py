"""The price of each operation as a multiple of an ask's: `python -m benchmarks.programs.operations`.

All operations run in turns, in rounds, so that a noisy machine disturbs all of them alike; of each the best
round counts, in seconds of the processor. A send is timed until its message was handled.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable

from actorio import Actor, ActorRef, ActorSystem, Mailbox
from actorio.testing import until

__all__ = ["OPERATIONS", "measure"]

TRACE: contextvars.ContextVar[int] = contextvars.ContextVar("TRACE")


class Echo(Actor[int]):
    """Answers with what it is asked."""

    async def receive(self, message: int) -> int:
        return message

    async def echo(self, message: int) -> int:
        return message


class Starting(Actor[int]):
    """Has something to do as it starts."""

    async def on_start(self) -> None:
        self.started = True

    async def receive(self, message: int) -> None: ...


def one() -> int:
    return 1


Operation = Callable[[ActorSystem, ActorRef[Echo], int], Awaitable[None]]
"""Does something so many times."""


async def ask(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    for number in range(count):
        await ref.ask(number)


async def ask_with_timeout(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    for number in range(count):
        await ref.ask(number, timeout=10.0)


async def call(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    for number in range(count):
        await ref.call(Echo.echo, number)


async def submit(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    for _ in range(count):
        await ref.submit(one)


async def send(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    after = ref.statistics().handled + count
    for number in range(count):
        await ref.send(number)
    await until(lambda: ref.statistics().handled == after)


async def cast(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    after = ref.statistics().handled + count
    for number in range(count):
        await ref.cast(Echo.echo, number)
    await until(lambda: ref.statistics().handled == after)


async def spawn(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    for _ in range(count):
        (await system.spawn(Echo)).stop()


async def spawn_with_on_start(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
    for _ in range(count):
        (await system.spawn(Starting)).stop()


def traced(operation: Operation) -> Operation:
    """Return the operation as it is where a contextvar is set, as tracing does."""

    async def run(system: ActorSystem, ref: ActorRef[Echo], count: int) -> None:
        token = TRACE.set(1)
        try:
            await operation(system, ref, count)
        finally:
            TRACE.reset(token)

    return run


OPERATIONS: dict[str, Operation] = {
    "ask": ask,
    "ask with a timeout": ask_with_timeout,
    "ask with a contextvar": traced(ask),
    "call": call,
    "submit": submit,
    "send": send,
    "send with a contextvar": traced(send),
    "cast": cast,
    "spawn and stop": spawn,
    "spawn with on_start, and stop": spawn_with_on_start,
}


async def measure(count: int, rounds: int) -> dict[str, float]:
    """Return the seconds of the processor that one of each takes: the best of so many rounds."""
    best: dict[str, float] = {}
    async with ActorSystem() as system:
        ref = await system.spawn(Echo, mailbox=Mailbox(None))
        for _ in range(rounds):
            for name, operation in OPERATIONS.items():
                began = time.process_time()
                await operation(system, ref, count)
                best[name] = min(best.get(name, 1e9), (time.process_time() - began) / count)
    return best


def main() -> None:
    """Measure, and print a line for each operation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    best = asyncio.run(measure(options.count, options.rounds))
    for name, seconds in best.items():
        print(f"{name:30s} {seconds * 1e6:8.2f} us   {seconds / best['ask']:5.2f} asks")


if __name__ == "__main__":
    main()
