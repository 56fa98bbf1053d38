"""Guarantee 17: timers die with their incarnation and never pile up behind a blocked loop.

What timers do while they live is in `test_timers.py`.
"""

import asyncio
from typing import Any

import pytest

from actorio import ActorSystem, Mailbox
from tests.stage import NEVER, Boom, Diary, Gate, Puppet, in_virtual_time, now

MANY = 20_000


def set_timers(me: Puppet) -> None:
    me.context.send_every(1.0, "tick")
    me.context.send_after(2.5, "once")
    me.context.send_after(3.5, "keyed", key="key")


async def pass_time(seconds: float) -> None:
    await asyncio.sleep(seconds)


@pytest.mark.parametrize("end", ["crash", "close", "stop", "kill"])
@in_virtual_time
async def test_guarantee_17_no_tick_after_the_end_of_the_incarnation(end: str) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary, name="a")
        await actor.ask(set_timers)
        await pass_time(1.5)
        assert diary == [("a", "start"), ("a", "tick")]
        if end == "crash":
            actor.send_nowait(Boom())
            await actor.ask("up")
        else:
            getattr(actor, end)()
            await actor.join()
        before = len(diary)
        await pass_time(10)
        assert len(diary) == before
        assert len(system._runtime.timers) == 0


@in_virtual_time
async def test_guarantee_17_a_tick_that_is_queued_at_the_crash_is_not_seen_by_the_next_incarnation() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet, diary, name="a"), Gate()
        await actor.ask(set_timers)

        async def crash(_: Puppet) -> None:
            await gate.hold()
            raise Boom

        actor.send_nowait(crash)
        await pass_time(5)
        assert actor.statistics().depth == 3
        gate.open()
        await actor.ask("up")
    assert [entry[1] for entry in diary] == ["start", "stop", "start", "up", "stop"]


@in_virtual_time
async def test_guarantee_17_an_interval_does_not_pile_up_behind_a_long_message() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet, diary, name="a"), Gate()
        await actor.ask(lambda me: me.context.send_every(1.0, "tick") and None)
        actor.send_nowait(gate.hold)
        await pass_time(1_000.5)
        assert actor.statistics().depth == 1
        gate.open()
        await pass_time(2)
    assert [entry[1] for entry in diary].count("tick") == 3


@in_virtual_time
async def test_guarantee_17_an_interval_does_not_pile_up_behind_a_blocked_loop() -> None:
    times: list[float] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        await actor.ask(lambda me: me.context.send_every(1.0, lambda _: times.append(now())) and None)
        await pass_time(2.25)
        asyncio.get_running_loop().advance(10)  # type: ignore[attr-defined]
        await pass_time(2.5)
    assert times == [1.0, 2.0, 12.25, 13.0, 14.0]


@in_virtual_time
async def test_guarantee_17_ticks_pass_a_full_mailbox_but_only_one_each() -> None:
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet, mailbox=Mailbox(2)), Gate()

        async def fill(me: Puppet) -> None:
            me.context.send_every(1.0, "tick")
            await gate.hold()

        actor.send_nowait(fill)
        await gate.reached()
        for number in range(2):
            actor.send_nowait(number)
        await pass_time(50)
        assert actor.statistics().depth == 3
        gate.open()


@pytest.mark.parametrize("end", ["crash", "stop"])
@in_virtual_time
async def test_guarantee_17_many_pending_timers_go_at_once_and_cost_the_loop_one_timer(end: str) -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)

        def set_many(me: Puppet) -> None:
            for number in range(MANY):
                me.context.send_after(NEVER + number, number)

        await actor.ask(set_many)
        loop: Any = asyncio.get_running_loop()
        assert len(system._runtime.timers) == MANY
        assert len([timer for *_, timer in loop._timers if not timer.cancelled()]) == 1
        steps = loop.steps
        await pass_time(1)
        assert loop.steps - steps < 5
        if end == "crash":
            actor.send_nowait(Boom())
            await actor.ask("up")
        else:
            actor.stop()
            await actor.join()
        assert len(system._runtime.timers) == 0
        assert len(system._runtime.timers._heap) <= 100


@in_virtual_time
async def test_guarantee_17_a_timer_set_while_it_stops_is_refused_or_dies() -> None:
    diary: Diary = []

    class Late(Puppet):
        async def on_stop(self, reason: Any) -> None:
            self.context.send_every(1.0, "never")

    async with ActorSystem() as system:
        actor = await system.spawn(Late, diary, name="a")
        actor.send_nowait(Boom())
        await actor.ask("up")
        await pass_time(5)
        actor.stop()
        await actor.join()
        await pass_time(5)
        assert len(system._runtime.timers) == 0
    assert ("a", "never") not in diary
