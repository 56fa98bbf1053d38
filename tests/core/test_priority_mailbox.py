"""Guarantee 33: a mailbox with lanes."""

import random
from typing import Any

import pytest

from actorio import ActorFailed, ActorSystem, DeadLetter, Mailbox, Overflow, PriorityMailbox
from actorio._core.priority_mailbox import _Lanes
from actorio.testing import explore, until
from tests.guarantees.actors import Held, Recorder, Valve, in_turn, soon, started
from tests.stage import ticks

LANE = {"urgent": 0, "usual": 1, "idle": 2}


def lane_of(message: tuple[str, int]) -> int:
    return LANE[message[0]]


async def mixed(capacity: int | None) -> tuple[list[Any], list[Any]]:
    """Send 60 messages of three lanes to a held actor, and return them as sent and as handled."""
    chance = random.Random(1)
    sent = [(chance.choice(list(LANE)), number) for number in range(60)]
    async with ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=PriorityMailbox(lane_of, capacity))
        await ref.send(("usual", -1))
        await valve.entered.wait()
        sending = await in_turn(*(_send(ref, message) for message in sent))
        valve.open.set()
        for task in sending:
            await task
    return sent, valve.finished[1:]


async def _send(ref: Any, message: Any) -> None:
    await ref.send(message)


async def test_guarantee_33_the_lowest_number_is_next_and_within_it_first_in_first_out() -> None:
    async with soon():
        sent, handled = await mixed(None)
    assert handled == sorted(sent, key=lambda message: (lane_of(message), message[1]))


@pytest.mark.parametrize("capacity", [1, 4])
async def test_guarantee_33_senders_that_wait_keep_the_order_of_their_lane(capacity: int) -> None:
    async with soon():
        sent, handled = await mixed(capacity)
    for lane in LANE:
        assert [number for name, number in handled if name == lane] == [
            number for name, number in sent if name == lane
        ]


async def test_guarantee_33_asks_have_the_lane_of_their_message_and_calls_the_number_0() -> None:
    log: list[Any] = []

    class Keeper(Recorder):
        async def call_me(self) -> None:
            self.seen.append("called")

    async with soon(), ActorSystem() as system:
        valve = Valve()
        hold = await system.spawn(Held, valve)
        ref = await system.spawn(Keeper, log, mailbox=PriorityMailbox(lane_of))
        busy = ref.submit(lambda: hold.ask("hold"))
        await valve.entered.wait()
        asked = started(ref.ask(("urgent", 1)))
        await ref.send(("idle", 2))
        await ticks(2)
        ref.cast(Keeper.call_me)
        await ref.send(("usual", 3))
        valve.open.set()
        await busy
        await asked
    assert log == [("urgent", 1), "called", ("usual", 3), ("idle", 2)]


def test_guarantee_33_holds_in_simulation() -> None:
    async def main() -> None:
        _, handled = await mixed(5)
        assert len(set(handled)) == 60
        for lane in LANE:
            numbers = [number for name, number in handled if name == lane]
            assert len(numbers) == len(set(numbers))

    assert explore(main, seeds=range(30)).runs == 30


class Alarmed(Recorder):
    """Asks for a tick that its mailbox has no number for."""

    async def receive(self, message: Any) -> Any:
        if message == ("urgent", "set"):
            self.context.send_every(0.001, ("unknown", 0))
        return await super().receive(message)


async def test_guarantee_33_a_tick_without_a_number_is_a_failure_of_its_actor() -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        ref = await system.spawn(Alarmed, seen, mailbox=PriorityMailbox(lane_of))
        await ref.send(("urgent", "set"))
        failure = await anext(failures)
        assert failure.ref == ref
        assert isinstance(failure.error, KeyError)
        await until(lambda: ref.statistics().restarts)
        assert await ref.ask(("idle", 1)) == ("idle", 1)
        assert ref.statistics().restarts == 1  # the timer has gone with its incarnation


@pytest.mark.parametrize("number", [1.0, "1", None, [1]])
async def test_guarantee_33_a_number_that_is_none_is_refused_and_spoils_nothing(number: Any) -> None:
    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen, mailbox=PriorityMailbox(lambda message: message))
        with pytest.raises(TypeError, match="priority must give an int"):
            await ref.send(number)
        await ref.ask(1)
        await ref.ask(0)
    assert seen == [1, 0]


def test_a_priority_is_a_function() -> None:
    with pytest.raises(TypeError, match="plain function"):
        PriorityMailbox(3)  # type: ignore[arg-type]
    assert isinstance(PriorityMailbox(lane_of), Mailbox)


async def test_guarantee_33_a_mailbox_of_many_priorities_keeps_the_order_and_nothing_else() -> None:
    """As with a deadline for a priority, of which each is new: what is empty is kept no longer."""
    chance = random.Random(1)
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve, mailbox=PriorityMailbox(lambda deadline: deadline // 2, None))
        await ref.send(-2)
        await valve.entered.wait()
        sent = [chance.randrange(10_000) for _ in range(2_000)]
        for deadline in sent:
            await ref.send(deadline)
        valve.open.set()
        await until(lambda: len(valve.finished) == len(sent) + 1)
        assert valve.finished[1:] == sorted(sent, key=lambda deadline: deadline // 2)
        store = ref._mailbox.items
        assert isinstance(store, _Lanes)
        assert (store._lanes, store._numbers, len(store)) == ({}, [], 0)


async def test_guarantee_33_nothing_is_given_up_for_a_message_that_is_refused() -> None:
    """Full, it drops the oldest for a newer one, which is to go in then."""
    valve = Valve()
    mailbox: PriorityMailbox[Any] = PriorityMailbox(lambda message: -message, 2, overflow=Overflow.DROP_OLD)
    async with soon(), ActorSystem() as system, system.events.subscribe(DeadLetter) as letters:
        ref = await system.spawn(Held, valve, mailbox=mailbox)
        await ref.send(0)
        await valve.entered.wait()
        for message in (1, 2):
            await ref.send(message)
        for wrong in ("no number", None):
            with pytest.raises(TypeError):
                await ref.send(wrong)
            with pytest.raises(TypeError):
                ref.send_nowait(wrong)
        await ref.send(3)
        assert (await anext(letters)).message == 2
        valve.open.set()
    assert valve.finished == [0, 3, 1]
