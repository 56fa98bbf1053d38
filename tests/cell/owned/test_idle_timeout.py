"""Guarantee 31: one message for each silence, whatever kind of actor is silent."""

import asyncio
import contextvars
import functools
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorRef, ActorSystem, StateMachine, interleave, state
from actorio.testing import explore, run_in_virtual_time, until
from tests.guarantees.actors import Silent, outcome, soon


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


class Idler(Actor[Any]):
    """Puts down what it hears, and when."""

    def __init__(self, heard: list[Any]) -> None:
        self.heard = heard

    async def on_start(self) -> None:
        self.context.when_idle(1.0, "idle")

    async def receive(self, message: Any) -> Any:
        self.heard.append((message, now()))
        match message:
            case "crash":
                raise ValueError(message)
            case ("set", delay):
                self.context.when_idle(delay, "idle")
                await asyncio.sleep(0)  # it goes on in the same handler
                return "set"
            case float():
                await asyncio.sleep(message)
        return message

    async def called(self, seconds: float) -> None:
        self.heard.append(("called", now()))
        await asyncio.sleep(seconds)

    @interleave
    async def beside(self, seconds: float) -> None:
        self.heard.append(("beside", now()))
        await asyncio.sleep(seconds)

    async def tick_every(self, interval: float) -> None:
        self.context.send_every(interval, "tick", key="tick")

    async def pipe(self, seconds: float) -> None:
        self.context.pipe(asyncio.sleep(seconds, "piped"))


class Plain(Idler):
    """The same in a plain function."""

    def receive(self, message: Any) -> Any:  # type: ignore[override]
        self.heard.append((message, now()))


def after(*steps: tuple[float, Any], kind: type[Idler] = Idler, last: float = 5.0) -> list[Any]:
    """Do each step when its seconds have passed; return what was heard."""
    heard: list[Any] = []

    async def main() -> None:
        async with ActorSystem() as system:
            idler = await system.spawn(kind, heard)
            for pause, step in steps:
                await asyncio.sleep(pause)
                await (step(idler) if callable(step) else idler.send(step))
            await asyncio.sleep(last)

    run_in_virtual_time(main)
    return heard


@pytest.mark.parametrize("kind", [Idler, Plain])
def test_guarantee_31_each_message_begins_a_silence_anew(kind: type[Idler]) -> None:
    assert after((0.6, "a"), (0.6, "b"), (3.0, "c"), kind=kind) == [
        ("a", 0.6),
        ("b", 1.2),
        ("idle", 2.2),
        ("c", 4.2),
        ("idle", 5.2),
    ]


def test_guarantee_31_a_silence_begins_when_the_message_has_been_handled() -> None:
    assert after((0.5, 3.0)) == [(3.0, 0.5), ("idle", 4.5)]


def test_guarantee_31_asks_calls_and_work_end_a_silence() -> None:
    async def nothing() -> None:
        await asyncio.sleep(0.4)

    heard = after(
        (0.8, lambda idler: idler.ask("asked")),
        (0.8, lambda idler: idler.call(Idler.called, 0.5)),
        (0.8, lambda idler: idler.submit(nothing)),
        (0.8, lambda idler: idler.cast(Idler.beside, 2.0)),
    )
    assert heard == [("asked", 0.8), ("called", 1.6), ("beside", 4.1), ("idle", 7.1)]


def test_guarantee_31_ticks_are_silent_and_what_was_piped_is_not() -> None:
    heard = after((0.2, lambda idler: idler.call(Idler.tick_every, 0.7)), last=1.5)
    assert heard == [("tick", 0.9), ("idle", 1.2), ("tick", 1.6)]
    heard = after((0.0, lambda idler: idler.call(Idler.pipe, 0.8)))
    assert heard == [("piped", 0.8), ("idle", 1.8)]


def test_guarantee_31_a_silence_that_has_ended_is_not_told_of() -> None:
    def block(idler: Any) -> Any:
        return asyncio.wait_for(_crowd(idler), None)

    async def _crowd(idler: Any) -> None:
        await idler.send(0.5)
        await idler.send("in time")  # handled at the moment at which the silence would have been over
        await asyncio.sleep(0.5)

    assert after((0.5, block)) == [(0.5, 0.5), ("in time", 1.0), ("idle", 2.0)]


def test_guarantee_31_the_delay_can_be_changed_and_taken_back() -> None:
    heard = after((0.5, ("set", 2.0)), (1.9, ("set", None)), (9.0, ("set", 0.5)), (0.1, "a"))
    assert heard == [
        (("set", 2.0), 0.5),
        (("set", None), 2.4),
        (("set", 0.5), 11.4),
        ("a", 11.5),
        ("idle", 12.0),
    ]


def test_guarantee_31_it_can_be_asked_for_in_a_handler() -> None:
    class Later(Idler):
        async def on_start(self) -> None:
            """Ask for nothing yet."""

    heard = after((0.5, lambda idler: idler.ask(("set", 2.0))), (0.5, "a"), (0.5, "b"), kind=Later)
    assert heard == [(("set", 2.0), 0.5), ("a", 1.0), ("b", 1.5), ("idle", 3.5)]


async def test_guarantee_31_asked_for_in_a_handler_it_is_about_the_next_message_already() -> None:
    class Later(Idler):
        async def on_start(self) -> None:
            """Ask for nothing yet."""

    heard: list[Any] = []
    async with soon(), ActorSystem() as system:
        idler = await system.spawn(Later, heard)
        send = functools.partial(contextvars.Context().run, idler.send)  # without contextvars: the plain path
        send(("set", 0.0))
        send("a")
        await until(lambda: len(heard) == 3)
        send("b")
        await until(lambda: len(heard) == 5)
    assert [message for message, _ in heard[1:]] == ["a", "idle", "b", "idle"]


def test_guarantee_31_it_is_no_silence_while_something_runs_beside_the_turns() -> None:
    heard = after((0.5, lambda idler: idler.cast(Idler.beside, 3.0)), (0.5, "a"))
    assert heard == [("beside", 0.5), ("a", 1.0), ("idle", 4.5)]


def test_guarantee_31_a_silence_ends_with_its_incarnation() -> None:
    class Once(Idler):
        async def on_start(self) -> None:
            if not self.context.incarnation:
                await super().on_start()

    assert after((0.5, "crash"), (2.0, "a"), kind=Once) == [("crash", 0.5), ("a", 2.5)]


def test_guarantee_31_a_state_machine_has_silences_too() -> None:
    class Machine(StateMachine[str, Any]):
        initial_state = "only"

        async def on_start(self) -> None:
            await super().on_start()
            self.context.when_idle(1.0, "idle")

        @state("only")
        def only(self, event: Any) -> None:
            heard.append((event, now()))

    heard: list[Any] = []

    async def main() -> None:
        async with ActorSystem() as system:
            await (await system.spawn(Machine)).send("a")
            await asyncio.sleep(3)

    run_in_virtual_time(main)
    assert heard == [("a", 0.0), ("idle", 1.0)]


async def test_an_own_loop_is_told_to_put_a_timeout_around_recv() -> None:
    class Own(Actor[Any]):
        async def run(self) -> None:
            try:
                self.context.when_idle(1.0)
            except ActorError as error:
                errors.append(str(error))

    errors: list[str] = []
    async with soon(), ActorSystem() as system:
        await (await system.spawn(Own)).join()
    assert "asyncio.timeout" in errors[0]


async def test_a_delay_is_a_duration() -> None:
    async with soon(), ActorSystem() as system:
        idler = await system.spawn(Idler, [])
        assert isinstance(await outcome(idler.ask(("set", -1.0))), ValueError)


async def _noise_and_silence() -> None:
    heard: list[Any] = []
    async with ActorSystem() as system:
        idler = await system.spawn(Idler, heard)
        for number in range(6):
            await asyncio.sleep(0.5 if number % 2 else 1.5)
            await idler.send(number)
            if number == 3:
                await idler.send("crash")
        await asyncio.sleep(1.5)
    said = [message for message, _ in heard]
    assert said == ["idle", 0, 1, "idle", 2, 3, "crash", "idle", 4, 5, "idle"]


def test_guarantee_31_of_silences_holds_in_simulation() -> None:
    assert explore(_noise_and_silence, seeds=range(30)).runs == 30


def test_guarantee_31_the_end_of_a_hook_begins_a_new_silence() -> None:
    class Watching(Actor[Any]):
        def __init__(self, other: ActorRef[Any]) -> None:
            self.other = other

        async def on_start(self) -> None:
            self.context.when_idle(1, "idle")
            self.context.watch(self.other)
            await asyncio.sleep(5)  # longer than the silence
            note("started")

        async def on_terminated(self, event: Any) -> None:
            await asyncio.sleep(5)
            note("told")

        async def receive(self, message: Any) -> None:
            note(message)
            self.other.stop()

    def note(what: str) -> None:
        log.append((what, asyncio.get_running_loop().time() - began))

    async def main() -> None:
        nonlocal began
        began = asyncio.get_running_loop().time()
        async with ActorSystem() as system:
            await system.spawn(Watching, await system.spawn(Silent))
            await asyncio.sleep(8)

    began = 0.0
    log: list[Any] = []
    run_in_virtual_time(main)
    assert log == [("started", 5.0), ("idle", 6.0), ("told", 11.0), ("idle", 12.0)]
