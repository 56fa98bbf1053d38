"""A program that forks in the middle of a block; run by `test_forks`."""

import asyncio
import os
import sys
import warnings

import actorio
from actorio import Actor, ActorSystem, WrongThreadError
from actorio._cell.far import FarCell
from tests.cell.test_far import ListLine


class Till(Actor):
    def __init__(self):
        self.total = 0

    async def receive(self, message):
        self.total += message
        return self.total

    async def add(self, one):
        return await self.receive(one)

    async def on_stop(self, reason):
        os.write(1, f"on_stop in {'the child' if os.getpid() != PARENT else 'the parent'}\n".encode())


PARENT = os.getpid()


def step(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def used_in_child(system, till, idle, pool, result, timer, far):
    return {
        "send": lambda: till.send(1),
        "send to an idle one": lambda: idle.send(1),
        "send_nowait": lambda: till.send_nowait(1),
        "ask": lambda: step(till.ask(1)),
        "call": lambda: step(till.call(Till.add, 1)),
        "cast": lambda: till.cast(Till.add, 1),
        "submit": lambda: till.submit(len, ""),
        "pool": lambda: pool.send(1),
        "stop": till.stop,
        "kill": till.kill,
        "join": lambda: step(till.join()),
        "send_threadsafe": lambda: till.send_threadsafe(1),
        "ask_threadsafe": lambda: till.ask_threadsafe(1),
        "call_threadsafe": lambda: till.call_threadsafe(Till.add, 1),
        "submit_threadsafe": lambda: till.submit_threadsafe(len, ""),
        "spawn": lambda: step(system.spawn(Till).__await__()),
        "lookup": lambda: system.lookup("till"),
        "snapshot": system.snapshot,
        "register": lambda: system.register("a", till),
        "groups": lambda: system.groups.join("g", till),
        "events": system.events.subscribe,
        "result": result.cancel,
        "shutdown": lambda: step(system.shutdown()),
        "timer": timer.cancel,
        "far send": lambda: far.send(1),
        "far send_nowait": lambda: far.send_nowait(1),
        "far ask": lambda: step(far.ask(1)),
        "far ask within": lambda: step(far.ask(1, timeout=5)),
        "far call": lambda: step(far.call(Till.add, 1)),
        "far cast": lambda: far.cast(Till.add, 1),
        "far stop": far.stop,
        "far join": lambda: step(far.join()),
        "far ask_threadsafe": lambda: far.ask_threadsafe(1),
        "exit": lambda: step(system.__aexit__(None, None, None)),
    }


async def main():
    async with ActorSystem("shop") as system:
        till, idle = await system.spawn(Till, name="till"), await system.spawn(Till)
        pool = await system.spawn_pool(Till, size=1)
        await till.ask(1)
        gate = asyncio.Event()
        result = till.submit(gate.wait)
        timer = await idle.submit(lambda: actorio.current_actor()._cell.context.send_after(60, 1))
        await asyncio.sleep(0)
        far = FarCell(system._runtime, ListLine(), "address", "/till", Till).ref
        child = os.fork()
        if child == 0:
            bad = []
            for name, use in used_in_child(system, till, idle, pool, result, timer, far).items():
                try:
                    bad.append((name, use()))
                except WrongThreadError as error:
                    if "belongs to the process that this one was forked from" not in str(error):
                        bad.append((name, error))
                except BaseException as error:
                    bad.append((name, error))
            left = step(system.__aexit__(SystemExit, SystemExit(0), None))
            os.write(1, f"child: {bad} {left}\n".encode())
            os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        gate.set()
        await result
        print("parent:", await till.ask(1), await idle.ask(5), await pool.ask(2), flush=True)


warnings.simplefilter("ignore", DeprecationWarning)
asyncio.run(main()) if sys.argv[1] == "asyncio" else actorio.run(main)
