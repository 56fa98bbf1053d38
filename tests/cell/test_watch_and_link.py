"""Watches and links: one way notice, two way fate. Guarantee 14 has the place of notices among the rest."""

from typing import Any

import pytest

from actorio import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorSystem,
    ExitReason,
    LinkedActorError,
    Restart,
    Strategy,
    Supervision,
    Terminated,
)
from tests.stage import Boom, Diary, Gate, Puppet, spawn_children, ticks, until


async def pair(system: ActorSystem, diary: Diary | None = None, **options: Any) -> list[ActorRef[Puppet]]:
    """Spawn two actors, a linked to b."""
    a, b = [await system.spawn(Puppet, diary, name=name, **options) for name in "ab"]
    await a.ask(lambda me: me.context.link(b))
    return [a, b]


class Quiet(Actor[Any]):
    """One that is never sent anything."""


def end(actor: ActorRef[Any], how: str) -> None:
    if how == "crash":
        actor.send_nowait(Boom())
    elif how == "leave":
        actor.send_nowait(lambda me: me.context.stop())
    else:
        getattr(actor, how)()


# -- links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize("how", ["crash", "kill"])
async def test_a_failure_spreads_both_ways_and_names_the_other(first: str, how: str) -> None:
    async with ActorSystem() as system:
        actors = dict(zip("ab", await pair(system, restart=Restart.TEMPORARY), strict=True))
        failing = actors.pop(first)
        (other,) = actors.values()
        end(failing, how)
        ended = await other.join()
    assert ended.reason is ExitReason.CRASHED
    assert isinstance(ended.error, LinkedActorError)
    assert ended.error.ref is failing
    assert ended.error.reason is (ExitReason.CRASHED if how == "crash" else ExitReason.KILLED)


@pytest.mark.parametrize("how", ["close", "leave"])
async def test_a_normal_end_does_not_spread(how: str) -> None:
    async with ActorSystem() as system:
        a, b = await pair(system)
        end(a, how)
        await a.join()
        assert await b.ask(lambda me: me.context.incarnation) == 0
        assert not b._cell.links


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.PERMANENT])
async def test_an_orderly_stop_spreads_as_one_and_the_supervisor_decides(restart: Restart) -> None:
    async with ActorSystem() as system:
        a, b = await pair(system, restart=restart)
        a.stop()
        if restart is Restart.TRANSIENT:
            assert await b.join() == Terminated(b, ExitReason.SHUTDOWN, None)
        else:
            await a.join()
            assert await b.ask(lambda me: me.context.incarnation) == 1


async def test_an_end_by_a_link_is_decided_upon_once() -> None:
    """Also for an actor that never had a message, and so never a turn."""
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(max_restarts=1))
        a = await system.spawn(Puppet)
        b = await parent.ask(lambda me: me.context.spawn(Quiet, restart=Restart.PERMANENT))
        await a.ask(lambda me: me.context.link(b))
        a.stop()
        await a.join()
        await until(lambda: b.statistics().restarts == 1)
        await ticks()
        assert b.is_alive
        assert parent.statistics().restarts == 0


async def test_linked_actors_restart_both_and_the_link_is_gone() -> None:
    async with ActorSystem() as system:
        a, b = await pair(system)
        a.send_nowait(Boom())
        for actor in (a, b):
            assert await actor.ask(lambda me: me.context.incarnation) == 1
        a.send_nowait(Boom())
        assert await a.ask(lambda me: me.context.incarnation) == 2
        assert await b.ask(lambda me: me.context.incarnation) == 1


async def test_the_linked_one_ends_after_its_current_message() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        a, b = await pair(system, diary)
        gate = Gate()
        b.send_nowait(gate.hold)
        b.send_nowait("behind")
        await gate.reached()
        a.kill()
        await a.join()
        assert b.state == "running"
        gate.open()
        assert await b.ask(lambda me: me.context.incarnation) == 1
    assert diary.index(("b", "stop", ExitReason.CRASHED)) < diary.index(("b", "behind"))


async def test_unlink_takes_it_back_from_either_side() -> None:
    for unlinker in (0, 1):
        async with ActorSystem() as system:
            actors = await pair(system)
            other = actors[1 - unlinker]
            await actors[unlinker].ask(lambda me, other=other: me.context.unlink(other))
            actors[0].kill()
            await actors[0].join()
            assert await actors[1].ask(lambda me: me.context.incarnation) == 0


async def test_links_are_one_however_often_made() -> None:
    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        a, b = await pair(system)
        await a.ask(lambda me: me.context.link(b))
        await b.ask(lambda me: me.context.link(a))
        await b.ask(lambda me: me.context.link(b))
        a.kill()
        assert await b.ask(lambda me: me.context.incarnation) == 1
        system.events.close()
        assert [event.ref.name async for event in failures] == ["b"]


@pytest.mark.parametrize(
    ("how", "reason"), [("kill", ExitReason.CRASHED), ("stop", ExitReason.SHUTDOWN), ("close", None)]
)
async def test_a_link_to_an_ended_actor_acts_at_once(how: str, reason: ExitReason | None) -> None:
    async with ActorSystem() as system:
        ended = await system.spawn(Puppet)
        end(ended, how)
        await ended.join()
        actor = await system.spawn(Puppet, restart=Restart.TEMPORARY)
        actor.send_nowait(lambda me: me.context.link(ended))
        if reason is None:
            assert await actor.ask("alive") == "alive"
        else:
            assert (await actor.join()).reason is reason


async def test_a_ring_of_links_ends_as_a_whole() -> None:
    async with ActorSystem() as system:
        actors = [await system.spawn(Puppet, restart=Restart.TEMPORARY) for _ in range(50)]
        for actor, following in zip(actors, actors[1:] + actors[:1], strict=True):
            await actor.ask(lambda me, following=following: me.context.link(following))
        actors[7].send_nowait(Boom())
        for actor in actors:
            assert (await actor.join()).reason is ExitReason.CRASHED


async def test_a_link_to_a_child_makes_its_failure_the_parents() -> None:
    """Without the link the child would be restarted; with it, both are, and the child is a new one."""
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, restart=Restart.TEMPORARY)
        (child,) = await spawn_children(parent, "c")
        await parent.ask(lambda me: me.context.link(child))
        child.send_nowait(Boom())
        ended = await parent.join()
        assert isinstance(ended.error, LinkedActorError)
        assert not child.is_alive


async def test_a_group_restart_ends_what_its_members_are_linked_to() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(Strategy.ONE_FOR_ALL))
        a, b = await spawn_children(parent, "a", "b")
        permanent = await system.spawn(Puppet, restart=Restart.PERMANENT)
        await permanent.ask(lambda me: me.context.link(b))
        a.send_nowait(Boom())
        assert await b.ask(lambda me: me.context.incarnation) in (0, 1)
        await until(lambda: permanent.statistics().restarts == 1)


async def test_a_linked_one_that_is_stopping_already_is_left_to_it() -> None:
    async with ActorSystem() as system:
        a, b = await pair(system)
        gate = Gate()
        b.send_nowait(gate.hold)
        await gate.reached()
        b.stop()
        a.kill()
        await a.join()
        gate.open()
        ended = await b.join()
    assert ended.reason in (ExitReason.SHUTDOWN, ExitReason.CRASHED)


# -- watches ---------------------------------------------------------------------------------------


async def test_a_notice_tells_reason_and_error() -> None:
    seen: list[Terminated] = []

    class Watcher(Puppet):
        async def on_terminated(self, event: Terminated) -> None:
            seen.append(event)

    async with ActorSystem() as system:
        watcher = await system.spawn(Watcher)
        error = Boom("why")
        expected = []
        for how, reason, why in (
            ("close", ExitReason.NORMAL, None),
            ("stop", ExitReason.SHUTDOWN, None),
            ("kill", ExitReason.KILLED, None),
            ("crash", ExitReason.CRASHED, error),
        ):
            watched = await system.spawn(Puppet, restart=Restart.TEMPORARY)
            await watcher.ask(lambda me, watched=watched: me.context.watch(watched))
            if how == "crash":
                watched.send_nowait(error)
            else:
                end(watched, how)
            await watched.join()
            expected.append(Terminated(watched, reason, why))
        await watcher.ask("seen")
    assert seen == expected


async def test_notices_come_in_the_order_of_the_ends() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        watcher, gate = await system.spawn(Puppet, diary, name="w"), Gate()
        others = [await system.spawn(Puppet, name=name) for name in "abcd"]
        for other in others:
            await watcher.ask(lambda me, other=other: me.context.watch(other))
        watcher.send_nowait(gate.hold)
        await gate.reached()
        for other in (others[2], others[0], others[3], others[1]):
            other.kill()
            await other.join()
        gate.open()
    assert [entry[2] for entry in diary if entry[1] == "told"] == ["c", "a", "d", "b"]


async def test_unwatch_of_one_leaves_the_other_watches() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        watcher = await system.spawn(Puppet, diary, name="w")
        a, b = [await system.spawn(Puppet, name=name) for name in "ab"]

        def rearrange(me: Puppet) -> None:
            for other in (a, b):
                me.context.watch(other)
            me.context.unwatch(a)
            me.context.unwatch(a)

        await watcher.ask(rearrange)
        for other in (a, b):
            other.stop()
            await other.join()
        await watcher.ask("seen")
    assert [entry[2] for entry in diary if entry[1] == "told"] == ["b"]


async def test_a_hook_that_watches_again_is_told_again_and_ends_when_it_does_not() -> None:
    class Persistent(Puppet):
        async def on_terminated(self, event: Terminated) -> None:
            await super().on_terminated(event)
            if len(self.diary) < 5:
                self.context.watch(event.ref)

    diary: Diary = []
    async with ActorSystem() as system:
        ended = await system.spawn(Puppet)
        ended.kill()
        await ended.join()
        watcher = await system.spawn(Persistent, diary)
        await watcher.ask(lambda me: me.context.watch(ended))
        await watcher.ask("seen")
        await ticks()
    assert [entry[1] for entry in diary] == ["start"] + ["told"] * 4 + ["seen", "stop"]


async def test_watching_each_other_leaves_nothing() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        a, b = [await system.spawn(Puppet, diary, name=name) for name in "ab"]
        await a.ask(lambda me: me.context.watch(b))
        await b.ask(lambda me: me.context.watch(a))
        a.stop()
        await a.join()
        await b.ask("seen")
        assert not b._cell.watching
        assert not b._cell.watchers
    assert ("b", "told", "a", ExitReason.SHUTDOWN) in diary


async def test_a_watcher_keeps_nothing_of_those_that_it_was_told_of() -> None:
    async with ActorSystem() as system:
        watcher = await system.spawn(Puppet)
        for _ in range(200):
            other = await system.spawn(Puppet)
            await watcher.ask(lambda me, other=other: me.context.watch(other))
            other.stop()
            await other.join()
        await watcher.ask("seen")
        assert not watcher._cell.watching


async def test_notices_reach_an_own_loop() -> None:
    class Own(Puppet):
        async def look_after(self, ref: ActorRef[Any]) -> None:
            self.context.watch(ref)

        async def run(self) -> None:
            while True:
                self.note(await self.recv())

    diary: Diary = []
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet, name="x")
        watcher = await system.spawn(Own, diary, name="w")
        await watcher.call(Own.look_after, watched)
        watched.kill()
        await watched.join()
        await watcher.send("after")
    assert diary[1:3] == [("w", "told", "x", ExitReason.KILLED), ("w", "after")]
