"""Scenarios of lives: starts, restarts, watches, links, timers."""

import asyncio
import itertools
import random
from typing import Any

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    ExitReason,
    NameInUseError,
    Restart,
    StartTimeoutError,
    Supervision,
    Terminated,
)
from actorio.testing import until
from tests.simulation.asks import outcome
from tests.simulation.mail import together

GENEROUS = Supervision(max_restarts=100)


class Boom(Exception):
    """The failure that scenarios plant."""


class Life(Actor[Any]):
    """Writes down its life; fails when told to."""

    supervision = GENEROUS

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary
        self.born = len(diary)

    def note(self, what: Any) -> None:
        self.diary.append((self.context.incarnation, what))

    async def on_start(self) -> None:
        await asyncio.sleep(0)
        self.note("start")

    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        if message == "boom":
            raise Boom
        self.note(message)
        return self.context.incarnation

    async def on_stop(self, reason: ExitReason) -> None:
        await asyncio.sleep(0)
        self.note(("stop", reason))


class Parent(Actor[Any]):
    """Spawns what it is told to."""

    supervision = GENEROUS

    async def receive(self, work: Any) -> Any:
        return await work(self.context)


async def restarts() -> None:
    """A restart keeps the mailbox and its order, loses the failing message alone, and cleans up each time."""
    diary: list[Any] = []
    async with ActorSystem() as system:
        parent = await system.spawn(Parent)
        ref = await parent.ask(lambda context: context.spawn(Life, diary, name="life"))
        mail = [1, "boom", 2, 3, "boom", 4]
        await together(*(ref.send(message) for message in mail))
        await until(lambda: ref.statistics().handled + ref.statistics().restarts == len(mail))
        assert ref.statistics().restarts == 2
        assert await ref.ask("last") == 2
    assert [what for _, what in diary if isinstance(what, int)] == [1, 2, 3, 4]
    for incarnation in range(3):
        life = [what for number, what in diary if number == incarnation]
        assert life[0] == "start"
        assert [what[0] for what in life if isinstance(what, tuple)] == ["stop"]


class Clock(Life):
    """Has timers and a background task, which must not outlive an incarnation."""

    async def on_start(self) -> None:
        incarnation = self.context.incarnation
        self.diary.append(("start", incarnation))
        self.context.send_every(0.003, ("tick", incarnation), key="tick")
        self.context.send_after(0.005, ("once", incarnation))
        self.context.start_soon(self.beat, incarnation)

    async def beat(self, incarnation: int) -> None:
        while True:
            await asyncio.sleep(0.002)
            self.diary.append(("beat", incarnation))

    async def receive(self, message: Any) -> Any:
        if isinstance(message, tuple):
            assert message[1] == self.context.incarnation, f"{message} of another incarnation"
            self.diary.append(message)
            await asyncio.sleep(random.choice([0, 0.004]))
        return await super().receive(message) if isinstance(message, str) else None


async def timers() -> None:
    """Timers and background tasks die with their incarnation, and never pile up."""
    diary: list[Any] = []
    async with ActorSystem() as system:
        parent = await system.spawn(Parent)
        ref = await parent.ask(lambda context: context.spawn(Clock, diary, name="clock"))
        for _ in range(2):
            await asyncio.sleep(random.choice([0.003, 0.006, 0.0075]))
            await ref.send("boom")
        await asyncio.sleep(0.02)
        assert ref.statistics().peak <= 4
        before = len(diary)
        ref.kill()
        await ref.join()
        await asyncio.sleep(0.02)
        assert len([what for what in diary[before:] if what[0] == "beat"]) <= 1
    for incarnation in range(3):
        assert diary.count(("once", incarnation)) <= 1
        after = diary[diary.index(("start", incarnation)) :]
        assert all(what != "beat" or number >= incarnation for what, number, *_ in after)


class Punctual(Actor[float]):
    """Notes how late its timers are."""

    def __init__(self, late: list[float]) -> None:
        self.late = late

    async def on_start(self) -> None:
        now = asyncio.get_running_loop().time()
        for delay in (0.05, random.uniform(0.001, 0.1)):
            self.context.send_after(delay, now + delay)
        self.context.send_every(0.02, None)

    async def receive(self, due: float | None) -> None:
        if due is not None:
            self.late.append(asyncio.get_running_loop().time() - due)


async def punctual() -> None:
    """A timer rings when it is due, whatever other timers are set meanwhile."""
    late: list[float] = []
    async with ActorSystem() as system:
        await system.spawn(Punctual, late)
        await until(lambda: len(late) == 2)
    assert all(0.0 <= lateness < 0.003 for lateness in late), late


async def replaced_timers() -> None:
    """A cancelled or replaced tick is never seen, not even one that is in the mailbox."""
    diary: list[Any] = []

    async def schedule(actor: Any) -> None:
        context = actor.context
        context.send_after(0.001, "replaced", key="k")
        cancelled = context.send_after(0.001, "cancelled")
        await asyncio.sleep(random.choice([0, 0.002]))  # now they may lie in the mailbox
        context.send_after(0.001, "kept", key="k")
        cancelled.cancel()

    async with ActorSystem() as system:
        ref = await system.spawn(Life, diary)
        await ref.submit(schedule, ref._cell.instance)
        await asyncio.sleep(0.01)
    assert [what for _, what in diary if isinstance(what, str) and what != "start"] == ["kept"]


class Watcher(Actor[Any]):
    """Is told of ends, and looks whether they are true."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told

    async def receive(self, message: Any) -> None:
        if isinstance(message, ActorRef):
            self.context.watch(message)
            self.context.watch(message)
        elif isinstance(message, list):
            for ref in message:
                self.context.watch(ref)
                ref.kill()
                await asyncio.sleep(0.001)
                self.context.unwatch(ref)
        else:
            self.told.append(message)
            await asyncio.sleep(0)

    async def on_terminated(self, event: Terminated) -> None:
        system, name = self.context.system, event.ref.name
        assert not event.ref.is_alive
        assert event.ref not in system.groups.members("group")
        again = await system.spawn(Life, [], name=name)
        again.stop()
        await again.join()
        self.told.append((event.ref.path, event.reason))


async def watches() -> None:
    """A watcher is told once, before its next message, also of one that has ended; names are free by then."""
    told: list[Any] = []
    async with ActorSystem() as system:
        watcher = await system.spawn(Watcher, told)
        lives = [await system.spawn(Life, [], name=f"life-{number}") for number in range(3)]
        for ref in lives:
            system.groups.join("group", ref)
            system.register(f"alias-{ref.name}", ref)
        for ref in lives:
            await watcher.send(ref)

        async def end(ref: ActorRef[Any], how: str) -> None:
            for _ in range(random.randint(0, 8)):
                await asyncio.sleep(0)
            getattr(ref, how)()
            await ref.join()
            await watcher.send(("after", ref.path))

        await together(*(end(ref, how) for ref, how in zip(lives, ("stop", "kill", "close"), strict=True)))
        await watcher.ask("wait")
    for ref, reason in zip(lives, (ExitReason.SHUTDOWN, ExitReason.KILLED, ExitReason.NORMAL), strict=True):
        assert told.count((ref.path, reason)) == 1, told


async def unwatched() -> None:
    """A watch that is taken back is not seen any more, not even when its notice is there already."""
    told: list[Any] = []
    async with ActorSystem() as system:
        watcher = await system.spawn(Watcher, told)
        await watcher.ask([await system.spawn(Life, []) for _ in range(2)])
        await watcher.ask("wait")
    assert told == ["wait"]


async def links() -> None:
    """Linked actors share the fate of the one that fails."""
    async with ActorSystem() as system:
        parent = await system.spawn(Parent, restart=Restart.TEMPORARY)

        async def family(context: Any) -> list[ActorRef[Any]]:
            return [await context.spawn(Life, [], restart=Restart.TEMPORARY) for _ in range(3)]

        refs = await parent.ask(family)
        for ref, other in itertools.pairwise(refs):
            await ref.submit(ref._cell.context.link, other)
        await random.choice(refs).send("boom")
        reasons = [(await ref.join()).reason for ref in refs]
    assert reasons == [ExitReason.CRASHED] * 3


class Slow(Life):
    """Takes its time to start, and may fail at it."""

    async def on_start(self) -> None:
        self.context.system.register(f"alias-{self.context.name}", self.context.ref)
        await self.context.spawn(Life, [], name="child")
        await asyncio.sleep(random.choice([0, 0.001, 0.002]))
        if "fail" in self.diary:
            raise Boom
        self.note("start")


async def starts() -> None:
    """A start that fails, is late or is cancelled leaves nothing; two at once give one actor or an error."""
    async with ActorSystem() as system:
        failed = await outcome(system.spawn(Slow, ["fail"], name="slow"))
        assert isinstance(failed, Boom)
        late = await outcome(system.spawn(Slow, [], name="slow", start_timeout=0.001))
        assert isinstance(late, StartTimeoutError | ActorRef)
        if isinstance(late, ActorRef):
            late.stop()
            await late.join()
        cancelled = asyncio.create_task(system.spawn(Slow, [], name="slow"))
        await asyncio.sleep(random.choice([0, 0.001]))
        cancelled.cancel()
        await asyncio.wait([cancelled])
        if not cancelled.cancelled():
            cancelled.result().stop()
            await cancelled.result().join()
        assert not system.snapshot().actors
        found = [asyncio.create_task(outcome(system.get_or_spawn("slow", Slow, []))) for _ in range(3)]
        twin = asyncio.create_task(outcome(system.spawn(Slow, [], name="slow")))
        refs = {await task for task in found}
        assert sum(isinstance(ref, ActorRef) for ref in refs) <= 1
        assert isinstance(await twin, NameInUseError | ActorRef)
        assert len(system.snapshot().actors) == 1


async def recycled_names() -> None:
    """A name is free as soon as join returns, and a send to the old ref does not reach the new actor."""
    async with ActorSystem() as system:
        diary: list[Any] = []
        old = await system.spawn(Life, [], name="life")
        getattr(old, random.choice(["stop", "kill", "close"]))()
        joined = await old.join()
        assert joined.ref is old
        new = await system.spawn(Life, diary, name="life")
        assert isinstance(await outcome(old.send("old")), ActorStoppedError)
        await new.send("new")
    assert [what for _, what in diary if isinstance(what, str)] == ["start", "new"]


SCENARIOS = [restarts, timers, punctual, replaced_timers, watches, unwatched, links, starts, recycled_names]
