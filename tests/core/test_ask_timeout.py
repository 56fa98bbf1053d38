"""The timeout of an ask: when its deadline is set, and what comes of it."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, AskTimeoutError


class Slow(Actor[float]):
    """Sleeps for as long as it is told."""

    def __init__(self, handled: list[float]) -> None:
        self.handled = handled

    async def receive(self, message: float) -> str:
        self.handled.append(message)
        await asyncio.sleep(message)
        return "done"


async def test_an_ask_that_is_answered_within_its_pass_has_no_place_among_the_deadlines(
    actor_system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Quick(Actor[int]):
        def receive(self, message: int) -> int:
            return message

    quick = await actor_system.spawn(Quick)
    assert await quick.ask(0) == 0  # it has its task
    entered: list[Any] = []
    timers = actor_system._runtime.timers
    monkeypatch.setattr(type(timers), "enter", lambda self, *entry: entered.append(entry) or [*entry, None])
    assert await quick.ask(1, timeout=5.0) == 1
    assert not entered


async def test_an_ask_that_times_out_in_the_mailbox_is_never_handled(actor_system: ActorSystem) -> None:
    handled: list[float] = []
    slow = await actor_system.spawn(Slow, handled)
    first = asyncio.create_task(slow.ask(0.05))
    await asyncio.sleep(0)
    with pytest.raises(AskTimeoutError) as failure:
        await slow.ask(0.0, timeout=0.01)
    assert not failure.value.started
    assert await first == "done"
    assert await slow.ask(0.001) == "done"
    assert handled == [0.05, 0.001]


async def test_a_handler_that_has_begun_goes_on_unharmed(actor_system: ActorSystem) -> None:
    handled: list[float] = []
    slow = await actor_system.spawn(Slow, handled)
    with pytest.raises(AskTimeoutError) as failure:
        await slow.ask(0.03, timeout=0.01)
    assert failure.value.started
    assert await slow.ask(0.0) == "done"
    assert handled == [0.03, 0.0]
