"""Guarantee 31: become, silence, and pipes."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, AskCancelledError, Becoming, PipeFailed, UnhandledMessageError
from actorio.testing import explore, run_in_virtual_time, until
from tests.guarantees.actors import outcome, soon
from tests.stage import ticks


class Switch(Becoming[Any]):
    """On or off."""

    def initial(self, message: Any) -> str:
        if message == "press":
            self.become(self.on)
        if message == "crash":
            raise SystemError
        return "off"

    async def on(self, message: Any) -> str:
        await ticks(1)
        if message == "press":
            self.unbecome()
        if message == "crash":
            raise ValueError(message)
        return "on"


async def test_guarantee_31_a_behaviour_holds_from_the_next_message_on() -> None:
    async with soon(), ActorSystem() as system:
        switch = await system.spawn(Switch)
        said = [await switch.ask(message) for message in ("look", "press", "look", "press", "look")]
    assert said == ["off", "off", "on", "on", "off"]


async def test_guarantee_31_an_incarnation_begins_with_the_initial_behaviour() -> None:
    async with soon(), ActorSystem() as system:
        switch = await system.spawn(Switch)
        await switch.ask("press")
        await switch.send("crash")
        assert await switch.ask("look") == "off"


async def test_guarantee_31_without_a_behaviour_nothing_is_handled() -> None:
    async with soon(), ActorSystem() as system:
        empty = await system.spawn(Becoming)
        assert isinstance(await outcome(empty.ask(1)), UnhandledMessageError)


def test_guarantee_31_there_is_one_idle_message_for_each_silence() -> None:
    class Idler(Becoming[Any]):
        async def on_start(self) -> None:
            self.when_idle(1.0, "idle")

        def initial(self, message: Any) -> None:
            if message == "no more":
                self.when_idle(None)
            heard.append((message, round(asyncio.get_running_loop().time(), 3)))

    heard: list[tuple[Any, float]] = []

    async def main() -> None:
        async with ActorSystem() as system:
            idler = await system.spawn(Idler)
            for pause, message in (
                (0.6, "mail"),
                (0.6, "mail"),
                (0.6, "mail"),
                (9.0, "no more"),
                (9.0, "end"),
            ):
                await asyncio.sleep(pause)
                await idler.send(message)

    run_in_virtual_time(main)
    assert heard == [
        ("mail", 0.6),
        ("mail", 1.2),
        ("mail", 1.8),
        ("idle", 2.8),
        ("no more", 10.8),
        ("end", 19.8),
    ]


class Piper(Actor[Any]):
    """Pipes what it is sent to itself, and puts down what arrives."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def receive(self, message: Any) -> None:
        match message:
            case ("pipe", awaitable):
                self.context.pipe(awaitable)
            case ("map", awaitable):
                self.context.pipe(awaitable, value=lambda value: ("got", value), error=type)
            case "crash":
                raise ValueError(message)
            case _:
                self.log.append(message)


async def later(value: Any) -> Any:
    await ticks(3)
    if isinstance(value, Exception):
        raise value
    return value


async def test_guarantee_31_what_is_piped_arrives_as_a_message_in_a_turn_of_its_own() -> None:
    log: list[Any] = []
    error = ValueError("no")
    async with soon(), ActorSystem() as system:
        piper = await system.spawn(Piper, log)
        await piper.send(("pipe", later(1)))
        await piper.send("between")
        await until(lambda: len(log) == 2)
        await piper.send(("pipe", later(error)))
        await until(lambda: len(log) == 3)
        await piper.send(("map", later(2)))
        await until(lambda: len(log) == 4)
        await piper.send(("map", later(error)))
        await until(lambda: len(log) == 5)
    assert log == ["between", 1, PipeFailed(error), ("got", 2), ValueError]


async def test_guarantee_31_a_piped_result_that_is_cancelled_arrives_as_a_failure() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        piper = await system.spawn(Piper, log)
        result = piper.submit(later, 1)
        result.cancel()
        await piper.send(("pipe", result))
        await until(lambda: log)
    assert isinstance(log[0].error, AskCancelledError)


async def test_guarantee_31_what_is_piped_never_reaches_a_later_incarnation() -> None:
    log: list[Any] = []
    gate = asyncio.Event()
    async with soon(), ActorSystem() as system:
        piper = await system.spawn(Piper, log)
        await piper.send(("pipe", gate.wait()))
        await piper.ask("first")
        await piper.send("crash")
        await until(lambda: piper.statistics().restarts)
        gate.set()
        await ticks(5)
        await piper.ask("second")
    assert log == ["first", "second"]


async def test_guarantee_31_only_an_awaitable_is_piped() -> None:
    async with soon(), ActorSystem() as system:
        piper = await system.spawn(Piper, [])
        with pytest.raises(TypeError, match="awaitable"):
            await piper.ask(("pipe", 3))


async def _pipes_and_crashes() -> None:
    class Incarnate(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "crash":
                raise ValueError(message)
            if message == "pipe":
                self.context.pipe(later(self.context.incarnation))
            else:
                assert message == self.context.incarnation, "it came from an earlier incarnation"

    async with ActorSystem() as system:
        actor = await system.spawn(Incarnate)
        for message in ("pipe", "pipe", "crash", "pipe", "pipe", "crash", "pipe"):
            await actor.send(message)
            await asyncio.sleep(0.001)
        assert (await outcome(actor.ask("pipe"))) is None
        assert actor.statistics().failed == 2


def test_guarantee_31_holds_in_simulation() -> None:
    assert explore(_pipes_and_crashes, seeds=range(60)).distinct > 40
