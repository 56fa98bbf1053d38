"""Small programs with a planted bug, and the sources of disorder that a replay must not see."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.to_thread

from actorio import Actor, ActorSystem

SECOND = 1.0  # of virtual time

Main = Callable[[], Coroutine[Any, Any, Any]]


async def stop_race() -> None:
    """Lose a message: stop() closes after its last await, so a send accepted meanwhile is never handled."""
    mailbox: asyncio.Queue[int | None] = asyncio.Queue(2)
    closed, handled, accepted = False, [], []

    async def actor() -> None:
        while (message := await mailbox.get()) is not None:
            handled.append(message)

    async def sender(first: int) -> None:
        for message in range(first, first + 3):
            if not closed:
                await mailbox.put(message)
                accepted.append(message)

    async def stopper(task: asyncio.Task[None]) -> None:
        nonlocal closed
        for _ in range(6):
            await asyncio.sleep(0)
        await mailbox.put(None)
        await task
        closed = True

    running = asyncio.create_task(actor(), name="actor")
    names = {"low": sender(0), "high": sender(10), "stopper": stopper(running)}
    await asyncio.wait([asyncio.create_task(work, name=name) for name, work in names.items()], timeout=5)
    lost = sorted(set(accepted) - set(handled))
    assert not lost, f"accepted but never handled: {lost}"


async def read_wait_write() -> None:
    """Lose an update: two clients ask an account for its balance and set it; a real loop keeps them apart."""
    account: asyncio.Queue[tuple[str, int, asyncio.Future[int]]] = asyncio.Queue()

    async def serve() -> None:
        balance = 0
        while True:
            what, amount, reply = await account.get()
            balance = amount if what == "set" else balance
            reply.set_result(balance)

    async def ask(what: str, amount: int = 0) -> int:
        reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        account.put_nowait((what, amount, reply))
        return await reply

    async def deposit(pause: int) -> None:
        for _ in range(pause):
            await asyncio.sleep(0)
        await ask("set", await ask("get") + 1)

    serving = asyncio.create_task(serve(), name="account")
    clients = [asyncio.create_task(deposit(6 * number), name=f"client {number}") for number in range(2)]
    await asyncio.wait(clients)
    balance = await ask("get")
    serving.cancel()
    assert balance == 2, f"balance {balance} after two deposits"


async def lockstep() -> None:
    """Fail only if three tasks take turns exactly: fine interleaving, which `random` is good at."""
    count = 0

    async def increment() -> None:
        nonlocal count
        for _ in range(3):
            seen = count
            await asyncio.sleep(0)
            count = seen + 1

    await asyncio.gather(increment(), increment(), increment())
    assert count != 3, "every step met every other"


async def starvation() -> None:
    """Fail only if one task is kept waiting for 30 steps of another, which `pct` is good at."""
    ready = False

    async def prepare() -> None:
        nonlocal ready
        await asyncio.sleep(0)
        ready = True

    async def use() -> None:
        for _ in range(30):
            await asyncio.sleep(0)
        assert ready, "used before it was ready"

    await asyncio.gather(prepare(), use())


async def ask_cycle() -> None:
    """Deadlock: two actors ask each other, each in its own turn."""

    class Asker:
        def __init__(self, name: str) -> None:
            self.mailbox: asyncio.Queue[tuple[asyncio.Future[int], int]] = asyncio.Queue()
            self.peer = self
            self.task = asyncio.create_task(self.run(), name=name)

        async def run(self) -> None:
            while True:
                reply, depth = await self.mailbox.get()
                reply.set_result(await self.peer.ask(depth - 1) if depth else 0)

        async def ask(self, depth: int) -> int:
            reply = asyncio.get_running_loop().create_future()
            self.mailbox.put_nowait((reply, depth))
            return await reply

    left, right = Asker("left"), Asker("right")
    left.peer, right.peer = right, left
    await left.ask(2)


async def group_cancel_order() -> list[int]:
    """Tell in which order a TaskGroup cancels its children, which it keeps in a set."""
    order: list[int] = []

    async def child(number: int) -> None:
        try:
            await asyncio.sleep(100 * SECOND)
        finally:
            order.append(number)

    async def fail() -> None:
        await asyncio.sleep(0.001)
        raise ValueError

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(child(number))
            group.create_task(fail())
    except* ValueError:
        pass
    return order


async def scope_cancel_order() -> list[int]:
    """Tell in which order an anyio scope reaches its child scopes, which it keeps in a set."""
    order: list[int] = []

    async def child(number: int) -> None:
        with anyio.CancelScope():
            try:
                await anyio.sleep_forever()
            finally:
                order.append(number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(child, number)
        await anyio.sleep(0.001)
        group.cancel_scope.cancel()
    return order


async def disorder() -> list[Any]:
    """Use all of asyncio that could differ between processes: sets, names, executors, randomness, ties."""
    seen: list[Any] = []

    async def worker(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(random.choice([0, 0.001, 0.002]))
            seen.append((number, await asyncio.to_thread(lambda: number * 2)))

    done, _ = await asyncio.wait([asyncio.create_task(worker(number)) for number in range(8)])
    seen.extend(task.get_name() for task in done)
    seen.append(await group_cancel_order())
    return seen


async def disorder_of_refs() -> list[str]:
    """Return the names of actors in the order of a set of their refs."""
    async with ActorSystem() as system:
        return [ref.name for ref in {await system.spawn(Actor, name=f"n{number}") for number in range(8)}]


async def disorder_in_anyio() -> list[Any]:
    """The same for anyio: worker threads, and the sets of its cancel scopes."""
    threads = [await anyio.to_thread.run_sync(threading.get_ident) for _ in range(3)]
    return [len(set(threads)), await scope_cancel_order()]
