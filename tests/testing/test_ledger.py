"""The ledger of fates: every accepted message is handled once, in order, within the capacity, or accounted for."""

import asyncio
import contextlib
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorRef,
    ActorSystem,
    Broadcast,
    ExitReason,
    Mailbox,
    Overflow,
    PriorityMailbox,
)
from actorio._core.envelope import ENDED, Tick
from actorio.testing import explore, simulate
from actorio.testing._oracles.ledger import Ledger
from tests.testing.cells import Story, Thing, broken, cell, mail
from tests.testing.test_combined import Echo


def test_priorities_are_no_breach_of_order() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Echo, mailbox=PriorityMailbox(lambda message: message))
            for number in (3, 1, 2):
                await ref.send(number)

    assert explore(main, seeds=range(50)).runs == 50


def test_one_object_sent_twice_is_two_messages_and_the_newest_is_the_one_dropped() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Echo, mailbox=Mailbox(1, overflow=Overflow.DROP_NEW))
            for _ in range(3):
                ref.send_nowait("the same")

    simulate(main).unwrap()


@pytest.mark.parametrize("overflow", [Overflow.DROP_NEW, Overflow.DROP_OLD])
def test_a_call_that_is_dropped_is_not_taken_for_a_cast_of_the_same_method(overflow: Overflow) -> None:
    class Busy(Actor[Any]):
        async def work(self) -> None:
            await asyncio.sleep(0.001)

    async def one(ref: ActorRef[Busy], number: int) -> None:
        with contextlib.suppress(ActorError):
            await (ref.cast(Busy.work) if number % 2 else ref.call(Busy.work))

    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Busy, mailbox=Mailbox(1, overflow=overflow))
            await asyncio.gather(*(one(ref, number) for number in range(12)))

    assert explore(main, seeds=range(20)).runs == 20


def test_of_two_casts_of_a_method_the_older_is_the_one_dropped() -> None:
    class Busy(Actor[Any]):
        async def work(self) -> None:
            await asyncio.sleep(0.001)

    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Busy, mailbox=Mailbox(2, overflow=Overflow.DROP_OLD))
            for _ in range(5):
                await ref.cast(Busy.work)

    simulate(main).unwrap()


def test_copies_of_a_job_go_above_the_capacity_and_have_a_fate_each() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            mailbox: Mailbox[str] = Mailbox(2, overflow=Overflow.DROP_OLD)
            pool = await system.spawn_pool(Echo, size=2, routing=Broadcast(), mailbox=mailbox)
            for _ in range(3):
                pool.send_nowait("for all")
            pool.routees[0].kill()

    assert explore(main, seeds=range(20)).runs == 20


def one_with(oracle: Any, *items: Any, **fields: Any) -> Any:
    """Open the account of an actor that has accepted these."""
    oracle.spawned(one := cell(**fields))
    for item in items:
        oracle.accepted(one, item)
    return one


def box(**fields: Any) -> Any:
    """Make a mailbox of one place."""
    return Thing(**{"capacity": 1, "waiting": (), "overflow": Overflow.WAIT, "qsize": lambda: 1, **fields})


def accepted_after_the_end(oracle: Any) -> None:
    oracle.accepted(cell(), mail())


def accepted_twice(oracle: Any) -> None:
    one_with(oracle, item := mail(), item)


def begun_after_the_end(oracle: Any) -> None:
    oracle.begun(cell(), mail())


def begun_beside_after_the_end(oracle: Any) -> None:
    oracle.begun_beside(cell(), mail())


def begun_twice(oracle: Any) -> None:
    one = one_with(oracle, item := mail())
    for _ in range(2):
        oracle.begun(one, item)
        oracle.ended(one, item)


def handed_over_by_one_who_has_it_not(oracle: Any) -> None:
    oracle.handed_over(one_with(oracle), one_with(oracle), mail())


def a_dead_letter_that_was_handled(oracle: Any) -> None:
    one = one_with(oracle, item := mail("news"))
    oracle.begun(one, item)
    oracle.ended(one, item)
    oracle.dead_letter(one, item.message, "stopped")


def left_in_the_mailbox(oracle: Any) -> None:
    oracle.ended_for_good(one_with(oracle, mail()), ExitReason.NORMAL)


def left_in_the_line(oracle: Any) -> None:
    oracle.ended_for_good(one_with(oracle, mailbox=box(waiting=((mail(), None),))), ExitReason.NORMAL)


def in_hand_at_a_kill(oracle: Any) -> None:
    oracle.begun(one := one_with(oracle, item := mail()), item)
    oracle.stopped(one, ExitReason.KILLED)


def beside_the_turns_at_a_kill(oracle: Any) -> None:
    oracle.begun_beside(one := one_with(oracle), mail())
    oracle.stopped(one, ExitReason.KILLED)


def a_later_one_first(oracle: Any) -> None:
    oracle.begun(one_with(oracle, mail(1), second := mail(2)), second)


def a_later_one_let_in_first(oracle: Any) -> None:
    first, second = mail(1), mail(2)
    one = one_with(oracle, mailbox=box(waiting=((first, None),)))
    oracle.queued(one, first)
    oracle.queued(one, second)
    oracle.accepted(one, second)


def the_line_is_passed(oracle: Any) -> None:
    one_with(oracle, mail(), mailbox=box(waiting=((mail(), None),)))


def two_at_once(oracle: Any) -> None:
    one = one_with(oracle, first := mail(1), second := mail(2))
    oracle.begun(one, first)
    oracle.begun(one, second)


def above_the_capacity(oracle: Any) -> None:
    one_with(oracle, mail(), mailbox=box(qsize=lambda: 2))


def above_the_capacity_in_nobodys_place(oracle: Any) -> None:
    one_with(oracle, mail(), mailbox=box(qsize=lambda: 2, overflow=Overflow.DROP_OLD))


@pytest.mark.parametrize(
    ("story", "number"),
    [
        (accepted_after_the_end, 1),
        (accepted_twice, 1),
        (begun_after_the_end, 1),
        (begun_beside_after_the_end, 1),
        (begun_twice, 1),
        (handed_over_by_one_who_has_it_not, 1),
        (a_dead_letter_that_was_handled, 1),
        (left_in_the_mailbox, 1),
        (left_in_the_line, 1),
        (in_hand_at_a_kill, 1),
        (beside_the_turns_at_a_kill, 1),
        (a_later_one_first, 2),
        (a_later_one_let_in_first, 2),
        (the_line_is_passed, 2),
        (two_at_once, 3),
        (above_the_capacity, 15),
        (above_the_capacity_in_nobodys_place, 15),
    ],
)
def test_a_message_without_its_one_fate_in_its_place_is_seen(story: Story, number: int) -> None:
    assert broken(Ledger, story) == [number]


def handled_in_order(oracle: Any) -> None:
    one = one_with(oracle, first := mail(1), gone := mail(2, ENDED), last := mail(3))
    for item in (first, gone, last):
        oracle.begun(one, item)
        oracle.ended(one, item)
    oracle.ended_for_good(one, ExitReason.NORMAL)


def let_in_from_the_line(oracle: Any) -> None:
    first, left, last = mail(1), mail(2), mail(3)
    one = one_with(oracle, mailbox=box())
    for item in (first, left, last):
        oracle.queued(one, item)
    for item in (first, last):  # the one between them was cancelled, and has left the line
        oracle.accepted(one, item)


def mail_to_itself_and_ticks_above_the_capacity(oracle: Any) -> None:
    one = one_with(oracle, Tick("tick", None, None), mailbox=box(qsize=lambda: 9))
    one.run_queue.current = one
    oracle.accepted(one, mail())


def in_the_place_of_an_older_one_above_the_capacity(oracle: Any) -> None:
    full = box(qsize=lambda: 3, overflow=Overflow.DROP_OLD)
    one = one_with(oracle, Tick("tick", None, None), mailbox=full)
    oracle.accepted(one, mail())


def given_back_put_back_and_handed_over(oracle: Any) -> None:
    one = one_with(oracle, first := mail(1), second := mail(2))
    other = one_with(oracle)
    oracle.begun(one, first)
    oracle.ended(one, first)
    oracle.put_back(one, [first])
    oracle.begun(one, first)
    oracle.ended(one, first)
    oracle.handed_over(one, other, second)
    oracle.dead_letter(other, second.message, "stopped")
    for gone in (one, other):
        oracle.ended_for_good(gone, ExitReason.NORMAL)


def a_crash_that_was_told(oracle: Any) -> None:
    oracle.begun(one := one_with(oracle, item := mail()), item)
    oracle.failed(one, item.message, ValueError())
    oracle.stopped(one, ExitReason.CRASHED)


def a_kill_that_was_told(oracle: Any) -> None:
    oracle.begun(one := one_with(oracle, item := mail()), item)
    oracle.begun_beside(one, beside := mail("beside"))
    oracle.dead_letter(one, item.message, "interrupted")
    oracle.dead_letter(one, beside.message, "interrupted")
    oracle.ended_beside(one, beside)
    oracle.stopped(one, ExitReason.KILLED)


@pytest.mark.parametrize(
    "story",
    [
        handled_in_order,
        let_in_from_the_line,
        mail_to_itself_and_ticks_above_the_capacity,
        in_the_place_of_an_older_one_above_the_capacity,
        given_back_put_back_and_handed_over,
        a_crash_that_was_told,
        a_kill_that_was_told,
    ],
)
def test_a_message_with_its_one_fate_is_not_blamed(story: Story) -> None:
    assert broken(Ledger, story) == []
