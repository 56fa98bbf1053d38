"""The ladder of a stop: no more mail, children first, current message, hook, kill, second cancel, giving up.

In virtual time. The deadlines are those of `shutdown` (of a spawn), `shutdown_timeout` (of the system) and a
grace of a quarter of a second between a kill, its second cancel, and giving up.
"""

# ruff: noqa: PT012 -- the block as a whole is what raises

import asyncio
import logging
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorExit,
    ActorFailed,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    ExitReason,
    ShutdownReport,
    interleave,
)
from actorio._core.observer import Observer
from tests.cell.stubborn import FOR_EVER, GRACE, Stubborn, abandoned, gates, let_go
from tests.guarantees.actors import outcome, started
from tests.stage import NEVER, Boom, Diary, Gate, Puppet, in_virtual_time, now, spawn_children, ticks, until

DEEP = 1_500
WIDE = 5_000


async def hanging(
    system: ActorSystem, *cancels: int, shutdown: float | None = 2.0, name: str = "s"
) -> ActorRef[Stubborn]:
    """Spawn one that hangs in its handler."""
    actor = await system.spawn(Stubborn, [], *cancels, name=name, shutdown=shutdown)
    actor.send_nowait("hang")
    await gates.gate.reached()
    return actor


# -- one actor -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("swallows", "seconds", "is_abandoned"),
    [(0, 0.0, False), (1, GRACE, False), (2, 2 * GRACE, True), (FOR_EVER, 2 * GRACE, True)],
)
@in_virtual_time
async def test_a_kill_is_followed_by_a_second_cancel_and_then_by_giving_up(
    swallows: int, seconds: float, is_abandoned: bool
) -> None:
    async with ActorSystem() as system:
        actor = await hanging(system, swallows)
        actor.kill()
        ended = await actor.join()
        assert (ended.reason, now()) == (ExitReason.KILLED, seconds)
        assert abandoned(system) == (("/s",) if is_abandoned else ())
        await system.spawn(Puppet, name="s")
    await let_go()


@pytest.mark.parametrize(("shutdown", "killed_at"), [(2.0, 2.0), (0, 0.0), (0.001, 0.001)])
@in_virtual_time
async def test_a_handler_has_the_shutdown_time_of_its_spawn(shutdown: float, killed_at: float) -> None:
    system = ActorSystem()
    with pytest.raises(Boom):
        async with system:
            actor = await hanging(system, shutdown=shutdown)
            raise Boom
    assert (await actor.join()).reason is ExitReason.KILLED
    assert now() == killed_at
    assert system.report == ShutdownReport((), ())


@in_virtual_time
async def test_without_a_shutdown_time_it_is_the_systems_that_ends_it() -> None:
    system = ActorSystem(shutdown_timeout=30.0)
    with pytest.raises(Boom):
        async with system:
            actor = await hanging(system, shutdown=None)
            raise Boom
    assert (await actor.join()).reason is ExitReason.KILLED
    assert now() == 30.0


@in_virtual_time
async def test_the_blocks_end_is_bounded_whatever_handlers_do_and_names_who_did_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    system = ActorSystem(shutdown_timeout=3.0)
    with caplog.at_level(logging.WARNING, "actorio"), pytest.raises(Boom):
        async with system:
            for name in "abc":
                await hanging(system, FOR_EVER, name=name, shutdown=None)
            await system.spawn(Puppet, name="good")
            raise Boom
    assert now() == 3.0 + 2 * GRACE
    assert set(abandoned(system)) == {"/a", "/b", "/c"}
    warnings = [record.getMessage() for record in caplog.records if "abandoned" in record.getMessage()]
    assert len(warnings) == 3
    assert all(any(f"abandoned {path}:" in warning for warning in warnings) for path in abandoned(system))
    await let_go()


@in_virtual_time
async def test_shutdown_reports_who_was_abandoned() -> None:
    async with ActorSystem(shutdown_timeout=1.0) as system:
        await hanging(system, FOR_EVER, shutdown=None)
        report = await system.shutdown()
        assert report.abandoned == ("/s",)
        assert await system.shutdown() == report
        assert now() == 1.0 + 2 * GRACE
    await let_go()


# -- what runs beside the turns --------------------------------------------------------------------


class Besieged(Stubborn):
    """Has calls that swallow cancels beside its turns."""

    @interleave
    async def beside(self, cancels: int) -> None:
        await self.hang(cancels)


async def besieged(system: ActorSystem, *cancels: int) -> tuple[ActorRef[Besieged], list[asyncio.Task[Any]]]:
    """Spawn one that has stubborn calls beside it."""
    actor = await system.spawn(Besieged, [], FOR_EVER, name="s", shutdown=2.0)
    await actor.ask("started")
    calls = [started(outcome(actor.call(Besieged.beside, count))) for count in cancels]
    await ticks()
    return actor, calls


@pytest.mark.parametrize(
    ("end", "swallows", "seconds", "is_abandoned"),
    [
        ("stop", 0, 0.0, False),
        ("stop", 1, 2.0, False),
        ("stop", 2, 2.0 + 2 * GRACE, True),
        ("kill", 0, 0.0, False),
        ("kill", 1, GRACE, False),
        ("kill", 2, 2 * GRACE, True),
        ("crash", FOR_EVER, 2.0 + 2 * GRACE, True),
    ],
)
@in_virtual_time
async def test_an_interleaved_call_is_cancelled_again_and_then_given_up(
    end: str, swallows: int, seconds: float, is_abandoned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with ActorSystem() as system:
        actor, (call,) = await besieged(system, swallows)
        if end == "crash":
            actor.send_nowait(Boom())
            assert await actor.ask("restarted") == "restarted"
        else:
            getattr(actor, end)()
            await actor.join()
        assert now() == seconds
        assert type(await call) is ActorStoppedError
        assert abandoned(system) == (("/s beside",) if is_abandoned else ())
        assert is_abandoned == any("abandoned /s beside:" in line for line in caplog.messages)
    await let_go()


@in_virtual_time
async def test_all_the_stubborn_calls_of_an_actor_have_one_time_between_them() -> None:
    async with ActorSystem() as system:
        actor, calls = await besieged(system, 1, FOR_EVER, 0, FOR_EVER, 1)
        actor.stop()
        await actor.join()
        assert now() == 2.0 + 2 * GRACE
        await asyncio.wait(calls)
        assert abandoned(system) == ("/s beside", "/s beside")
    await let_go()


@in_virtual_time
async def test_one_that_is_given_up_with_its_calls_is_named_with_them() -> None:
    async with ActorSystem() as system:
        actor, calls = await besieged(system, FOR_EVER, 0)
        actor.send_nowait("hang")
        await ticks()
        actor.kill()
        await actor.join()
        await asyncio.wait(calls)
        assert now() == 2 * GRACE
        assert abandoned(system) == ("/s", "/s beside")
    await let_go()


@pytest.mark.parametrize("by_kill", [True, False])
@in_virtual_time
async def test_guarantee_01_a_cast_that_is_given_up_is_one_dead_letter(by_kill: bool) -> None:
    system = ActorSystem()
    async with system.events.subscribe(DeadLetter) as letters:
        async with system:
            actor, _ = await besieged(system)
            await actor.cast(Besieged.beside, FOR_EVER)
            await ticks()
            call = asyncio.ensure_future(actor.call(Besieged.beside, FOR_EVER))
            await ticks()
            actor.stop()
            await asyncio.sleep(4 * GRACE)
            if by_kill:
                actor.kill()
            ended = await actor.join()
            with pytest.raises(ActorStoppedError) as caught:
                await call
            assert caught.value.reason is ended.reason
            await let_go()
        assert [(letter.message, letter.reason) async for letter in letters] == [
            (Besieged.beside, "interrupted")
        ]


@in_virtual_time
async def test_giving_up_an_actor_ends_what_belongs_to_it() -> None:
    """Its timers, tasks and children do not go on without it."""
    ended: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(NEVER)
        finally:
            ended.append("background")

    async with ActorSystem() as system:
        actor = await system.spawn(Stubborn, [], FOR_EVER, name="s")

        def set_up(me: Puppet) -> None:
            me.context.start_soon(background)
            me.context.send_every(1.0, "tick")

        await actor.ask(set_up)
        (child,) = await spawn_children(actor, "c")
        await ticks()
        actor.send_nowait("hang")
        await gates.gate.reached()
        actor.kill()
        await actor.join()
        await ticks()
        assert not child.is_alive
        assert ended == ["background"]
        assert len(system._runtime.timers) == 0
    await let_go()


@pytest.mark.parametrize("generations", [2, 5, NEVER])
@in_virtual_time
async def test_a_task_that_starts_another_as_it_is_cancelled_leaves_none_behind(generations: float) -> None:
    begun: list[str] = []

    class Parent(Actor[Any]):
        async def on_start(self) -> None:
            self.context.start_soon(self.generation)

        async def generation(self) -> None:
            begun.append("one")
            try:
                await asyncio.sleep(NEVER)
            finally:
                if len(begun) < generations:
                    self.context.start_soon(self.generation)

    async with ActorSystem() as system:
        parent = await system.spawn(Parent, name="p")
        await ticks()
        parent.stop()
        assert (await parent.join()).reason is ExitReason.SHUTDOWN
        await ticks()
        assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("/p")] == []
    assert abandoned(system) == (("/p generation",) if generations == NEVER else ())


@in_virtual_time
async def test_one_that_was_given_up_and_comes_back_is_told_of_once() -> None:
    class Told(Observer):
        level = "lives"

        def stopped(self, cell: Any, reason: ExitReason) -> None:
            told.append(reason)

    told: list[ExitReason] = []
    async with ActorSystem() as system:
        system._runtime.observe(Told())
        actor = await hanging(system, FOR_EVER)
        actor.kill()
        await actor.join()
        await let_go()
    assert told == [ExitReason.KILLED]


@in_virtual_time
async def test_one_that_was_given_up_and_comes_back_does_no_harm() -> None:
    async with ActorSystem() as system:
        diary: Diary = []
        actor = await system.spawn(Stubborn, diary, FOR_EVER, name="s")
        actor.send_nowait("hang")
        await gates.gate.reached()
        actor.kill()
        await actor.join()
        successor = await system.spawn(Puppet, diary, name="s")
        await let_go()
        assert await successor.ask("mine") == "mine"
        assert system.lookup("s") is successor
        assert (await actor.join()).reason is ExitReason.KILLED
    assert ("s", "stopped") not in diary


@in_virtual_time
async def test_asks_of_one_that_is_given_up_fail() -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Stubborn, [], FOR_EVER)
        in_hand = asyncio.ensure_future(actor.ask("hang"))
        await gates.gate.reached()
        queued = asyncio.ensure_future(actor.ask("queued"))
        await ticks()
        actor.kill()
        done, _ = await asyncio.wait([in_hand, queued])
        assert [type(ask.exception()).__name__ for ask in (in_hand, queued)] == ["ActorStoppedError"] * 2
        assert len(done) == 2
    await let_go()


@in_virtual_time
async def test_in_a_busy_system_nobody_is_given_up_who_had_no_turn_to_end() -> None:
    """A hundred actors that each hold up the loop make a round of turns longer than the grace."""
    loop: Any = asyncio.get_running_loop()

    class Busy(Actor[str]):
        def receive(self, message: str) -> None:
            loop.advance(0.02)
            self.context.ref.send_nowait(message)

    async with ActorSystem() as system:
        busy = [await system.spawn(Busy) for _ in range(100)]
        for actor in busy:
            actor.send_nowait("again")
        victims = [await hanging(system, name=name) for name in "abc"]
        for victim in victims:
            victim.kill()
        for victim in victims:
            assert (await victim.join()).reason is ExitReason.KILLED
        assert abandoned(system) == ()
        for actor in busy:
            actor.stop()


@pytest.mark.parametrize("end", ["close", "stop"])
@in_virtual_time
async def test_an_own_loop_that_swallows_the_word_to_end_does_not_hang_the_loop(end: str) -> None:
    """`except Exception` around `recv` catches `ActorExit` too: such a loop must not spin for ever."""

    class Careless(Actor[Any]):
        async def run(self) -> None:
            while not gates.gate._open.is_set():
                try:
                    await self.recv()
                except ActorExit:
                    continue

    system = ActorSystem(shutdown_timeout=1.0)
    async with system:
        actor = await system.spawn(Careless, shutdown=1.0)
        other = await system.spawn(Puppet)
        getattr(actor, end)()
        for _ in range(5):
            assert await other.ask("answers") == "answers"
        actor.kill()
        await actor.join()
    await let_go()


# -- trees -----------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_stubborn_child_is_given_up_before_its_parents_hook_runs() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, diary, name="p", shutdown=NEVER)
        child = await parent.ask(
            lambda me: me.context.spawn(Stubborn, diary, FOR_EVER, name="c", shutdown=1.0)
        )
        child.send_nowait("hang")
        await gates.gate.reached()
        parent.stop()
        assert (await parent.join()).reason is ExitReason.SHUTDOWN
        assert now() == 1.0 + 2 * GRACE
        assert abandoned(system) == ("/p/c",)
    assert diary[-1] == ("p", "stop", ExitReason.SHUTDOWN)
    await let_go()


@in_virtual_time
async def test_stubborn_siblings_take_their_time_one_after_the_other() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        for name in "abc":
            child = await parent.ask(
                lambda me, name=name: me.context.spawn(Stubborn, [], FOR_EVER, name=name, shutdown=1.0)
            )
            child.send_nowait("hang")
            gates.gate._here.clear()
            await gates.gate.reached()
        parent.stop()
        await parent.join()
        assert now() == 3 * (1.0 + 2 * GRACE)
        assert [path[-1] for path in abandoned(system)] == ["c", "b", "a"]
    await let_go()


@in_virtual_time
async def test_a_kill_of_the_tree_takes_all_at_once() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        for name in "abc":
            child = await parent.ask(
                lambda me, name=name: me.context.spawn(Stubborn, [], FOR_EVER, name=name)
            )
            child.send_nowait("hang")
            gates.gate._here.clear()
            await gates.gate.reached()
        parent.kill()
        await parent.join()
        assert now() <= 3 * GRACE
    await let_go()


@in_virtual_time
async def test_a_stop_that_becomes_a_kill_overtakes_the_deadlines() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        (child,) = await spawn_children(parent, "c", shutdown=NEVER)
        gate = Gate()
        child.send_nowait(gate.hold)
        await gate.reached()
        parent.stop()
        await ticks()
        parent.kill()
        assert (await parent.join()).reason is ExitReason.KILLED
        assert (await child.join()).reason is ExitReason.KILLED
        assert now() == 0


@in_virtual_time
async def test_a_close_that_becomes_a_stop_leaves_the_rest_unhandled() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        (child,) = await spawn_children(parent, "c", diary=diary)
        gate = Gate()
        for message in (gate.hold, "never"):
            child.send_nowait(message)
        await gate.reached()
        parent.close()
        await ticks()
        parent.stop()
        await ticks()
        gate.open()
        assert (await child.join()).reason is ExitReason.SHUTDOWN
        await parent.join()
    assert ("c", "never") not in diary


@pytest.mark.parametrize("how", ["close", "stop", "kill", "crash"])
async def test_a_deep_tree_ends_without_recursion(how: str) -> None:
    await end_deep_tree(DEEP, how)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "stop", "kill"])
async def test_a_very_deep_tree_ends_without_recursion(how: str) -> None:
    await end_deep_tree(5_000, how)


async def end_deep_tree(depth: int, how: str) -> None:
    async with ActorSystem() as system:
        top = leaf = await system.spawn(Puppet, shutdown=None)
        for _ in range(depth):
            leaf = await leaf.ask(lambda me: me.context.spawn(Puppet, name="c", shutdown=None))
        assert len(system.snapshot()) == depth + 1
        if how == "crash":
            top.send_nowait(Boom())
            await top.ask("up")
        else:
            getattr(top, how)()
            await top.join()
        assert not leaf.is_alive


@pytest.mark.parametrize("how", ["close", "stop", "kill", "crash"])
@pytest.mark.parametrize("dynamic", [True, False])
async def test_a_wide_tree_ends(how: str, dynamic: bool) -> None:
    await end_wide_tree(WIDE, how, dynamic=dynamic)


@pytest.mark.slow
@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("how", ["close", "stop", "kill"])
@pytest.mark.parametrize("dynamic", [True, False])
async def test_a_very_wide_tree_ends(how: str, dynamic: bool) -> None:
    await end_wide_tree(100_000, how, dynamic=dynamic)


class Quiet(Actor[Any]):
    """Nothing but a child of many."""


async def end_wide_tree(width: int, how: str, *, dynamic: bool) -> None:
    async def grow(me: Puppet) -> None:
        for _ in range(width):
            await me.context.spawn(Quiet, dynamic=dynamic)

    async with ActorSystem() as system:
        top = await system.spawn(Puppet, shutdown=None)
        await top.ask(grow)
        if how == "crash":
            top.send_nowait(Boom())
            await top.ask("up")
        else:
            getattr(top, how)()
            await top.join()
        assert len(system.snapshot()) == int(how == "crash")


# -- ends from the outside --------------------------------------------------------------------------


async def test_an_actor_whose_task_is_cancelled_from_outside_ends_as_killed_and_all_are_told() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, name="a")
        (child,) = await spawn_children(actor, "c")
        watcher = await system.spawn(Puppet, diary, name="w")
        await watcher.ask(lambda me: me.context.watch(actor))
        (task,) = await actor.ask(lambda _: [asyncio.current_task()])
        task.cancel()
        assert (await actor.join()).reason is ExitReason.KILLED
        assert not child.is_alive
        await watcher.ask("seen")
    assert ("w", "told", "a", ExitReason.KILLED) in diary


async def test_spawn_and_kill_in_one_tick_leave_nothing() -> None:
    async with ActorSystem() as system:
        for _ in range(20):
            actor = await system.spawn(Quiet, name="a")
            actor.kill()
            assert (await actor.join()).reason is ExitReason.KILLED
        assert len(system.snapshot()) == 0


@pytest.mark.parametrize("cancels", [1, 2, 3])
async def test_cancels_of_the_block_while_it_ends_make_it_a_stop_then_a_kill(cancels: int) -> None:
    gate = Gate()
    actors: list[ActorRef[Puppet]] = []

    async def block() -> None:
        async with ActorSystem() as system:
            actors.append(await system.spawn(Puppet, shutdown=None))
            actors[0].send_nowait(gate.hold)
            await gate.reached()

    task = asyncio.ensure_future(block())
    await gate.reached()
    await ticks()
    for _ in range(cancels):
        task.cancel()
        await ticks()
    assert task.done() == (cancels > 1)
    gate.open()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (await actors[0].join()).reason is (ExitReason.SHUTDOWN if cancels == 1 else ExitReason.KILLED)
    await until(lambda: not actors[0].is_alive)


@pytest.mark.parametrize("error", [Boom, SystemExit])
@in_virtual_time
async def test_what_a_task_raises_as_it_is_cancelled_is_told(error: type[BaseException]) -> None:
    async def fails() -> None:
        begun.set()
        try:
            await asyncio.sleep(NEVER)
        finally:
            raise error

    async def live() -> None:
        async with system:
            actor = await system.spawn(Puppet)
            await actor.ask(lambda me: me.context.start_soon(fails) and None)
            await begun.wait()
            actor.stop()
            assert (await actor.join()).error is None

    begun = asyncio.Event()
    system = ActorSystem()
    async with system.events.subscribe(ActorFailed) as failures:
        if error is SystemExit:
            with pytest.raises(SystemExit):
                await live()
        else:
            await live()
        assert [type(failure.error) async for failure in failures] == [error]


class ClosedAsItsTaskEnds(Actor[ExitReason]):
    """Its turn, and a task of it, go on at the same moment, the task first."""

    async def receive(self, message: ExitReason) -> None:
        loop = asyncio.get_running_loop()
        moment: asyncio.Future[None] = loop.create_future()
        self.context.start_soon(self.wait_for, moment)
        await ticks(2)
        if message is ExitReason.NORMAL:
            self.context.ref.close()
        else:
            self.context.ref.stop()
        loop.call_soon(moment.set_result, None)
        await moment

    async def wait_for(self, moment: asyncio.Future[None]) -> None:
        await moment


@pytest.mark.parametrize("end", [ExitReason.NORMAL, ExitReason.SHUTDOWN])
@in_virtual_time
async def test_a_task_that_is_over_as_its_actor_ends_is_not_abandoned(end: ExitReason) -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(ClosedAsItsTaskEnds)
        await ref.send(end)
        await ref.join()
    assert system.report.abandoned == ()
