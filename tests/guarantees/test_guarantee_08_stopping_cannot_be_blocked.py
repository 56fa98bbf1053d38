"""Guarantee 8: stop, kill and notices pass the mailbox; after a stop is seen not one more message runs."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorStoppedError, ActorSystem, DeadLetter, ExitReason, Mailbox
from tests.stage import Gate, Puppet, spawn_children, ticks

BACKLOG = 2_000
UNBOUNDED: Mailbox[Any] = Mailbox(None)


async def test_guarantee_08_a_stop_passes_a_full_mailbox() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet, diary, name="a", mailbox=UNBOUNDED), Gate()
        await actor.send(gate.hold)
        for number in range(BACKLOG):
            actor.send_nowait(number)
        await gate.reached()
        actor.stop()
        gate.open()
        ended = await actor.join()
    assert ended.reason is ExitReason.SHUTDOWN
    assert diary == [("a", "start"), ("a", "stop", ExitReason.SHUTDOWN)]


async def test_guarantee_08_a_stop_from_the_handler_itself_is_seen_before_the_next_message() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary, name="a")
        actor.send_nowait(lambda me: me.context.ref.stop())
        actor.send_nowait("never")
        await actor.join()
    assert ("a", "never") not in diary


@pytest.mark.parametrize("at", range(0, 140, 7))
async def test_guarantee_08_no_message_runs_after_a_stop_in_the_middle_of_a_turn(at: int) -> None:
    """Others run within the turn's budget of messages; wherever the stop comes, the next one does not run."""
    handled: list[int] = []

    class Counter(Actor[int]):
        def receive(self, message: int) -> None:
            handled.append(message)
            if message == at:
                self.context.ref.stop()

    async with ActorSystem() as system:
        actor = await system.spawn(Counter, mailbox=UNBOUNDED)
        for number in range(150):
            actor.send_nowait(number)
        await actor.join()
    assert handled == list(range(at + 1))


async def test_guarantee_08_a_stop_ends_an_own_loop_with_mail_waiting() -> None:
    taken: list[int] = []

    class Own(Actor[int]):
        async def run(self) -> None:
            while True:
                taken.append(await self.recv())
                if len(taken) == 3:
                    self.context.ref.stop()

    async with ActorSystem() as system:
        actor = await system.spawn(Own)
        for number in range(10):
            actor.send_nowait(number)
        assert (await actor.join()).reason is ExitReason.SHUTDOWN
    assert taken == [0, 1, 2]


async def test_guarantee_08_a_kill_interrupts_a_handler_with_mail_behind_it() -> None:
    async with ActorSystem() as system, system.events.subscribe(DeadLetter) as letters:
        actor, gate = await system.spawn(Puppet, mailbox=UNBOUNDED), Gate()
        hold = gate.hold
        actor.send_nowait(hold)
        for number in range(BACKLOG):
            actor.send_nowait(number)
        await gate.reached()
        actor.kill()
        assert (await actor.join()).reason is ExitReason.KILLED
        fates = [await anext(letters) for _ in range(BACKLOG + 1)]
    assert (fates[0].message, fates[0].reason) == (hold, "interrupted")
    assert [letter.message for letter in fates[1:]] == list(range(BACKLOG))
    assert {letter.reason for letter in fates[1:]} == {"stopped"}


async def test_guarantee_08_a_notice_passes_the_mailbox() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet)
        watcher, gate = await system.spawn(Puppet, diary, name="w"), Gate()
        await watcher.ask(lambda me: me.context.watch(watched))
        watcher.send_nowait(gate.hold)
        watcher.send_nowait("behind")
        await gate.reached()
        watched.stop()
        await watched.join()
        gate.open()
    assert diary[1:3] == [("w", "told", watched.name, ExitReason.SHUTDOWN), ("w", "behind")]


async def test_guarantee_08_a_failing_child_passes_its_parents_mailbox() -> None:
    """The parent is told between two messages, though its mailbox is never empty."""
    diary: list[Any] = []
    async with ActorSystem() as system:
        parent, gate = await system.spawn(Puppet, diary, name="p", mailbox=UNBOUNDED), Gate()
        (child,) = await spawn_children(parent, "c")
        await parent.ask(lambda me: me.context.link(child))
        parent.send_nowait(gate.hold)
        for number in range(BACKLOG):
            parent.send_nowait(number)
        await gate.reached()
        child.kill()
        await child.join()
        gate.open()
        await ticks()
        assert parent.statistics().restarts == 1
    assert diary[:3] == [("p", "start"), ("p", "stop", ExitReason.CRASHED), ("p", "start")]


async def test_guarantee_08_a_stop_reaches_an_actor_that_waits_for_room_elsewhere() -> None:
    """Stop ends it after its current message; a kill ends the wait itself."""
    async with ActorSystem() as system:
        full, gate = await system.spawn(Puppet, mailbox=Mailbox(1)), Gate()
        await full.send(gate.hold)
        await gate.reached()
        await full.send("fills it")
        sender = await system.spawn(Puppet)
        sender.send_nowait(lambda me: full.send("waits"))
        await ticks()
        sender.kill()
        assert (await sender.join()).reason is ExitReason.KILLED
        gate.open()
        assert (await full.ask("last")) == "last"
    assert full.statistics().handled == 3


async def test_guarantee_08_what_is_refused_after_a_stop_never_runs() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet, diary, name="a"), Gate()
        await actor.send(gate.hold)
        await gate.reached()
        actor.stop()
        with pytest.raises(ActorStoppedError) as refused:
            await actor.send("late")
        assert refused.value.undelivered == "late"
        with pytest.raises(ActorStoppedError):
            await actor.ask("late")
        with pytest.raises(ActorStoppedError):
            actor.send_nowait("late")
        gate.open()
        await actor.join()
    assert ("a", "late") not in diary


async def test_guarantee_08_a_sender_in_line_for_room_is_refused_at_the_stop() -> None:
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet, mailbox=Mailbox(1)), Gate()
        await actor.send(gate.hold)
        await gate.reached()
        await actor.send("fills it")
        waiting = actor.send("waits")
        actor.stop()
        with pytest.raises(ActorStoppedError) as refused:
            await waiting
        assert refused.value.undelivered == "waits"
        gate.open()
        await actor.join()


async def test_guarantee_08_close_stop_kill_are_idempotent_and_the_mightier_wins() -> None:
    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet), Gate()
        await actor.send(gate.hold)
        await gate.reached()
        for end in (actor.close, actor.stop, actor.kill):
            end()
            end()
        actor.close()
        actor.stop()
        assert (await actor.join()).reason is ExitReason.KILLED
        for end in (actor.close, actor.stop, actor.kill):
            end()
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]
