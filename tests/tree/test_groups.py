"""Process groups: memberships, broadcasts, and monitors without gap or repeat."""

import asyncio
import random
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorFailed,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    GroupMonitor,
    Joined,
    Left,
    Mailbox,
    Overflow,
    PriorityMailbox,
    Topic,
)
from actorio.testing import until
from tests.guarantees.actors import Held, Recorder, Valve, started
from tests.stage import Boom, Diary, Gate, Puppet, spawn_children, ticks


async def puppets(system: ActorSystem, names: str, diary: Diary | None = None) -> list[ActorRef[Puppet]]:
    return [await system.spawn(Puppet, diary, name=name) for name in names]


async def test_memberships_are_counted() -> None:
    async with ActorSystem() as system:
        (a,) = await puppets(system, "a")
        groups = system.groups
        groups.join("g", a)
        groups.join("g", a)
        assert groups.members("g") == (a, a)
        assert groups.leave("g", a)
        assert groups.members("g") == (a,)
        assert groups.leave("g", a)
        assert not groups.leave("g", a)
        assert groups.names() == ()


async def test_members_are_in_order_of_joining() -> None:
    async with ActorSystem() as system:
        a, b, c = await puppets(system, "abc")
        for actor in (c, a, b, a):
            system.groups.join("g", actor)
        system.groups.leave("g", a)
        assert system.groups.members("g") == (c, b, a)


async def test_an_end_leaves_all_groups_with_all_memberships() -> None:
    async with ActorSystem() as system:
        a, b = await puppets(system, "ab")
        for group in ("one", "one", "two", ("a", "tuple"), None):
            system.groups.join(group, a)
        system.groups.join("two", b)
        a.kill()
        await a.join()
        assert system.groups.names() == ("two",)
        assert system.groups.members("two") == (b,)
        assert a._cell not in system.groups.joined


async def test_a_restart_keeps_memberships() -> None:
    async with ActorSystem() as system:
        (a,) = await puppets(system, "a")
        system.groups.join("g", a)
        a.send_nowait(Boom())
        await a.ask("up")
        assert system.groups.members("g") == (a,)


async def test_an_actor_of_another_system_has_no_group_and_no_alias_here() -> None:
    async with ActorSystem() as here, ActorSystem() as there:
        (stranger,) = await puppets(there, "s")
        with pytest.raises(ValueError, match="join takes an actor of this system"):
            here.groups.join("group", stranger)
        with pytest.raises(ValueError, match="register takes an actor of this system"):
            here.register("alias", stranger)
        with pytest.raises(ValueError, match="of this system"):
            Topic[str](here, "topic").subscribe(stranger)
        assert here.groups.names() == ()


async def test_an_ended_actor_cannot_join() -> None:
    async with ActorSystem() as system:
        (a,) = await puppets(system, "a")
        a.kill()
        await a.join()
        with pytest.raises(ActorStoppedError):
            system.groups.join("g", a)
        assert system.groups.names() == ()


async def test_a_failed_start_leaves_no_membership() -> None:
    class Fails(Actor[int]):
        async def on_start(self) -> None:
            self.context.system.groups.join("g", self.context.ref)
            raise Boom

    async with ActorSystem() as system:
        with pytest.raises(Boom):
            await system.spawn(Fails)
        assert system.groups.names() == ()


async def test_groups_are_any_hashable_and_nothing_else() -> None:
    async with ActorSystem() as system:
        (a,) = await puppets(system, "a")
        with pytest.raises(TypeError):
            system.groups.join([], a)  # type: ignore[arg-type]
        system.groups.join(1, a)
        assert system.groups.members(True) == (a,)  # equal keys are one group, as in a dict


# -- broadcast -------------------------------------------------------------------------------------


async def test_a_broadcast_goes_once_to_each_membership() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        a, b = await puppets(system, "ab", diary)
        for actor in (a, b, a):
            system.groups.join("g", actor)
        assert await system.groups.broadcast("g", "hello") == 3
        assert await system.groups.broadcast("nobody", "hello") == 0
    assert sorted(entry for entry in diary if entry[1] == "hello") == [("a", "hello")] * 2 + [("b", "hello")]


async def test_a_member_that_has_been_stopped_is_left_out() -> None:
    async with ActorSystem() as system:
        a, b, c = await puppets(system, "abc")
        for actor in (a, b, c):
            system.groups.join("g", actor)
        gate = Gate()
        b.send_nowait(gate.hold)
        await gate.reached()
        b.stop()
        assert await system.groups.broadcast("g", "hello") == 2
        gate.open()


async def test_a_member_that_ends_while_it_is_waited_for_does_not_stop_the_others() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        full = await system.spawn(Puppet, mailbox=Mailbox(1))
        (b,) = await puppets(system, "b", diary)
        failing = await system.spawn(Puppet, mailbox=Mailbox(1, overflow=Overflow.FAIL))
        gates = [Gate(), Gate()]
        for actor, gate in zip((full, failing), gates, strict=True):
            actor.send_nowait(gate.hold)
            await gate.reached()
            actor.send_nowait("fills it")
        for actor in (full, failing, b):
            system.groups.join("g", actor)
        sending = asyncio.ensure_future(system.groups.broadcast("g", "hello"))
        await ticks()
        assert not sending.done()
        assert ("b", "hello") in diary
        full.kill()
        assert await sending == 1
        gates[1].open()


async def test_a_member_that_leaves_or_joins_during_a_broadcast_does_not_change_it() -> None:
    """Who is told is settled at the call."""
    async with ActorSystem() as system:
        a, b, late = await puppets(system, "abx")
        for actor in (a, b):
            system.groups.join("g", actor)
        sending = system.groups.broadcast("g", lambda me: system.groups.join("g", late))
        assert await sending == 2
        await a.ask("done")
        await b.ask("done")
        assert system.groups.members("g") == (a, b, late, late)


async def test_an_actor_may_broadcast_to_its_own_group_even_when_it_is_full() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, mailbox=Mailbox(1))
        system.groups.join("g", actor)

        async def broadcast(me: Puppet) -> int:
            me.context.ref.send_nowait("fills it")
            return await system.groups.broadcast("g", "more")

        assert await actor.ask(broadcast) == 1


# -- monitors --------------------------------------------------------------------------------------


async def drain(monitor: GroupMonitor) -> list[Joined | Left]:
    """Close the monitor and return what it holds."""
    monitor.close()
    return [event async for event in monitor]


async def test_a_monitor_begins_with_the_members_and_tells_each_change() -> None:
    async with ActorSystem() as system:
        a, b = await puppets(system, "ab")
        groups = system.groups
        groups.join("g", a)
        async with groups.monitor("g") as monitor:
            assert monitor.members == (a,)
            groups.join("g", b)
            groups.join("g", a)
            groups.join("other", a)
            groups.leave("g", a)
            a.kill()
            await a.join()
            events = await drain(monitor)
    assert events == [Joined("g", b), Joined("g", a), Left("g", a), Left("g", a)]


async def test_a_monitor_has_neither_gap_nor_repeat_whatever_happens() -> None:
    """Replaying the events over the members at its beginning always gives the members there are."""
    source = random.Random(7)
    async with ActorSystem() as system:
        groups, actors, monitors = system.groups, await puppets(system, "abcdef"), []
        for step in range(400):
            actor = source.choice(actors)
            match source.randrange(5):
                case 0 | 1 if actor.is_alive:
                    groups.join("g", actor)
                case 2:
                    groups.leave("g", actor)
                case 3:
                    monitors.append(groups.monitor("g"))
                case _ if step % 20 == 0:
                    actor.kill()
                    await actor.join()
                    actors[actors.index(actor)] = await system.spawn(Puppet)
        left = groups.members("g")
        for monitor in monitors:
            members = list(monitor.members)
            for event in await drain(monitor):
                if isinstance(event, Joined):
                    members.append(event.ref)
                else:
                    members.remove(event.ref)
            assert tuple(members) == left
        assert groups._monitors == {}


async def test_a_monitor_wakes_its_reader_and_loses_nothing_when_that_is_cancelled() -> None:
    async with ActorSystem() as system:
        a, b = await puppets(system, "ab")
        monitor = system.groups.monitor("g")
        reading = asyncio.ensure_future(anext(monitor))
        await ticks(2)
        system.groups.join("g", a)
        reading.cancel()
        await asyncio.wait([reading])
        system.groups.join("g", b)
        assert await drain(monitor) == [Joined("g", a), Joined("g", b)]


async def test_monitors_end_with_the_system() -> None:
    async with ActorSystem() as system:
        (a,) = await puppets(system, "a")
        system.groups.join("g", a)
        monitor = system.groups.monitor("g")
        reading = asyncio.ensure_future(anext(monitor))
    assert await reading == Left("g", a)
    assert [event async for event in monitor] == []
    with pytest.raises(ActorError):
        async with monitor:
            pass
    assert [event async for event in system.groups.monitor("g")] == []


async def test_two_monitors_are_told_independently() -> None:
    async with ActorSystem() as system:
        (a,) = await puppets(system, "a")
        one, two = system.groups.monitor("g"), system.groups.monitor("g")
        system.groups.join("g", a)
        assert await drain(one) == [Joined("g", a)]
        system.groups.leave("g", a)
        assert await drain(two) == [Joined("g", a), Left("g", a)]


async def test_a_left_event_comes_before_the_notice_of_the_end() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        (child,) = await spawn_children(parent, "c")
        system.groups.join("g", child)
        async with system.groups.monitor("g") as monitor:
            child.stop()
            await child.join()
            assert await drain(monitor) == [Left("g", child)]


async def test_a_member_that_cannot_take_a_message_when_there_is_room_does_not_stop_the_others() -> None:
    def urgency(message: Any) -> int:
        return int(message["urgency"])

    valve = Valve()
    log: list[Any] = []
    async with ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        full = await system.spawn(Held, valve, mailbox=PriorityMailbox(urgency, 1))
        other = await system.spawn(Recorder, log)
        for ref in (full, other):
            system.groups.join("group", ref)
        await full.send({"urgency": 1})
        await valve.entered.wait()
        await full.send({"urgency": 2})
        sending = started(system.groups.broadcast("group", "no urgency"))
        await until(lambda: log)
        valve.open.set()
        assert await sending == 1
        assert type((await anext(failures)).error) is TypeError
    assert log == ["no urgency"]


async def test_a_monitor_that_is_not_read_in_time_is_closed_and_leaves_no_gap() -> None:
    async with ActorSystem() as system:
        ref = (await puppets(system, "a"))[0]
        async with system.groups.monitor("group", limit=3) as monitor:
            for _ in range(3):
                system.groups.join("group", ref)
            assert len(monitor._items) == 3
            for _ in range(1_000):
                system.groups.join("group", ref)
            assert len(monitor._items) == 0
            with pytest.raises(ActorError, match="3 unread events"):
                await anext(monitor)
        with pytest.raises(ValueError, match="limit must be at least 1"):
            system.groups.monitor("group", limit=0)


async def test_the_subscriptions_of_a_topic_are_not_among_the_groups() -> None:
    async with ActorSystem() as system:
        ref = (await puppets(system, "a"))[0]
        Topic[str](system, "news").subscribe(ref)
        system.groups.join("group", ref)
        assert system.groups.names() == ("group",)
