"""Guarantee 9: a restart keeps ref, name, mailbox, order and watches by others; it loses the rest."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorFailed,
    ActorStoppedError,
    ActorSystem,
    AskTimeoutError,
    Backoff,
    ExitReason,
    Restart,
    Supervision,
)
from tests.stage import NEVER, Boom, Gate, Puppet, in_virtual_time, now, spawn_children, ticks, until


async def test_guarantee_09_the_mailbox_is_handled_in_order_and_the_failing_message_not_again() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary, name="a")
        for message in (1, Boom("two"), 3, 4):
            actor.send_nowait(message)
    stop = ("a", "stop", ExitReason.CRASHED)
    assert diary[:6] == [("a", "start"), ("a", 1), stop, ("a", "start"), ("a", 3), ("a", 4)]
    assert actor.statistics().restarts == 1


async def test_guarantee_09_ref_name_path_and_aliases_stay() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, name="a")
        system.register("alias", actor)
        system.groups.join("group", actor)
        await actor.send(Boom())
        assert await actor.ask(lambda me: me.context.incarnation) == 1
        assert await actor.ask(lambda me: me.context.ref) is actor
        assert system.lookup("a") is system.lookup("alias") is system.lookup("/a") is actor
        assert system.groups.members("group") == (actor,)
        assert actor.is_alive


async def test_guarantee_09_a_name_never_points_nowhere_while_its_actor_restarts() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, name="a")
        await actor.send(Boom())
        while actor.statistics().restarts == 0:
            assert system.lookup("a") is actor
            await asyncio.sleep(0)
        assert system.lookup("a") is actor


async def test_guarantee_09_watches_by_others_stay_and_tell_of_the_final_end_only() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet, name="w")
        watcher = await system.spawn(Puppet, diary, name="a")
        await watcher.ask(lambda me: me.context.watch(watched))
        for _ in range(3):
            await watched.send(Boom())
        await watched.ask("alive")
        await watcher.ask("seen nothing")
        watched.stop()
        await watched.join()
        await watcher.ask("seen")
    assert diary[1:4] == [("a", "seen nothing"), ("a", "told", "w", ExitReason.SHUTDOWN), ("a", "seen")]


async def test_guarantee_09_it_loses_its_own_watches() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        watched = await system.spawn(Puppet)
        watcher = await system.spawn(Puppet, diary)
        await watcher.ask(lambda me: me.context.watch(watched))
        await watcher.send(Boom())
        await watcher.ask("again")
        watched.stop()
        await watched.join()
        await watcher.ask("last")
    assert not [entry for entry in diary if "told" in entry]


async def test_guarantee_09_the_new_instance_is_built_from_factory_and_arguments() -> None:
    made: list[tuple[int, str]] = []

    class Made(Actor[BaseException]):
        def __init__(self, number: int, word: str) -> None:
            made.append((number, word))

        async def receive(self, message: BaseException) -> None:
            raise message

    async with ActorSystem() as system:
        actor = await system.spawn(Made, 1, "one")
        await actor.send(Boom())
        await until(lambda: actor.statistics().restarts)
    assert made == [(1, "one")] * 2


async def test_guarantee_09_timers_and_background_tasks_are_lost() -> None:
    ended: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(NEVER)
        finally:
            ended.append("background")

    def set_up(me: Puppet) -> None:
        me.context.send_every(0.04, "tick", key="key")
        me.context.send_after(0.04, "once")
        me.context.start_soon(background)

    diary: list[Any] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary, name="a")
        await actor.ask(set_up)
        await ticks(2)
        await actor.send(Boom())
        await actor.ask("again")
        assert ended == ["background"]
        count = diary.count(("a", "tick"))
        await asyncio.sleep(0.05)
        assert diary.count(("a", "tick")) == count
        assert ("a", "once") not in diary


async def test_guarantee_09_the_context_of_an_ended_incarnation_is_refused() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        old = await actor.ask(lambda me: me.context)
        await actor.send(Boom())
        new = await actor.ask(lambda me: me.context)
        assert new is not old
        for use in (lambda: old.ref, lambda: old.send_after(1, "x"), lambda: old.watch(actor), old.stop):
            with pytest.raises(ActorError, match="incarnation that has ended"):
                use()


async def test_guarantee_09_children_are_gone_before_the_new_instance_starts() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, diary, name="p")
        await spawn_children(parent, "x", "y", diary=diary)
        await parent.send(Boom())
        assert await parent.ask(lambda me: me.context.children) == ()
        await spawn_children(parent, "x", diary=diary)
    stopped = [("y", "stop", ExitReason.SHUTDOWN), ("x", "stop", ExitReason.SHUTDOWN)]
    assert diary[3:7] == [*stopped, ("p", "stop", ExitReason.CRASHED), ("p", "start")]


async def test_guarantee_09_an_own_loop_that_fails_goes_on_with_the_next_message() -> None:
    taken: list[Any] = []

    class Own(Actor[Any]):
        async def run(self) -> None:
            while True:
                message = await self.recv()
                if isinstance(message, BaseException):
                    raise message
                taken.append(message)

    async with ActorSystem() as system:
        actor = await system.spawn(Own)
        for message in (1, Boom(), 2):
            actor.send_nowait(message)
    assert taken == [1, 2]


async def test_guarantee_09_a_permanent_actor_that_ends_normally_keeps_its_mail() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, diary, name="a", restart=Restart.PERMANENT)
        actor.send_nowait(lambda me: me.context.stop())
        actor.send_nowait("kept")
        assert await actor.ask(lambda me: me.context.incarnation) == 1
    assert diary[:4] == [("a", "start"), ("a", "stop", ExitReason.NORMAL), ("a", "start"), ("a", "kept")]


async def test_guarantee_09_an_ask_waits_for_the_new_incarnation() -> None:
    supervision = Supervision(backoff=Backoff(0.01, jitter=0))
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, supervision)
        (actor,) = await spawn_children(parent, "c")
        actor.send_nowait(Boom())
        await until(lambda: actor.state == "restarting")
        assert await actor.ask(lambda me: me.context.incarnation, timeout=NEVER) == 1


@in_virtual_time
async def test_guarantee_09_an_ask_that_times_out_while_it_restarts_does_not_run() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(backoff=Backoff(10, 10, jitter=0)))
        (actor,) = await spawn_children(parent, "c", diary=diary)
        actor.send_nowait(Boom())
        with pytest.raises(AskTimeoutError) as timeout:
            await actor.ask("asked", timeout=3)
        assert (timeout.value.started, now()) == (False, 3)
        assert await actor.ask("again") == "again"
        assert now() == 10
    assert ("c", "asked") not in diary


async def test_guarantee_09_the_ask_in_hand_of_a_crash_from_outside_its_handler_gets_an_error() -> None:
    """A failing background task fails the actor after its current message, which is answered."""

    async def fail() -> None:
        raise Boom("background")

    async with ActorSystem() as system:
        actor, gate = await system.spawn(Puppet), Gate()

        async def answer(me: Puppet) -> int:
            me.context.start_soon(fail)
            await gate.hold()
            return me.context.incarnation

        asked = asyncio.ensure_future(actor.ask(answer))
        await gate.reached()
        await ticks()
        gate.open()
        assert await asked == 0
        assert await actor.ask(lambda me: me.context.incarnation) == 1


async def test_guarantee_09_a_deferred_ask_does_not_survive_its_incarnation() -> None:
    kept: list[Any] = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet)
        asked = asyncio.ensure_future(actor.ask(lambda me: kept.append(me.context.defer())))
        await until(lambda: kept)
        await actor.send(Boom())
        with pytest.raises(ActorStoppedError):
            await asked
        kept[0].set_result("too late")
        assert await actor.ask("alive") == "alive"


async def test_guarantee_09_a_failing_stop_hook_neither_hides_the_failure_nor_lives_on() -> None:
    class BadEnd(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            if self.context.incarnation == 0:
                raise Boom("in on_stop")

    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        actor = await system.spawn(BadEnd)
        await actor.send(Boom("in a message"))
        await actor.ask("again")
        reported = [str((await anext(failures)).error) for _ in range(2)]
        actor.stop()
        ended = await actor.join()
    assert reported == ["in a message", "in on_stop"]
    assert (ended.reason, ended.error) == (ExitReason.SHUTDOWN, None)


async def test_guarantee_09_failures_of_many_restarts_do_not_chain() -> None:
    """A restart inside an `except` block would chain each failure to the one before."""

    async def quiet(_: Puppet) -> None:
        raise Boom

    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        parent = await system.spawn(Puppet, None, Supervision(max_restarts=1_000))
        (actor,) = await spawn_children(parent, "c")
        for _ in range(100):
            actor.send_nowait(quiet)
        assert await actor.ask(lambda me: me.context.incarnation) == 100
        last = [await anext(failures) for _ in range(100)][-1].error
    depth, context = 0, last.__context__
    while context is not None:
        depth, context = depth + 1, context.__context__
    assert depth <= 1
