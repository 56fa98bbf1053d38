"""What the tests of supervision share: an actor that does as it is told, a diary, and virtual time."""

import asyncio
import functools
import gc
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import pytest

from actorio import Actor, ActorRef, ExitReason, Supervision, Terminated
from actorio.testing import VirtualTimeLoop
from tests.simulated import EXACT, quiet, simulating

P = ParamSpec("P")
Diary = list[Any]
NEVER = 3_600.0
"""Seconds that no test waits for."""
_MOST_TICKS = 100_000


class Boom(Exception):
    """The failure that tests plant."""


class Puppet(Actor[Any]):
    """Does what its message says: raises an exception, calls a function with itself, or writes it down.

    The diary, which outlives the incarnations, gets `(name, what)`.
    """

    def __init__(self, diary: Diary | None = None, supervision: Supervision | None = None) -> None:
        self.diary: Diary = [] if diary is None else diary
        self.supervision = supervision or Supervision()  # type: ignore[misc]

    def note(self, *what: Any) -> None:
        self.diary.append((self.context.name, *what))

    async def on_start(self) -> None:
        self.note("start")

    async def receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if not callable(message):
            self.note(message)
            return message
        outcome = message(self)
        return await outcome if inspect.isawaitable(outcome) else outcome

    async def on_terminated(self, event: Terminated) -> None:
        self.note("told", event.ref.name, event.reason)

    async def on_stop(self, reason: ExitReason) -> None:
        self.note("stop", reason)


class Gate:
    """A place where a handler waits for the test: `await ref.send(gate.hold)`, `await gate.reached()`."""

    def __init__(self) -> None:
        self._here, self._open = asyncio.Event(), asyncio.Event()

    async def hold(self, _: object = None) -> None:
        self._here.set()
        await self._open.wait()

    async def reached(self) -> None:
        await self._here.wait()

    def open(self) -> None:
        self._open.set()


async def spawn_children(
    parent: ActorRef[Puppet], *names: str, diary: Diary | None = None, **options: Any
) -> list[ActorRef[Puppet]]:
    """Spawn puppets under a puppet, in this order."""

    async def spawn(me: Puppet) -> list[ActorRef[Puppet]]:
        return [await me.context.spawn(Puppet, diary, name=name, **options) for name in names]

    children: list[ActorRef[Puppet]] = await parent.ask(spawn)
    return children


async def ticks(count: int = 20) -> None:
    """Let everything that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)
    await quiet()


async def until(condition: Callable[[], object]) -> None:
    """Wait, tick by tick, for what must come soon, while virtual time stands still."""
    for _ in range(_MOST_TICKS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("what the test waits for does not come")


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Any]:
    """Run an async test in virtual time, where hours pass at once, exactly; it must leave nothing."""
    if simulating():
        return pytest.mark.simulate(settings=EXACT)(test)

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)
            await ticks(2)
            _find_nothing_left()

        with asyncio.Runner(loop_factory=Clock) as runner:
            runner.run(main())

    return run


class Clock(VirtualTimeLoop):
    """Virtual time over the run queue as it is in production, not the one that a simulation chooses from."""

    actorio_choose = None  # type: ignore[assignment]


def _find_nothing_left() -> None:
    gc.collect()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    assert not loop.unhandled
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not tasks, f"the test left tasks: {sorted(map(repr, tasks))}"
    timers = [timer for _, _, timer in loop._timers if not timer.cancelled()]
    assert not timers, f"the test left timers: {timers}"


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()
