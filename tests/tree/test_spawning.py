"""`get_or_spawn`: one actor a name; one that ends is waited for, and spawned anew."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorStoppedError, ActorSystem, DeadlockError, ExitReason, Restart
from tests.guarantees.actors import cancelled, outcome, soon, started
from tests.stage import ticks, until


class Keyed(Actor[Any]):
    """One of a key, slow to end."""

    alive = 0

    def __init__(self, log: list[str], gate: asyncio.Event) -> None:
        self.log = log
        self.gate = gate

    async def on_start(self) -> None:
        self.log.append("starts")

    async def receive(self, message: Any) -> Any:
        if message == "leave":
            self.context.stop()
        return message

    async def on_stop(self, reason: ExitReason) -> None:
        await self.gate.wait()
        self.log.append("ended")


WAYS: dict[str, Callable[[ActorRef[Keyed]], Any]] = {
    "close": lambda ref: ref.close(),
    "stop": lambda ref: ref.stop(),
    "leave": lambda ref: ref.send_nowait("leave"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("under", ["system", "parent"])
async def test_guarantee_04_get_or_spawn_waits_for_one_that_ends_and_spawns_anew(
    way: str, under: str
) -> None:
    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await self.context.get_or_spawn("key", Keyed, log, gate)

    log: list[str] = []
    gate = asyncio.Event()
    async with soon(), ActorSystem() as system:
        parent = await system.spawn(Parent)

        async def get() -> ActorRef[Keyed]:
            if under == "parent":
                ref: ActorRef[Keyed] = await parent.ask("key")
                return ref
            return await system.get_or_spawn("key", Keyed, log, gate)

        first = await get()
        WAYS[way](first)
        await ticks(3)
        asking = [started(get()) for _ in range(3)]
        await ticks(3)
        assert not any(task.done() for task in asking)
        gate.set()
        second, *others = [await task for task in asking]
        assert second != first
        assert others == [second, second]
        assert log == ["starts", "ended", "starts"]
        assert await second.ask("alive") == "alive"


async def test_guarantee_04_get_or_spawn_gives_one_that_is_only_restarted() -> None:
    """A permanent actor that leaves comes back."""
    log: list[str] = []
    gate = asyncio.Event()
    async with soon(), ActorSystem() as system:
        first = await system.get_or_spawn("key", Keyed, log, gate, restart=Restart.PERMANENT)
        await first.send("leave")
        await until(lambda: first.state == "stopping")
        assert await system.get_or_spawn("key", Keyed, log, gate) == first
        gate.set()


async def test_guarantee_04_a_cancelled_wait_for_one_that_ends_spawns_nothing() -> None:
    log: list[str] = []
    gate = asyncio.Event()
    async with soon(), ActorSystem() as system:
        first = await system.get_or_spawn("key", Keyed, log, gate)
        first.stop()
        await ticks(2)
        asking = started(system.get_or_spawn("key", Keyed, log, gate))
        await ticks(2)
        assert await cancelled(asking)
        gate.set()
        await first.join()
        assert log == ["starts", "ended"]


async def test_guarantee_07_one_that_ends_cannot_wait_for_its_own_end() -> None:
    class Again(Actor[Any]):
        async def on_stop(self, reason: ExitReason) -> None:
            told.append(await outcome(self.context.system.get_or_spawn("key", Again)))

    told: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.get_or_spawn("key", Again)
        ref.stop()
        await ref.join()
    assert isinstance(told[0], DeadlockError)


async def test_guarantee_04_the_end_of_the_system_ends_the_wait() -> None:
    log: list[str] = []
    gate = asyncio.Event()
    async with soon():
        async with ActorSystem() as system:
            first = await system.get_or_spawn("key", Keyed, log, gate)
            first.stop()
            await ticks(2)
            asking = started(outcome(system.get_or_spawn("key", Keyed, log, gate)))
            await ticks(2)
            asyncio.get_running_loop().call_later(0.02, gate.set)
        assert isinstance(await asking, ActorStoppedError)
        assert log == ["starts", "ended"]
