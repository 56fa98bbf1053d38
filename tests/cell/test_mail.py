"""The fate of an actor's mail: taken in, refused, dropped, or handed back at the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    ExitReason,
    Mailbox,
    MailboxFullError,
    Overflow,
)
from actorio._core.envelope import ANSWERED, Parcel, Tick
from tests.guarantees.actors import Held, Valve, outcome, soon
from tests.stage import ticks


async def letters_of(stream: Any) -> list[tuple[Any, str]]:
    """Return what the dead letters were, and why."""
    return [(letter.message, letter.reason) async for letter in stream]


async def test_what_cannot_be_stored_now_is_left_to_its_sender_and_what_comes_after_the_end_is_refused() -> (
    None
):
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve := Valve(), mailbox=Mailbox(1))
        cell: Any = ref._cell
        await ref.send("in hand")
        await valve.entered.wait()
        assert cell.put("in line")
        assert not cell.put("no room")
        ref.close()
        with pytest.raises(ActorStoppedError) as refused:
            cell.put("late")
        assert refused.value.undelivered == "late"
        valve.open.set()
    assert valve.finished == ["in hand", "in line"]


async def test_mail_to_itself_goes_in_above_the_capacity() -> None:
    class Eager(Actor[Any]):
        async def receive(self, message: Any) -> None:
            seen.append(message)
            if message == "begin":
                for number in range(3):
                    self.context.ref.send_nowait(number)

    seen: list[Any] = []
    async with soon(), ActorSystem() as system:
        await (await system.spawn(Eager, mailbox=Mailbox(1))).send("begin")
    assert seen == ["begin", 0, 1, 2]


async def test_a_tick_goes_in_above_the_capacity_until_the_mailbox_is_closed() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve := Valve(), mailbox=Mailbox(1))
        cell: Any = ref._cell
        await ref.send("in hand")
        await valve.entered.wait()
        await ref.send("in line")
        assert cell.post_tick(Tick("tick", None, None))
        ref.close()
        assert not cell.post_tick(Tick("late", None, None))
        valve.open.set()
    assert valve.finished == ["in hand", "in line", "tick"]


@pytest.mark.parametrize(("overflow", "kept"), [(Overflow.DROP_NEW, 1), (Overflow.DROP_OLD, 2)])
async def test_what_is_dropped_is_a_dead_letter_or_an_error_of_its_asker(
    overflow: Overflow, kept: int
) -> None:
    system = ActorSystem()
    async with soon(), system.events.subscribe(DeadLetter) as stream:
        async with system:
            ref = await system.spawn(Held, valve := Valve(), mailbox=Mailbox(1, overflow=overflow))
            await ref.send(0)
            await valve.entered.wait()
            await ref.send(1)
            await ref.send(2)
            asked = [asyncio.ensure_future(outcome(ref.ask(number))) for number in (3, 4)]
            await ticks()
            valve.open.set()
            told = [await question for question in asked]
        dropped = await letters_of(stream)
    if overflow is Overflow.DROP_NEW:
        assert dropped == [(2, "dropped")]
        assert [type(one) for one in told] == [MailboxFullError] * 2
        assert valve.finished == [0, 1]
    else:
        assert dropped == [(1, "dropped"), (2, "dropped")]
        assert type(told[0]) is MailboxFullError
        assert told[1] == 4
        assert valve.finished == [0, 4]


async def test_what_has_its_fate_is_no_dead_letter_when_there_is_no_room() -> None:
    system = ActorSystem()
    async with soon(), system.events.subscribe(DeadLetter) as stream:
        async with system:
            cell: Any = (await system.spawn(Actor))._cell
            over, open_ = Parcel("over", None), Parcel("open", None)
            over.state = ANSWERED
            cell.drop(over)
            cell.drop(open_)
        assert await letters_of(stream) == [("open", "dropped")]


async def test_what_is_left_at_the_end_is_handed_back_by_its_kind() -> None:
    class Left(Held):
        async def on_undelivered(self, messages: Any, reason: ExitReason) -> None:
            handed.append((list(messages), reason))

        async def act(self) -> None: ...

    handed: list[Any] = []
    system = ActorSystem()
    async with soon(), system.events.subscribe(DeadLetter) as stream:
        async with system:
            ref = await system.spawn(Left, valve := Valve())
            await ref.send("in hand")
            await valve.entered.wait()
            await ref.send("plain")
            await ref.cast(Left.act)
            asked = asyncio.ensure_future(outcome(ref.ask("question")))
            await ticks()
            cell: Any = ref._cell
            cancelled = Tick("cancelled", None, None)
            cell.post_tick(cancelled)
            cancelled.state = ANSWERED
            ref.stop()
            valve.open.set()
            refused = await asked
        assert handed == [(["plain"], ExitReason.SHUTDOWN)]
        assert type(refused) is ActorStoppedError
        assert refused.undelivered == "question"
        assert await letters_of(stream) == [("plain", "stopped"), (Left.act, "stopped")]


async def test_who_waits_for_room_is_refused_at_the_end_with_the_message() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve := Valve(), mailbox=Mailbox(1))
        await ref.send("in hand")
        await valve.entered.wait()
        await ref.send("in line")
        waiting = asyncio.ensure_future(outcome(ref.send("waits")))
        await ticks()
        ref.close()
        refused = await waiting
        assert type(refused) is ActorStoppedError
        assert refused.undelivered == "waits"
        valve.open.set()
