"""The ref of an ended actor keeps no arguments, no instance, and no exception with its locals alive."""

import functools
import gc
import logging
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, ExitReason, Mailbox, Restart
from actorio._core.mailbox import SHUT
from actorio._core.observer import Level, Observer
from tests.guarantees.actors import soon
from tests.stage import ticks


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Or the records, which pytest keeps, would keep the frames."""
    caplog.set_level(logging.CRITICAL + 1, "actorio")


class Thing:
    """Something that can be looked for."""


class Holding(Actor[Any]):
    """Holds its argument, and fails with a local one."""

    def __init__(self, thing: Thing) -> None:
        self.thing = thing

    async def receive(self, message: Any) -> None:
        if message == "leave":
            self.context.stop()
            return
        local = Thing()
        LOCALS.append(weakref.ref(local))
        try:
            raise LookupError(message)
        except LookupError as error:
            raise ValueError(message) from error


LOCALS: list[weakref.ref[Thing]] = []
WAYS: dict[str, Callable[[ActorRef[Any]], Any]] = {
    "close": lambda ref: ref.close(),
    "stop": lambda ref: ref.stop(),
    "kill": lambda ref: ref.kill(),
    "leave": lambda ref: ref.send_nowait("leave"),
    "crash": lambda ref: ref.send_nowait("crash"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("factory", ["class", "partial", "lambda"])
async def test_the_ref_of_an_ended_actor_keeps_nothing_of_it_alive(way: str, factory: str) -> None:
    async with soon(), ActorSystem() as system:
        thing = Thing()
        kept = weakref.ref(thing)
        make: Any = {
            "class": Holding,
            "partial": functools.partial(Holding, thing),
            "lambda": lambda thing=thing: Holding(thing),
        }[factory]
        args = (thing,) if factory == "class" else ()
        ref = await system.spawn(make, *args, restart=Restart.TEMPORARY)
        del thing, args, make
        WAYS[way](ref)
        await ticks(5)
        assert (await ref.join()).reason is not None
        gc.collect()
        assert kept() is None
        assert [local() for local in LOCALS] == [None for _ in LOCALS]
    LOCALS.clear()


async def test_who_waits_for_the_end_is_given_the_exception_itself_and_who_comes_later_a_copy() -> None:
    told: list[Any] = []

    class Watching(Actor[Any]):
        async def receive(self, message: ActorRef[Any]) -> None:
            self.context.watch(message)

        async def on_terminated(self, event: Any) -> None:
            told.append(event.error)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Holding, Thing(), restart=Restart.TEMPORARY)
        await (await system.spawn(Watching)).ask(ref)
        await ref.send("crash")
        ended = await ref.join()
        assert ended.reason is ExitReason.CRASHED
        await ticks(3)
        assert told == [ended.error]
        assert "raise ValueError(message)" in "".join(traceback.format_exception(ended.error))
        late = (await ref.join()).error
        assert isinstance(late, ValueError)
        assert late.args == ("crash",)
        assert late.__traceback__ is None
        assert isinstance(late.__cause__, LookupError)
        assert late.__cause__.__traceback__ is None
    LOCALS.clear()


@pytest.mark.parametrize("level", ["lives", "arrivals"])
@pytest.mark.parametrize("mailbox", [None, Mailbox(5)], ids=["lazy", "given"])
@pytest.mark.parametrize("way", WAYS)
async def test_who_observes_a_start_may_send_and_end_the_actor_there_and_then(
    way: str, mailbox: Mailbox[Any] | None, level: Level
) -> None:
    class Starts(Observer):
        def started(self, cell: Any) -> None:
            WAYS[way](cell.ref)

    observer = Starts()
    observer.level = level
    async with soon(), ActorSystem() as system:
        system._runtime.observe(observer)
        ref = await system.spawn(Holding, Thing(), mailbox=mailbox, restart=Restart.TEMPORARY)
        await ref.join()
    assert SHUT.sleeper is None


class Odd(Exception):
    """Cannot be copied."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("odd")


async def test_an_exception_that_cannot_be_copied_is_told_by_its_text() -> None:
    class Failing(Actor[Any]):
        async def receive(self, message: Any) -> None:
            raise Odd(1, 2)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, restart=Restart.TEMPORARY)
        await ref.send(1)
        assert isinstance((await ref.join()).error, Odd)
        assert "Odd" in str((await ref.join()).error)


class OddGroup(ExceptionGroup[Exception]):
    """Cannot be derived."""

    def derive(self, excs: Any) -> Any:
        raise LookupError(excs)


def in_a_circle() -> Exception:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def a_long_chain() -> Exception:
    error = ValueError(0)
    for number in range(3000):
        later = ValueError(number)
        later.__cause__, error = error, later
    return error


def nested() -> Exception:
    error: Exception = ValueError()
    for _ in range(300):
        error = ExceptionGroup("", [error])
    return error


@pytest.mark.parametrize("make", [in_a_circle, a_long_chain, nested, lambda: OddGroup("odd", [ValueError()])])
async def test_an_exception_of_any_shape_ends_its_actor_alone(make: Any) -> None:
    class Failing(Actor[Any]):
        async def receive(self, message: Any) -> None:
            raise error

    error = make()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, restart=Restart.TEMPORARY)
        await ref.send(1)
        assert (await ref.join()).error is error
        late = (await ref.join()).error
        assert late is not None
        assert late.__traceback__ is None
