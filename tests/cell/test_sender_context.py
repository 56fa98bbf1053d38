"""Running a handler in contextvars: each step in those of its sender, nothing left behind for the next."""

import asyncio
import contextvars
from typing import Any

import pytest

from actorio import Actor, ActorSystem

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


class Reader(Actor[str]):
    """Reads the variable before and after a wait, then sets it."""

    async def receive(self, message: str) -> list[str]:
        seen = [WHO.get()]
        await asyncio.sleep(0)
        seen.append(WHO.get())
        WHO.set(f"set by {message}")
        await asyncio.sleep(0)
        return [*seen, WHO.get()]


class Hooked(Actor[Any]):
    """Sets the variable in a hook."""

    async def on_start(self) -> None:
        await asyncio.sleep(0)
        self.at_start = WHO.get()
        WHO.set("set by a hook")

    def receive(self, message: Any) -> tuple[str, str]:
        return self.at_start, WHO.get()


async def test_each_step_of_a_handler_sees_its_senders_variables_and_what_it_set(
    actor_system: ActorSystem,
) -> None:
    reader = await actor_system.spawn(Reader)
    for who in ("Ann", "Ben"):
        token = WHO.set(who)
        assert await reader.ask(who) == [who, who, f"set by {who}"]
        assert WHO.get() == who
        WHO.reset(token)
    assert await reader.ask("Eve") == ["nobody", "nobody", "set by Eve"]


async def test_a_hook_has_variables_of_its_own(actor_system: ActorSystem) -> None:
    token = WHO.set("spawner")
    hooked = await actor_system.spawn(Hooked)
    WHO.reset(token)
    assert await hooked.ask(...) == ("nobody", "nobody")


async def test_submitted_work_that_raises_leaves_nothing_behind(actor_system: ActorSystem) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        WHO.set("failed work")
        raise KeyError(WHO.get())

    reader = await actor_system.spawn(Reader)
    with pytest.raises(KeyError, match="failed work"):
        await reader.submit(fail)
    assert (await reader.ask("Eve"))[0] == "nobody"
