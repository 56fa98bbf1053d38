"""The `Actor`: what its hooks do unless they are overridden, and what it says where something is missing."""

from typing import Any

import pytest

from actorio import (
    Actor,
    ActorSystem,
    UnhandledMessageError,
)
from tests.core.test_hints import untyped
from tests.guarantees.actors import outcome, soon


async def test_run_that_calls_the_one_of_its_base_hands_messages_to_receive() -> None:
    class Framed(Actor[Any]):
        async def run(self) -> None:
            log.append("before")
            try:
                await super().run()
            finally:
                log.append("after")

        async def receive(self, message: Any) -> Any:
            log.append(message)
            return message

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Framed)
        assert await ref.ask(1) == 1
    assert log == ["before", 1, "after"]


async def test_run_of_the_base_takes_a_plain_receive_as_well() -> None:
    class Framed(Actor[Any]):
        async def run(self) -> None:
            await super().run()

        def receive(self, message: Any) -> Any:  # type: ignore[override]
            return message

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Framed)
        assert await ref.ask(1) == 1


async def test_an_actor_without_receive_fails_on_a_message_and_says_so() -> None:
    class Mute(Actor[Any]):
        pass

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Mute)
        error = await outcome(ref.ask(1))
        assert isinstance(error, UnhandledMessageError)
        assert "Mute has no receive to handle int" in str(error)


async def test_recv_outside_of_run_is_an_error() -> None:
    class Misplaced(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "task":
                return await outcome(self.context.start_soon(self.take))
            return await outcome(self.recv())

        async def take(self) -> Any:
            return await outcome(self.recv())

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Misplaced)
        for message in ("handler", "task"):
            error = await ref.ask(message)
            assert isinstance(error, RuntimeError)
            assert "recv() outside" in str(error)


async def test_guarantee_05_what_answers_an_ask_does_not_fail_an_actor_whose_run_calls_the_one_of_its_base() -> (
    None
):
    class Framed(Actor[Any]):
        reply_errors = (ValueError,)

        async def run(self) -> None:
            await super().run()

        async def receive(self, message: Any) -> None:
            raise message

    async with ActorSystem() as system:
        ref = await system.spawn(Framed)
        answer, failure = ValueError("an answer"), KeyError("a failure")
        with pytest.raises(ValueError, match="an answer"):
            await ref.ask(answer)
        await ref.call(Actor.on_start)
        assert (ref.statistics().failed, ref.statistics().restarts) == (1, 0)
        with pytest.raises(KeyError):
            await ref.ask(failure)
        await ref.call(Actor.on_start)
        assert (ref.statistics().failed, ref.statistics().restarts) == (2, 1)
        await ref.send(ValueError("nobody asked"))
        await ref.call(Actor.on_start)
        assert (ref.statistics().failed, ref.statistics().restarts) == (3, 2)


async def test_a_context_that_is_used_in_the_constructor_says_when_it_is_there() -> None:
    class Early(Actor[Any]):
        def __init__(self) -> None:
            self.path = self.context.path

    async with ActorSystem() as system:
        with pytest.raises(AttributeError, match=r"Early has no context yet: .* on_start"):
            await system.spawn(Early)


async def test_a_context_that_is_assigned_over_fails_the_start() -> None:
    class InInit(Actor[Any]):
        def __init__(self) -> None:
            self.context = untyped("mine")

    class InStart(Actor[Any]):
        async def on_start(self) -> None:
            self.context = untyped("mine")

    class InClass(Actor[Any]):
        context = untyped("mine")

    async with ActorSystem() as system:
        for kind in (InInit, InStart, InClass):
            with pytest.raises(TypeError, match=f"{kind.__name__} sets `context`"):
                await system.spawn(kind)
        assert not system.snapshot().actors
