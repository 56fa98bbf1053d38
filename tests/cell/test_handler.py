"""Running a handler: a message that nobody handles does not destroy the state of its actor."""

import contextvars
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorFailed,
    ActorSystem,
    Becoming,
    DeadLetter,
    StateMachine,
    UnhandledMessageError,
    state,
)
from tests.guarantees.actors import outcome, soon

TRACE: contextvars.ContextVar[int] = contextvars.ContextVar("TRACE")


class Counting(Actor[Any]):
    """Handles numbers, and says so of the rest."""

    reply_errors = (KeyError,)

    def __init__(self) -> None:
        self.total = 0

    async def receive(self, message: Any) -> int:
        if not isinstance(message, int):
            raise UnhandledMessageError("numbers only")
        self.total += message
        return self.total


class Plain(Counting):
    """Has a plain `receive`."""

    def receive(self, message: Any) -> int:  # type: ignore[override]
        if not isinstance(message, int):
            raise UnhandledMessageError("numbers only")
        self.total += message
        return self.total


class Methods(Actor[Any]):
    """Has no `receive`."""

    total = 0

    def add(self, number: int) -> int:
        self.total += number
        return self.total


class Wrapping(Counting):
    """Wraps the loop that it inherits."""

    async def run(self) -> None:
        await super().run()


class Machine(StateMachine[str, Any]):
    """Handles events in one of its states."""

    initial_state = "on"

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @state("on")
    async def on(self, event: Any) -> str | None:
        self.seen.append(event)
        return "off" if event == "off" else None


@pytest.mark.parametrize("kind", [Counting, Plain, Wrapping])
@pytest.mark.parametrize("way", ["send", "send with contextvars", "ask", "tick"])
async def test_guarantee_01_a_message_that_nobody_handles_leaves_the_state_as_it_was(
    kind: type[Counting], way: str
) -> None:
    async with soon(), ActorSystem() as system:
        stream = system.events.subscribe(DeadLetter, ActorFailed)
        ref = await system.spawn(kind)
        assert await ref.ask(5) == 5
        if way == "send with contextvars":
            TRACE.set(1)
        if way == "ask":
            assert isinstance(await outcome(ref.ask("x")), UnhandledMessageError)
        elif way == "tick":
            await ref.submit(lambda: ref._cell.context.send_after(0, "x"))
        else:
            await ref.send("x")
        if way != "ask":
            event = await anext(stream)
            assert isinstance(event, DeadLetter)
            assert (event.message, event.reason) == ("x", "unhandled")
        assert await ref.ask(5) == 10
        assert ref.statistics().restarts == 0


@pytest.mark.parametrize("kind", [Counting, Plain, Wrapping])
async def test_guarantee_01_it_is_so_too_where_nobody_looks_on(kind: type[Counting]) -> None:
    """Then a message lies in the mailbox as it is, without an envelope."""
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(kind)
        assert await ref.ask(5) == 5
        await ref.send("x")
        assert await ref.ask(5) == 10
        assert ref.statistics().restarts == 0


async def test_guarantee_01_without_a_receive_a_send_is_a_dead_letter() -> None:
    async with soon(), ActorSystem() as system:
        stream = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Methods)
        assert await ref.call(Methods.add, 5) == 5
        await ref.send("x")
        assert (await anext(stream)).reason == "unhandled"
        assert isinstance(await outcome(ref.ask("x")), UnhandledMessageError)
        assert await ref.call(Methods.add, 5) == 10


async def test_guarantee_01_a_state_without_a_handler_and_an_empty_behaviour_go_on() -> None:
    async with soon(), ActorSystem() as system:
        stream = system.events.subscribe(DeadLetter)
        machine = await system.spawn(Machine)
        await machine.send("off")
        await machine.send("lost")
        assert (await anext(stream)).reason == "unhandled"
        assert await machine.submit(lambda: machine._cell.instance.seen) == ["off"]
        empty = await system.spawn(Becoming)
        await empty.send("lost")
        assert (await anext(stream)).reason == "unhandled"
        assert empty.is_alive
        assert empty.statistics().restarts == 0


async def test_guarantee_01_that_another_actor_does_not_handle_what_it_was_asked_is_a_failure() -> None:
    class Asking(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            await other.ask(message)

    async with soon(), ActorSystem() as system:
        stream = system.events.subscribe(DeadLetter, ActorFailed)
        other = await system.spawn(Counting)
        ref = await system.spawn(Asking)
        await ref.send("x")
        event = await anext(stream)
        assert isinstance(event, ActorFailed)
        assert event.ref == ref
