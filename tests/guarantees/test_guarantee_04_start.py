"""Guarantee 4: `spawn` returns after `on_start`; a failed start leaves nothing."""

import asyncio
import contextlib
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorExit,
    ActorStarted,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    ExitReason,
    NameNotFoundError,
    StartTimeoutError,
)
from tests.guarantees.actors import Recorder, Silent, cancelled, outcome, soon, started
from tests.stage import ticks


async def test_guarantee_04_spawn_returns_after_on_start() -> None:
    class Starting(Actor[Any]):
        async def on_start(self) -> None:
            await ticks(5)
            log.append("started")

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        await system.spawn(Starting)
        log.append("spawned")
    assert log == ["started", "spawned"]


class BadConstructor(Actor[Any]):
    def __init__(self) -> None:
        raise LookupError("constructor")


class BadStart(Actor[Any]):
    async def on_start(self) -> None:
        await ticks(2)
        raise LookupError("on_start")


class PlainBadStart(Actor[Any]):
    def on_start(self) -> None:  # type: ignore[override]
        raise LookupError("plain on_start")


@pytest.mark.parametrize("cls", [BadConstructor, BadStart, PlainBadStart])
async def test_guarantee_04_what_a_start_raises_is_raised_by_spawn_and_the_name_is_free(cls: Any) -> None:
    async with soon(), ActorSystem() as system:
        events = system.events.subscribe(ActorStarted, ActorStopped)
        for _ in range(5):  # a start that fails is not restarted, whatever its restart type
            with pytest.raises(LookupError):
                await system.spawn(cls, name="it")
            with pytest.raises(NameNotFoundError):
                system.lookup("it")
            assert len(system.snapshot()) == 0
        ref = await system.spawn(Silent, name="it")
        assert system.lookup("/it") == ref
    assert [event.ref async for event in events] == [ref, ref]


async def test_guarantee_04_a_failed_start_leaves_nothing_of_what_it_had_begun() -> None:
    class Busy(Actor[Any]):
        async def on_start(self) -> None:
            context = self.context
            children.append(await context.spawn(Recorder, [], name="child"))
            context.system.register("alias", context.ref)
            context.system.groups.join("group", context.ref)
            context.send_after(0, "tick")
            context.send_every(0.001, "tick")
            tasks.append(context.start_soon(asyncio.Event().wait))
            context.watch(children[0])
            await context.ref.send("to itself")
            raise LookupError("at last")

    children: list[Any] = []
    tasks: list[Any] = []
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        with pytest.raises(LookupError):
            await system.spawn(Busy, name="busy")
        assert not children[0].is_alive
        assert tasks[0].cancelled()
        assert system.groups.members("group") == ()
        for name in ("busy", "alias", "/busy/child"):
            with pytest.raises(NameNotFoundError):
                system.lookup(name)
        assert len(system.snapshot()) == 0
    assert "to itself" in [letter.message async for letter in letters]


async def test_guarantee_04_on_stop_runs_once_for_a_start_that_failed() -> None:
    class Failing(Actor[Any]):
        async def on_start(self) -> None:
            log.append("start")
            raise LookupError

        async def on_stop(self, reason: Any) -> None:
            log.append("stop")

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        with pytest.raises(LookupError):
            await system.spawn(Failing)
        assert log == ["start", "stop"]


async def test_guarantee_04_a_start_that_takes_too_long_is_an_error_and_leaves_nothing() -> None:
    class Endless(Actor[Any]):
        async def on_start(self) -> None:
            await asyncio.Event().wait()

    async with soon(), ActorSystem() as system:
        with pytest.raises(StartTimeoutError, match="/endless"):
            await system.spawn(Endless, name="endless", start_timeout=0.01)
        assert len(system.snapshot()) == 0
        await system.spawn(Silent, name="endless")


async def test_guarantee_04_a_start_that_swallows_its_cancel_is_an_error_all_the_same() -> None:
    class Stubborn(Actor[Any]):
        async def on_start(self) -> None:
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

    let_go = asyncio.Event()
    async with soon(), ActorSystem() as system:
        raised = await outcome(system.spawn(Stubborn, name="stubborn", start_timeout=0.01))
        let_go.set()
        assert isinstance(raised, StartTimeoutError)
        await system.spawn(Silent, name="stubborn")
        assert system.report.abandoned == ("/stubborn",)
    await ticks(3)  # it was let go, and ends


async def test_guarantee_04_a_spawn_that_is_cancelled_leaves_nothing() -> None:
    class Endless(Actor[Any]):
        async def on_start(self) -> None:
            await asyncio.Event().wait()

    for tick in range(4):
        async with soon(), ActorSystem() as system:
            spawning = started(system.spawn(Endless, name="endless"))
            await ticks(tick)
            assert await cancelled(spawning)
            assert len(system.snapshot()) == 0
            await system.spawn(Silent, name="endless")


async def test_guarantee_04_an_actor_that_is_killed_while_it_starts_was_never_spawned() -> None:
    class Endless(Actor[Any]):
        async def on_start(self) -> None:
            refs.append(self.context.ref)
            await asyncio.Event().wait()

    refs: list[Any] = []
    async with soon(), ActorSystem() as system:
        spawning = started(outcome(system.spawn(Endless)))
        await ticks(5)
        refs[0].kill()
        assert isinstance(await spawning, ActorStoppedError)
        assert len(system.snapshot()) == 0


async def test_guarantee_04_an_actor_that_is_stopped_in_its_start_ends_in_order() -> None:
    class Declining(Actor[Any]):
        async def on_start(self) -> None:
            self.context.stop()
            await self.context.ref.send("never")

        async def receive(self, message: Any) -> None:
            log.append(message)

        async def on_stop(self, reason: Any) -> None:
            log.append("stop")

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Declining)
        await ref.join()
    assert log == ["stop"]


async def test_guarantee_04_an_actor_ends_its_start_even_when_it_is_stopped_in_it() -> None:
    class Starting(Actor[Any]):
        async def on_start(self) -> None:
            self.context.ref.stop()
            await ticks(3)
            log.append("started")

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Starting)
        assert log == ["started"]
        await ref.join()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda context: context.stop(), ExitReason.NORMAL),
        (lambda context: context.ref.close(), ExitReason.NORMAL),
        (lambda context: context.ref.stop(), ExitReason.SHUTDOWN),
    ],
    ids=["context.stop", "close", "stop"],
)
async def test_guarantee_04_spawn_gives_the_ref_of_an_actor_that_ends_itself_in_its_start(
    end: Any, reason: ExitReason
) -> None:
    class Brief(Actor[Any]):
        async def on_start(self) -> None:
            end(self.context)
            await asyncio.sleep(0)

        async def on_stop(self, reason: ExitReason) -> None:
            reasons.append(reason)

    reasons: list[ExitReason] = []
    async with soon(), ActorSystem() as system:
        events = system.events.subscribe(ActorStarted, ActorStopped)
        ref = await system.spawn(Brief)
        assert (await ref.join()).reason is reason
    assert [type(event) async for event in events] == [ActorStarted, ActorStopped]
    assert reasons == [reason]


@pytest.mark.parametrize("end", ["kill", "exit"])
async def test_guarantee_04_one_that_is_killed_in_its_start_or_exits_from_it_was_never_spawned(
    end: str,
) -> None:
    class Brief(Actor[Any]):
        async def on_start(self) -> None:
            if end == "exit":
                raise ActorExit
            self.context.ref.kill()
            await asyncio.sleep(0)

    async with soon(), ActorSystem() as system:
        events = system.events.subscribe(ActorStarted, ActorStopped)
        assert isinstance(await outcome(system.spawn(Brief, name="brief")), ActorStoppedError)
        await system.spawn(Silent, name="brief")
        system.events.close()
    assert [event.ref.name async for event in events] == ["brief"]


@pytest.mark.parametrize("end", ["in its last step", "swallowed", "swallowed soon", "too late", "own loop"])
async def test_guarantee_04_a_kill_ends_a_start_whatever_that_makes_of_it(end: str) -> None:
    """It may have swallowed the cancel and returned, or have had none yet."""

    class Swallowing(Actor[Any]):
        async def on_start(self) -> None:
            starts.append(end)
            if end != "too late":
                self.context.ref.kill()
            if end != "in its last step":
                with contextlib.suppress(asyncio.CancelledError):
                    await (asyncio.sleep(0) if end == "swallowed soon" else asyncio.Event().wait())

    class Own(Swallowing):
        async def run(self) -> None:
            starts.append("run")

    starts: list[str] = []
    cls, error = Own if end == "own loop" else Swallowing, ActorStoppedError
    if end == "too late":
        error = StartTimeoutError
    async with soon(), ActorSystem() as system:
        events = system.events.subscribe(ActorStarted, ActorStopped)
        raised = await outcome(
            system.spawn(cls, name="it", start_timeout=0.01 if error is not ActorStoppedError else None)
        )
        assert type(raised) is error
        await system.spawn(Silent, name="it")
        await ticks(3)
        system.events.close()
    assert [event.ref.name async for event in events] == ["it"]
    assert starts == [end]


@pytest.mark.parametrize("end", ["stop", "kill", "close"])
async def test_guarantee_04_an_actor_that_ends_before_its_first_step_leaves_nothing(end: str) -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Recorder, [], name="short")
        if end != "close":
            await ref.send(1)
        getattr(ref, end)()
        await ref.join()
        assert len(system.snapshot()) == 0
        await system.spawn(Silent, name="short")
    assert [letter.message async for letter in letters] == ([] if end == "close" else [1])


async def test_guarantee_04_the_parent_is_not_told_of_a_child_that_did_not_start() -> None:
    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            tried = [await outcome(self.context.spawn(BadStart)) for _ in range(6)]
            return tried, self.context.children, self.context.incarnation

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Parent)
        tried, children, incarnation = await ref.ask("spawn")
        assert [type(error) for error in tried] == [LookupError] * 6
        assert children == ()
        assert incarnation == 0
        assert ref.is_alive
