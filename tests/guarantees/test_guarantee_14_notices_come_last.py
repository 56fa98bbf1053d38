"""Guarantee 14: notices come last, exactly once, also about an actor that has already ended."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    ExitReason,
    NameNotFoundError,
    Restart,
    Terminated,
)
from tests.stage import Boom, Diary, Gate, Puppet, spawn_children, ticks, until

ENDS = ["close", "stop", "kill", "crash"]


def end(actor: Any, how: str) -> None:
    if how == "crash":
        actor.send_nowait(Boom())
    else:
        getattr(actor, how)()


def told(diary: Diary) -> list[Any]:
    return [entry for entry in diary if entry[1] == "told"]


class Looks(Puppet):
    """Looks around at the moment it is told of an end."""

    async def on_terminated(self, event: Terminated) -> None:
        await super().on_terminated(event)
        system, ref = self.context.system, event.ref
        with pytest.raises(NameNotFoundError):
            system.lookup(ref.path)
        with pytest.raises(NameNotFoundError):
            system.lookup("alias")
        assert system.groups.names() == ()
        assert not ref.is_alive
        assert all(not path.startswith(ref.path) for path in self.paths())
        fresh = await system.spawn(Puppet, name=ref.name)
        fresh.stop()
        self.note("looked")

    def paths(self) -> list[str]:
        return [actor.path for actor in self.context.system.snapshot().walk()]


@pytest.mark.parametrize("how", ENDS)
async def test_guarantee_14_all_of_it_is_gone_when_a_watcher_is_told(how: str) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet, name="watched", restart=Restart.TEMPORARY)
        (child,) = await spawn_children(watched, "child")
        await spawn_children(child, "grandchild")
        system.register("alias", watched)
        for group in ("one", "one", "two"):
            system.groups.join(group, watched)
        watcher = await system.spawn(Looks, diary, name="watcher")
        await watcher.ask(lambda me: me.context.watch(watched))
        end(watched, how)
        await until(lambda: ("watcher", "looked") in diary)
        await watcher.ask("done")
    assert len(told(diary)) == 1


@pytest.mark.parametrize("how", ENDS)
async def test_guarantee_14_all_of_it_is_gone_when_join_returns(how: str) -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, name="a", restart=Restart.TEMPORARY)
        children = await spawn_children(actor, "b", "c")
        system.register("alias", actor)
        system.groups.join("group", actor)
        end(actor, how)
        ended = await actor.join()
        assert ended.ref is actor
        assert not any(child.is_alive for child in children)
        assert system.groups.members("group") == ()
        for name in ("a", "alias", "/a/b"):
            with pytest.raises(NameNotFoundError):
                system.lookup(name)
        assert (await system.spawn(Puppet, name="a")) is not actor


async def test_guarantee_14_a_watch_of_an_ended_actor_is_told_once() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        ended = await system.spawn(Puppet, name="ended")
        ended.kill()
        await ended.join()
        watcher = await system.spawn(Puppet, diary, name="w")
        await watcher.ask(lambda me: me.context.watch(ended))
        await watcher.ask("seen")
        await ticks()
    assert diary[1:3] == [("w", "told", "ended", ExitReason.KILLED), ("w", "seen")]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_guarantee_14_two_watches_in_one_turn_are_one(before: bool) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet, name="x")
        watcher = await system.spawn(Puppet, diary, name="w")
        if not before:
            watched.kill()
            await watched.join()

        def twice(me: Puppet) -> None:
            me.context.watch(watched)
            me.context.watch(watched)

        await watcher.ask(twice)
        watched.kill()
        await watched.join()
        await watcher.ask("seen")
        await ticks()
    assert len(told(diary)) == 1


async def test_guarantee_14_a_watch_made_anew_after_the_notice_is_told_again() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        ended = await system.spawn(Puppet)
        ended.kill()
        await ended.join()
        watcher = await system.spawn(Puppet, diary, name="w")
        for number in (1, 2):
            await watcher.ask(lambda me: me.context.watch(ended))
            await watcher.ask("seen")
            assert len(told(diary)) == number


async def test_guarantee_14_every_watcher_is_told_once() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet, name="x")
        watchers = [await system.spawn(Puppet, diary, name=f"w{number}") for number in range(20)]
        for watcher in watchers:
            await watcher.ask(lambda me: me.context.watch(watched))
        watched.stop()
        await watched.join()
        for watcher in watchers:
            await watcher.ask("seen")
    assert sorted(entry[0] for entry in told(diary)) == sorted(f"w{number}" for number in range(20))


@pytest.mark.parametrize("queued", [False, True], ids=["watching", "queued"])
async def test_guarantee_14_unwatch_takes_back_even_a_queued_notice(queued: bool) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        watched, watcher = await system.spawn(Puppet), await system.spawn(Puppet, diary)
        await watcher.ask(lambda me: me.context.watch(watched))

        async def unwatch(me: Puppet) -> None:
            if queued:
                watched.kill()
                await watched.join()
            me.context.unwatch(watched)

        await watcher.ask(unwatch)
        watched.kill()
        await watched.join()
        await watcher.ask("seen nothing")
    assert told(diary) == []


async def test_guarantee_14_what_an_actor_did_is_there_before_its_notice() -> None:
    """Mail that it sent before its end is in the watcher's mailbox; the notice passes it."""
    diary: Diary = []
    depth: list[int] = []

    class Watcher(Puppet):
        async def on_terminated(self, event: Terminated) -> None:
            depth.append(self.context.ref.statistics().depth)

    async with ActorSystem() as system:
        watcher, gate = await system.spawn(Watcher, diary), Gate()
        worker = await system.spawn(Puppet)
        await watcher.ask(lambda me: me.context.watch(worker))
        watcher.send_nowait(gate.hold)
        await gate.reached()
        for number in range(3):
            worker.send_nowait(lambda me, number=number: watcher.send(number))
        worker.close()
        await worker.join()
        gate.open()
    assert depth == [3]


async def test_guarantee_14_asks_fail_before_the_notice() -> None:
    failed_before: list[bool] = []

    class Watcher(Puppet):
        async def on_terminated(self, event: Terminated) -> None:
            failed_before.append(queued.done())

    async with ActorSystem() as system:
        watcher, gate = await system.spawn(Watcher), Gate()
        worker = await system.spawn(Puppet)
        await watcher.ask(lambda me: me.context.watch(worker))
        worker.send_nowait(gate.hold)
        await gate.reached()

        queued = worker.submit(int)
        worker.stop()
        gate.open()
        with pytest.raises(ActorStoppedError):
            await queued
        await watcher.ask("done")
    assert failed_before == [True]


async def test_guarantee_14_a_watcher_that_ends_first_leaves_nothing() -> None:
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet)
        for _ in range(100):
            watcher = await system.spawn(Puppet)
            await watcher.ask(lambda me: me.context.watch(watched))
            watcher.stop()
            await watcher.join()
        assert not watched._cell.watchers
        watched.kill()


async def test_guarantee_14_an_actor_may_watch_itself_and_hears_nothing() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary)
        await actor.ask(lambda me: me.context.watch(me.context.ref))
    assert told(diary) == []


async def test_guarantee_14_many_joiners_get_the_same_end_and_late_ones_too() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, restart=Restart.TEMPORARY)
        joins = [asyncio.ensure_future(actor.join()) for _ in range(5)]
        await ticks()
        joins[0].cancel()
        error = Boom("the reason")
        actor.send_nowait(error)
        late = await actor.join()
        ends = [await join for join in joins[1:]]
    assert all(one == late for one in ends)
    assert (late.reason, late.error) == (ExitReason.CRASHED, error)


async def test_guarantee_14_one_event_tells_of_the_end() -> None:
    async with ActorSystem() as system, system.events.subscribe(ActorStopped) as events:
        actor = await system.spawn(Puppet)
        actor.send_nowait(Boom())
        await actor.ask("restarted, so not told")
        actor.stop()
        await actor.join()
        system.events.close()
        seen = [event async for event in events]
    assert seen == [ActorStopped(actor, ExitReason.SHUTDOWN, None)]


@pytest.mark.parametrize("how", ["raises", "cancelled"])
async def test_guarantee_14_a_failed_start_frees_the_name_before_the_spawner_knows(how: str) -> None:
    gate = Gate()

    class Starts(Actor[Any]):
        async def on_start(self) -> None:
            await gate.hold()
            raise Boom

    async with ActorSystem() as system:
        spawning = asyncio.ensure_future(system.spawn(Starts, name="a"))
        await gate.reached()
        if how == "raises":
            gate.open()
        else:
            spawning.cancel()
        await asyncio.wait([spawning])
        assert spawning.cancelled() or isinstance(spawning.exception(), Boom)
        await system.spawn(Puppet, name="a")
