"""Timers of an actor, in virtual time: exact, keyed, cancelled for good. Guarantee 17 has their end."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, Timer
from actorio._core.deadlines import Deadlines
from actorio.testing import VirtualTimeLoop, run_in_virtual_time
from tests.stage import Boom, Diary, Gate, Puppet, in_virtual_time, now, ticks

BAD = [-1, float("nan"), float("inf"), True, "1", None, 10**400, -0.001]


class Clock(Puppet):
    """Writes down when each message came."""

    async def receive(self, message: Any) -> Any:
        if callable(message):
            return await super().receive(message)
        self.diary.append((message, now()))
        return message


async def pass_time(seconds: float) -> None:
    await asyncio.sleep(seconds)


def ticks_of(diary: Diary) -> Diary:
    return [entry for entry in diary if isinstance(entry[1], float)]


@in_virtual_time
async def test_once_and_every_come_exactly_when_due() -> None:
    diary: Diary = []

    def set_timers(me: Clock) -> None:
        me.context.send_after(1.5, "once")
        me.context.send_every(1.0, "tick")

    async with ActorSystem() as system:
        actor = await system.spawn(Clock, diary)
        await actor.ask(set_timers)
        await pass_time(3.5)
    assert ticks_of(diary) == [("tick", 1.0), ("once", 1.5), ("tick", 2.0), ("tick", 3.0)]


@in_virtual_time
async def test_an_interval_keeps_to_its_grid_however_long_the_handler_takes() -> None:
    begun: list[float] = []

    class Slow(Actor[str]):
        async def on_start(self) -> None:
            self.context.send_every(1.0, "tick")

        async def receive(self, message: str) -> None:
            begun.append(now())
            await pass_time(0.4 if len(begun) != 2 else 2.7)

    async with ActorSystem() as system:
        await system.spawn(Slow)
        await pass_time(7.1)
    assert begun == [1.0, 2.0, 4.7, 5.1, 6.0, 7.0]


@in_virtual_time
async def test_a_long_run_does_not_drift() -> None:
    times: list[float] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        await actor.ask(lambda me: me.context.send_every(0.1, lambda _: times.append(now())) and None)
        await pass_time(1_000.05)
    assert len(times) == 10_000
    assert times[-1] == pytest.approx(1_000, abs=1e-6)


@pytest.mark.parametrize("queued", [False, True], ids=["pending", "queued"])
@in_virtual_time
async def test_a_timer_of_the_same_key_replaces(queued: bool) -> None:
    """Also when the tick of the earlier one lies in the mailbox already."""
    diary: Diary = []
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Clock, diary), Gate()

        async def first(me: Clock) -> None:
            me.context.send_after(1.0, "old", key="k")
            if queued:
                await gate.hold()
            me.context.send_after(1.0, "new", key="k")

        actor.send_nowait(first)
        await pass_time(2.5)
        gate.open()
        await pass_time(2)
    assert [message for message, _ in ticks_of(diary)] == ["new"]


@pytest.mark.parametrize("kind", ["once", "every"])
@pytest.mark.parametrize("queued", [False, True], ids=["pending", "queued"])
@in_virtual_time
async def test_a_cancelled_timer_is_never_seen(kind: str, queued: bool) -> None:
    diary: Diary = []
    answers: list[bool] = []
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Clock, diary), Gate()

        async def set_and_cancel(me: Clock) -> None:
            send = me.context.send_after if kind == "once" else me.context.send_every
            timer = send(1.0, "never")
            if queued:
                await gate.hold()
            answers.extend([timer.cancel(), timer.cancel()])

        actor.send_nowait(set_and_cancel)
        await pass_time(1.5)
        gate.open()
        await pass_time(5)
        assert not actor._cell.owned
    assert ticks_of(diary) == []
    assert answers == [True, False]


@in_virtual_time
async def test_cancel_from_its_own_handler_ends_a_train() -> None:
    seen: list[float] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        timers: list[Timer] = []

        def tick(_: Puppet) -> None:
            seen.append(now())
            if len(seen) == 3:
                timers[0].cancel()

        await actor.ask(lambda me: timers.append(me.context.send_every(1.0, tick)))
        await pass_time(10)
    assert seen == [1.0, 2.0, 3.0]


@in_virtual_time
async def test_a_handler_changes_its_own_interval_by_the_key() -> None:
    diary: Diary = []

    class Slower(Clock):
        async def receive(self, message: Any) -> Any:
            await super().receive(message)
            if message == "fast" and len(ticks_of(self.diary)) == 3:
                self.context.send_every(2.0, "slow", key="k")

    async with ActorSystem() as system:
        actor = await system.spawn(Slower, diary)
        await actor.ask(lambda me: me.context.send_every(0.5, "fast", key="k") and None)
        await pass_time(6)
    assert ticks_of(diary) == [("fast", 0.5), ("fast", 1.0), ("fast", 1.5), ("slow", 3.5), ("slow", 5.5)]


@in_virtual_time
async def test_what_is_left_of_a_timer_can_be_read() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        made: list[Timer] = []
        await actor.ask(lambda me: made.append(me.context.send_after(5.0, "x")))
        (timer,) = made
        await pass_time(2)
        assert timer.remaining == 3.0
        await pass_time(3)
        await actor.ask("handled")
        assert timer.remaining is None
        assert not timer.cancel()


@in_virtual_time
async def test_no_delay_comes_after_what_is_queued() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary)

        def set_timer(me: Puppet) -> None:
            me.context.send_after(0, "timer")

        actor.send_nowait(set_timer)
        for message in ("one", "two"):
            actor.send_nowait(message)
        await pass_time(1)
    assert [entry[1] for entry in diary[1:4]] == ["one", "two", "timer"]


@in_virtual_time
async def test_equal_deadlines_come_in_the_order_they_were_set() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary)

        def set_many(me: Puppet) -> None:
            for number in range(100):
                me.context.send_after(1.0, number)

        await actor.ask(set_many)
        await pass_time(2)
    assert [entry[1] for entry in diary[1:101]] == list(range(100))


@pytest.mark.parametrize("bad", BAD, ids=repr)
async def test_a_bad_duration_is_refused_at_the_call(bad: Any) -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        for method in ("send_after", "send_every"):
            with pytest.raises((TypeError, ValueError)):
                await actor.ask(lambda me, method=method: getattr(me.context, method)(bad, "x"))
        assert not actor._cell.owned
        assert len(system._runtime.timers) == 0


async def test_an_interval_of_nothing_is_refused() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        with pytest.raises(ValueError, match="more than 0"):
            await actor.ask(lambda me: me.context.send_every(0, "x"))


async def test_a_key_that_cannot_be_one_is_refused_and_leaves_nothing() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        with pytest.raises(TypeError):
            await actor.ask(lambda me: me.context.send_after(1, "x", key=[]))
        assert len(system._runtime.timers) == 0


@in_virtual_time
async def test_a_tick_that_fails_the_actor_is_not_sent_again() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        await actor.ask(lambda me: me.context.send_every(1.0, Boom("tick")) and None)
        await pass_time(5)
        assert actor.statistics().restarts == 1


@in_virtual_time
async def test_an_own_loop_receives_ticks() -> None:
    taken: list[tuple[str, float]] = []

    class Own(Actor[str]):
        async def run(self) -> None:
            self.context.send_every(1.0, "tick")
            while True:
                taken.append((await self.recv(), now()))

    async with ActorSystem() as system:
        await system.spawn(Own)
        await pass_time(2.5)
    assert taken == [("tick", 1.0), ("tick", 2.0)]


# -- the queue behind it ---------------------------------------------------------------------------


@in_virtual_time
async def test_alarms_ring_in_order_of_deadline_and_then_of_setting() -> None:
    queue, rung = Deadlines(asyncio.get_running_loop()), list[int]()
    for number, delay in enumerate((3, 1, 2, 1, 0)):
        queue.after(delay, lambda number=number: rung.append(number))  # type: ignore[misc]
    await pass_time(5)
    assert rung == [4, 1, 3, 2, 0]
    assert len(queue) == 0


@in_virtual_time
async def test_an_alarm_may_set_and_cancel_others_as_it_rings() -> None:
    queue, rung = Deadlines(asyncio.get_running_loop()), list[str]()
    doomed = queue.after(2, lambda: rung.append("doomed"))

    def ring() -> None:
        rung.append("first")
        doomed.cancel()
        queue.after(0, lambda: rung.append("at once"))
        queue.after(1, lambda: rung.append("later"))

    queue.after(1, ring)
    await pass_time(5)
    assert rung == ["first", "at once", "later"]
    assert not doomed.cancel()


@in_virtual_time
async def test_cancelled_alarms_do_not_pile_up() -> None:
    queue = Deadlines(asyncio.get_running_loop())
    kept = queue.after(100, ticks)
    for _ in range(5_000):
        queue.after(50, ticks).cancel()
        assert len(queue._heap) <= 202
    assert len(queue) == 1
    assert kept.pending
    queue.close()
    assert len(queue) == 0


@in_virtual_time
async def test_deadlines_between_two_nanoseconds_are_met() -> None:
    queue, rung = Deadlines(asyncio.get_running_loop()), list[float]()
    for delay in (0.1234567891234, 1e-10, 3e7 + 0.1234567891):
        queue.after(delay, lambda: rung.append(now()))
    await pass_time(4e7)
    assert len(rung) == 3


async def test_an_alarm_that_raises_does_not_keep_the_others_from_ringing() -> None:
    loop = asyncio.get_running_loop()
    seen: list[object] = []
    rang = asyncio.Event()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: seen.append(context["exception"]))
    try:
        async with ActorSystem() as system:
            timers = system._runtime.timers
            timers.after(0, lambda: 1 / 0)
            timers.after(0, rang.set)
            await rang.wait()
    finally:
        loop.set_exception_handler(before)
    assert [type(error) for error in seen] == [ZeroDivisionError]


def test_ticks_that_a_blocked_loop_has_missed_are_left_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rings: list[float] = []
    again = Timer._again

    def count(timer: Timer, interval: float) -> None:
        rings.append(interval)
        again(timer, interval)

    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Clock, [])
            await ref.ask(lambda me: me.context.send_every(1.0, "tick"))
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.advance(1_000.5)
            await asyncio.sleep(2.0)

    monkeypatch.setattr(Timer, "_again", count)
    run_in_virtual_time(main)
    assert len(rings) <= 4
