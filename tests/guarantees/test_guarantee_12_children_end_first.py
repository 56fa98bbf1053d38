"""Guarantee 12: children end before their parent's `on_stop`; top-level actors end in reverse start order."""

# ruff: noqa: PT012 -- the block as a whole is what raises

import asyncio
from typing import Any

import pytest

from actorio import ActorStoppedError, ActorSystem, ExitReason
from tests.stage import NEVER, Boom, Diary, Gate, Puppet, in_virtual_time, spawn_children, ticks, until

SHUTDOWN, NORMAL = ExitReason.SHUTDOWN, ExitReason.NORMAL


async def grow(system: ActorSystem, diary: Diary) -> None:
    """Spawn a, with a1 (and a11) and a2, and b with b1; all write into the diary."""
    a, b = [await system.spawn(Puppet, diary, name=name) for name in "ab"]
    a1, _ = await spawn_children(a, "a1", "a2", diary=diary)
    await spawn_children(a1, "a11", diary=diary)
    await spawn_children(b, "b1", diary=diary)
    del diary[:]


IN_ORDER = ["b1", "b", "a2", "a11", "a1", "a"]


async def test_guarantee_12_leaving_the_block_ends_all_in_order() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        await grow(system, diary)
    assert diary == [(name, "stop", NORMAL) for name in IN_ORDER]


async def test_guarantee_12_leaving_it_by_an_exception_does_too() -> None:
    diary: Diary = []
    with pytest.raises(Boom):
        async with ActorSystem() as system:
            await grow(system, diary)
            raise Boom
    assert diary == [(name, "stop", SHUTDOWN) for name in IN_ORDER]


async def test_guarantee_12_leaving_it_by_a_cancel_does_too() -> None:
    diary: Diary = []

    async def block() -> None:
        async with ActorSystem() as system:
            await grow(system, diary)
            await asyncio.sleep(NEVER)

    task = asyncio.ensure_future(block())
    await until(lambda: diary == [] and task.done() is False)
    await ticks()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert diary == [(name, "stop", SHUTDOWN) for name in IN_ORDER]


@pytest.mark.parametrize("end", ["close", "stop"])
async def test_guarantee_12_ending_one_branch_ends_all_below_in_order(end: str) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        await grow(system, diary)
        a = system.lookup("a")
        getattr(a, end)()
        await a.join()
        reason = NORMAL if end == "close" else SHUTDOWN
        assert diary == [(name, "stop", reason) for name in IN_ORDER[2:]]


async def test_guarantee_12_a_crash_ends_the_children_first() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        await grow(system, diary)
        await system.lookup("a").send(Boom())
        await system.lookup("a").ask("again")
        stops = [entry for entry in diary if entry[1] == "stop"]
        assert stops == [(name, "stop", SHUTDOWN) for name in IN_ORDER[2:5]] + [
            ("a", "stop", ExitReason.CRASHED)
        ]


async def test_guarantee_12_children_stop_while_the_parents_message_is_still_handled() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        await grow(system, diary)
        b, gate = system.lookup("b"), Gate()
        await b.send(gate.hold)
        await gate.reached()
        b.stop()
        await until(lambda: ("b1", "stop", SHUTDOWN) in diary)
        assert b.state == "running"
        gate.open()
        await b.join()
    assert diary.index(("b1", "stop", SHUTDOWN)) < diary.index(("b", "stop", SHUTDOWN))


async def test_guarantee_12_a_slow_child_holds_up_its_parents_stop_hook() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, diary, name="p")
        (child,) = await spawn_children(parent, "c", diary=diary)
        gate = Gate()
        await child.send(gate.hold)
        await gate.reached()
        parent.stop()
        await ticks(50)
        assert ("p", "stop", SHUTDOWN) not in diary
        gate.open()
        await parent.join()
    assert diary[-2:] == [("c", "stop", SHUTDOWN), ("p", "stop", SHUTDOWN)]


@pytest.mark.parametrize("end", ["close", "stop"])
async def test_guarantee_12_a_stop_hook_cannot_spawn_a_child_that_outlives_it(end: str) -> None:
    refused: list[BaseException] = []

    class Late(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            try:
                await self.context.spawn(Puppet, name="late")
            except ActorStoppedError as error:
                refused.append(error)

    async with ActorSystem() as system:
        actor = await system.spawn(Late)
        getattr(actor, end)()
        await actor.join()
        assert len(system.snapshot()) == 0
    assert len(refused) == 1


async def test_guarantee_12_a_background_task_cannot_spawn_past_the_end_of_the_children() -> None:
    refused: list[BaseException] = []

    async def late(me: Puppet) -> None:
        try:
            await asyncio.sleep(NEVER)
        finally:
            try:
                await me.context.spawn(Puppet, name="late")
            except ActorStoppedError as error:
                refused.append(error)

    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        await actor.ask(lambda me: me.context.start_soon(late, me) and None)
        await ticks()
        actor.stop()
        await actor.join()
        assert len(system.snapshot()) == 0
    assert len(refused) == 1


async def test_guarantee_12_a_stopping_parent_refuses_new_children() -> None:
    async with ActorSystem() as system:
        parent, gate = await system.spawn(Puppet), Gate()

        async def spawn_late(me: Puppet) -> str:
            await gate.hold()
            with pytest.raises(ActorStoppedError):
                await me.context.spawn(Puppet)
            return "refused"

        asked = asyncio.ensure_future(parent.ask(spawn_late))
        await gate.reached()
        parent.stop()
        gate.open()
        assert await asked == "refused"


async def test_guarantee_12_spawn_is_refused_once_the_block_is_left() -> None:
    system = ActorSystem()
    async with system:
        pass
    with pytest.raises(ActorStoppedError):
        await system.spawn(Puppet)


async def test_guarantee_12_children_in_the_middle_of_their_start_end_too() -> None:
    """A parent is stopped while its handler spawns: the child starts, and ends before the parent's hook."""
    diary: Diary = []
    gate = Gate()

    class Slow(Puppet):
        async def on_start(self) -> None:
            await gate.hold()
            self.note("start")

    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, diary, name="p")
        await parent.send(lambda me: me.context.spawn(Slow, diary, name="c"))
        await gate.reached()
        parent.stop()
        await ticks()
        gate.open()
        await parent.join()
    assert diary[1:] == [("c", "start"), ("c", "stop", SHUTDOWN), ("p", "stop", SHUTDOWN)]


@in_virtual_time
async def test_guarantee_12_a_child_that_does_not_end_is_killed_before_its_parents_hook() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, diary, name="p", shutdown=60.0)
        (child,) = await spawn_children(parent, "c", diary=diary, shutdown=1.0)
        gate = Gate()
        await child.send(gate.hold)
        await gate.reached()
        parent.stop()
        await parent.join()
        assert (await child.join()).reason is ExitReason.KILLED
        assert asyncio.get_running_loop().time() == 1.0
    assert diary[-1] == ("p", "stop", SHUTDOWN)


async def test_guarantee_12_a_close_lets_each_level_drain_before_it_ends() -> None:
    """What a parent sends its child while it drains is handled: the child is closed after it."""
    handled: list[Any] = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        (child,) = await spawn_children(parent, "c", diary=handled)
        for number in range(5):
            parent.send_nowait(lambda me, number=number: child.send_nowait(number))
    assert [what for _, what, *_ in handled if isinstance(what, int)] == list(range(5))


async def test_guarantee_12_what_was_accepted_is_handled_even_by_one_that_fails_while_it_drains() -> None:
    handled: Diary = []
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet, handled, name="a"), Gate()
        for message in (gate.hold, 1, Boom(), 2, 3):
            actor.send_nowait(message)
        await gate.reached()
        asyncio.get_running_loop().call_soon(gate.open)
    assert [what for _, what, *_ in handled if isinstance(what, int)] == [1, 2, 3]
