"""Where the turn of an actor stands, as `Inspector.stack` tells it."""

import asyncio
from typing import Any

from actorio import (
    Actor,
    ActorSystem,
    ExitReason,
)
from actorio.inspection import Frame
from tests.inspection.gates import Owner, settle, spawned
from tests.stage import ticks


async def test_stack_is_the_awaits_of_the_turn_and_nothing_between_turns() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        assert inspector.stack() == []
        await ref.send("wait")
        await gate.entered.wait()
        frames = inspector.stack()
        assert [frame.function for frame in frames] == ["Gate.receive", "Gate.pass_gate", "Event.wait"]
        assert [frame.own for frame in frames] == [True, True, False]
        assert frames[1].code == "await self.open.wait()"
        assert frames[1].file.endswith("gates.py")
        gate.open.set()


async def test_stack_of_a_hook_and_of_an_own_loop() -> None:
    class Starting(Actor[Any]):
        async def on_start(self) -> None:
            begun.set()
            await go_on.wait()

        async def on_stop(self, reason: ExitReason) -> None:
            begun.set()
            await go_on.wait()

    begun, go_on = asyncio.Event(), asyncio.Event()

    def functions(name: str) -> list[str]:
        return [frame.function.rpartition(".")[2] for frame in system.inspect(name).stack() if frame.own]

    async with ActorSystem() as system:
        spawning = asyncio.ensure_future(system.spawn(Starting, name="starting"))
        await begun.wait()
        await ticks(2)  # where `spawn` ran at once, the actor's task has still to take its first step
        assert functions("starting") == ["on_start"]
        go_on.set()
        ref = await spawning
        begun.clear()
        go_on.clear()
        ref.stop()
        await begun.wait()
        assert functions("starting") == ["on_stop"]
        assert system.inspect("starting").info().in_turn
        go_on.set()
        owner = await system.spawn(Owner, name="owner")
        await settle()
        assert functions("owner") == []
        assert not system.inspect("owner").info().in_turn
        await owner.send("wait")
        await settle()
        assert functions("owner") == ["run"]
        owner._cell.instance.open.set()


async def test_stack_goes_through_an_async_generator() -> None:
    class Reader(Actor[Any]):
        async def receive(self, message: Any) -> None:
            async for _ in self.rows():
                pass

        async def rows(self) -> Any:
            entered.set()
            await go_on.wait()
            yield 1

    entered, go_on = asyncio.Event(), asyncio.Event()
    async with ActorSystem() as system:
        ref = await system.spawn(Reader)
        await ref.send(1)
        await entered.wait()
        functions = [frame.function.rpartition(".")[2] for frame in system.inspect(ref).stack()]
        assert functions == ["receive", "rows", "wait"]
        go_on.set()


async def test_an_actor_sees_the_stack_of_its_own_turn() -> None:
    class Mirror(Actor[Any]):
        async def receive(self, message: Any) -> list[Frame]:
            return self.context.system.inspect(self.context.ref).stack()

    async with ActorSystem() as system:
        ref: Any = await system.spawn(Mirror)
        frames = await ref.ask(1)
        assert [frame.function.rpartition(".")[2] for frame in frames if frame.own][-1] == "receive"
