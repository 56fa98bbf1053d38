"""The system: its block, names, events, snapshots, shutdown and signals."""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import functools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorFailed,
    ActorRef,
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    Backoff,
    DeadLetter,
    ExitReason,
    Mailbox,
    NameInUseError,
    NameNotFoundError,
    Supervision,
    run,
)
from actorio.testing import until
from tests.guarantees.actors import (
    SOON,
    Failing,
    Held,
    Recorder,
    Silent,
    Valve,
    cancelled,
    outcome,
    soon,
    started,
)
from tests.stage import ticks

ROOT = Path(__file__).parents[1]

# -- the block -------------------------------------------------------------------------------------


async def test_a_system_is_entered_once() -> None:
    async with soon():
        async with ActorSystem("it") as system:
            with pytest.raises(ActorError, match="entered already"):
                await system.__aenter__()
            assert repr(system) == "<ActorSystem 'it'>"
        with pytest.raises(ActorError, match="entered already"):
            await system.__aenter__()


async def test_a_system_that_is_not_running_says_how_to_run_it() -> None:
    system = ActorSystem()
    for use in (
        lambda: system.spawn(Silent),
        lambda: system.get_or_spawn("it", Silent),
        system.shutdown,
        lambda: _called(system.lookup, "it"),
        lambda: _called(system.snapshot),
        lambda: _called(system.unregister, "it"),
    ):
        with pytest.raises(ActorError, match="async with ActorSystem"):
            await use()


async def _called(function: Any, *args: Any) -> Any:
    return function(*args)


@pytest.mark.parametrize(
    ("name", "error"), [("", ValueError), ("a/b", ValueError), (3, TypeError), (None, TypeError)]
)
def test_a_name_of_a_system_that_is_none_is_refused(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="a name must"):
        ActorSystem(name)


def test_run_runs_a_coroutine_function_and_returns_its_value() -> None:
    async def main(value: int) -> int:
        async with ActorSystem() as system:
            return await (await system.spawn(Recorder, [])).ask(value)

    assert run(main, 3) == 3
    not_one: Any
    for not_one in (3, int, None):
        with pytest.raises(TypeError, match="run takes a coroutine function"):
            run(not_one)


# -- spawn -----------------------------------------------------------------------------------------


class NeedsOne(Actor[Any]):
    def __init__(self, one: int) -> None:
        self.one = one


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Silent(), "a class of actors or a function"),
        (int, "int is not a subclass of Actor"),
        (None, "a class of actors or a function"),
        ("Silent", "a class of actors or a function"),
        (lambda: 3, "must return an Actor, not int"),
        (lambda: None, "must return an Actor, not NoneType"),
        (NeedsOne, "one"),
    ],
)
async def test_what_makes_no_actor_is_refused(bad: Any, words: str) -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(TypeError, match=words):
            await system.spawn(bad, name="it")
        assert len(system.snapshot()) == 0
        ref = await system.spawn(Silent, name="it")
        with pytest.raises(TypeError, match="a class of actors or a function"):
            await system.spawn(ref)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": ""}, ValueError),
        ({"name": "a/b"}, ValueError),
        ({"name": 3}, TypeError),
        ({"mailbox": 10}, TypeError),
        ({"mailbox": Mailbox}, TypeError),
        ({"mailbox": asyncio.Queue}, TypeError),
        ({"restart": "always"}, TypeError),
        ({"restart": None}, TypeError),
        ({"unknown": 1}, TypeError),
    ],
)
async def test_an_option_of_the_wrong_kind_is_refused(
    options: dict[str, Any], error: type[Exception]
) -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(error):
            await system.spawn(Silent, **options)
        assert len(system.snapshot()) == 0


async def test_names_are_made_up_from_the_class_and_skip_those_in_use() -> None:
    async with soon(), ActorSystem() as system:
        await system.spawn(Silent, name="Silent-2")
        refs = [await system.spawn(Silent) for _ in range(3)]
        assert [ref.name for ref in refs] == ["Silent-1", "Silent-3", "Silent-4"]
        assert (await system.spawn(lambda: Recorder([]))).name == "actor-1"


async def test_a_name_in_use_is_refused_and_free_at_the_moment_of_the_end() -> None:
    async with soon(), ActorSystem() as system:
        first = await system.spawn(Silent, name="it")
        with pytest.raises(NameInUseError, match="/it"):
            await system.spawn(Silent, name="it")
        first.stop()
        await first.join()
        second = await system.spawn(Silent, name="it")
        assert second != first
        assert system.lookup("it") == second


async def test_a_name_is_in_use_while_its_actor_starts_and_while_it_ends() -> None:
    class Slow(Actor[Any]):
        async def on_start(self) -> None:
            await gate.wait()

        async def on_stop(self, reason: Any) -> None:
            gate.clear()
            await gate.wait()

    gate = asyncio.Event()
    async with soon(), ActorSystem() as system:
        spawning = started(system.spawn(Slow, name="it"))
        await ticks(2)
        with pytest.raises(NameInUseError):
            await system.spawn(Silent, name="it")
        gate.set()
        ref = await spawning
        ref.stop()
        await until(lambda: not gate.is_set())
        with pytest.raises(NameInUseError):
            await system.spawn(Silent, name="it")
        gate.set()
        await ref.join()
        await system.spawn(Silent, name="it")


# -- get_or_spawn ----------------------------------------------------------------------------------


class Counted(Actor[Any]):
    """Counts its instances; its start waits for a gate."""

    def __init__(self, made: list[Any], gate: asyncio.Event) -> None:
        made.append(self)
        self.gate = gate

    async def on_start(self) -> None:
        await self.gate.wait()


async def test_ten_concurrent_get_or_spawns_give_one_actor() -> None:
    async with soon(), ActorSystem() as system:
        made: list[Any] = []
        gate = asyncio.Event()
        getting = [started(system.get_or_spawn("it", Counted, made, gate)) for _ in range(10)]
        await ticks(3)
        gate.set()
        refs = [await one for one in getting]
        assert len(set(refs)) == 1
        assert await system.get_or_spawn("it", Counted, made, gate) == refs[0]
    assert len(made) == 1


async def test_the_first_of_several_get_or_spawns_may_be_cancelled() -> None:
    async with soon(), ActorSystem() as system:
        made: list[Any] = []
        gate = asyncio.Event()
        getting = [started(system.get_or_spawn("it", Counted, made, gate)) for _ in range(3)]
        await ticks(3)
        assert await cancelled(getting[0])
        gate.set()
        refs = [await one for one in getting[1:]]
        assert refs[0] == refs[1] == system.lookup("it")
        assert refs[0].is_alive


async def test_a_later_get_or_spawn_that_is_cancelled_leaves_the_start_alone() -> None:
    async with soon(), ActorSystem() as system:
        made: list[Any] = []
        gate = asyncio.Event()
        getting = [started(system.get_or_spawn("it", Counted, made, gate)) for _ in range(3)]
        await ticks(3)
        assert await cancelled(getting[1])
        gate.set()
        assert await getting[0] == await getting[2]
    assert len(made) == 1


async def test_get_or_spawn_waits_for_a_spawn_that_is_under_way() -> None:
    async with soon(), ActorSystem() as system:
        made: list[Any] = []
        gate = asyncio.Event()
        spawning = started(system.spawn(Counted, made, gate, name="it"))
        await ticks(2)
        getting = started(outcome(system.get_or_spawn("it", Counted, made, gate)))
        await ticks(2)
        gate.set()
        assert await getting == await spawning
    assert len(made) == 1


async def test_a_start_that_fails_is_raised_to_all_and_the_next_tries_again() -> None:
    class Once(Actor[Any]):
        async def on_start(self) -> None:
            await ticks(2)
            if not tried:
                tried.append(1)
                raise LookupError

    tried: list[int] = []
    async with soon(), ActorSystem() as system:
        getting = [started(outcome(system.get_or_spawn("it", Once))) for _ in range(3)]
        answers = [await one for one in getting]
        assert all(isinstance(answer, LookupError) for answer in answers)
        assert (await system.get_or_spawn("it", Once)).is_alive


async def test_get_or_spawn_among_the_children_of_an_actor() -> None:
    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            first = await self.context.get_or_spawn("child", Recorder, [])
            return first, await self.context.get_or_spawn("child", Recorder, [])

    async with soon(), ActorSystem() as system:
        parent = await system.spawn(Parent, name="parent")
        first, second = await parent.ask(1)
        assert first == second == system.lookup("/parent/child")


# -- names -----------------------------------------------------------------------------------------


async def test_lookup_finds_names_aliases_and_paths() -> None:
    class Shop(Actor[Any]):
        async def on_start(self) -> None:
            await self.context.spawn(Silent, name="till")

    async with soon(), ActorSystem() as system:
        shop = await system.spawn(Shop, name="shop")
        till = system.lookup("/shop/till")
        system.register("alias", till)
        assert (till.name, till.path) == ("till", "/shop/till")
        assert system.lookup("shop") == system.lookup("/shop") == shop
        assert system.lookup("alias") == till
        for name in ("till", "/till", "/alias", "/shop/till/drawer", "/shop/none"):
            with pytest.raises(NameNotFoundError, match="no actor is called"):
                system.lookup(name)
        with pytest.raises(LookupError):
            system.lookup("nobody")


@pytest.mark.parametrize(
    ("bad", "error"), [(3, TypeError), (None, TypeError), ("/", ValueError), ("/a//b", ValueError)]
)
async def test_a_lookup_of_what_is_no_name_is_refused(bad: Any, error: type[Exception]) -> None:
    async with soon(), ActorSystem() as system:
        await system.spawn(Silent, name="a")
        with pytest.raises(error, match="a name must"):
            system.lookup(bad)


async def test_lookup_with_a_class_refuses_an_actor_of_another() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [], name="it")
        assert system.lookup("it", Failing) == system.lookup("it", Actor) == ref
        with pytest.raises(TypeError, match="/it is a Failing, not a Recorder"):
            system.lookup("it", Recorder)


@pytest.mark.parametrize("factory", [Failing, functools.partial(Failing)])
async def test_lookup_with_a_class_finds_an_actor_between_two_incarnations(factory: Any) -> None:
    supervision = Supervision(backoff=Backoff(initial=SOON, maximum=SOON))
    async with soon(), ActorSystem(supervision=supervision) as system:
        ref = await system.spawn(factory, [], name="it")
        await ref.send(LookupError())
        await until(lambda: ref.state == "restarting")
        assert system.lookup("it", Failing) == ref
        with pytest.raises(TypeError, match="/it is a Failing, not a Recorder"):
            system.lookup("it", Recorder)
        ref.kill()


@pytest.mark.parametrize("factory", [Failing, functools.partial(Failing)])
async def test_lookup_with_a_class_finds_a_pool_by_that_of_its_routees(factory: Any) -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(factory, [], size=1, name="it")
        assert system.lookup("it", Failing) == pool
        with pytest.raises(TypeError, match="/it is a Failing, not a Recorder"):
            system.lookup("it", Recorder)


async def test_aliases_and_top_level_names_are_one_namespace() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent, name="it")
        other = await system.spawn(Silent, name="other")
        system.register("alias", ref)
        for taken in ("alias", "it", "other"):
            with pytest.raises(NameInUseError):
                system.register(taken, other)
        with pytest.raises(NameInUseError):
            await system.spawn(Silent, name="alias")
        system.unregister("alias")
        with pytest.raises(NameNotFoundError):
            system.unregister("alias")
        await system.spawn(Silent, name="alias")
        for number in range(3, 6):  # of those that are made up as well
            system.register(f"Silent-{number}", ref)
        assert (await system.spawn(Silent)).name == "Silent-1"
        assert (await system.spawn(Silent)).name == "Silent-2"
        assert (await system.spawn(Silent)).name == "Silent-6"
        assert system.lookup("Silent-3") == ref


async def test_aliases_are_freed_when_their_actor_ends_and_kept_over_restarts() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, [])
        for alias in ("one", "two"):
            system.register(alias, ref)
        await ref.send(ValueError())
        await until(lambda: ref.statistics().restarts == 1)
        assert system.lookup("one") == system.lookup("two") == ref
        ref.stop()
        await ref.join()
        for alias in ("one", "two"):
            with pytest.raises(NameNotFoundError):
                system.lookup(alias)
        with pytest.raises(ActorStoppedError):
            system.register("one", ref)


@pytest.mark.parametrize(
    ("alias", "error"), [("", ValueError), ("a/b", ValueError), (3, TypeError), (None, TypeError)]
)
async def test_an_alias_that_is_no_name_is_refused(alias: Any, error: type[Exception]) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        with pytest.raises(error, match="a name must"):
            system.register(alias, ref)
        for bad in (Silent, "ref", None):
            with pytest.raises(TypeError, match="register takes an ActorRef"):
                system.register("alias", bad)  # type: ignore[arg-type]


# -- events ----------------------------------------------------------------------------------------


async def test_the_events_of_a_life_come_in_order_with_their_details() -> None:
    async with soon(), ActorSystem() as system:
        events = system.events.subscribe()
        ref = await system.spawn(Failing, [])
        error = ValueError("crash")
        await ref.send(error)
        await until(lambda: ref.statistics().restarts == 1)
        await ref.ask(1)
        ref.stop()
        await ref.join()
        await outcome(ref.send("late"))
        ref.send("unheard")
    assert [event async for event in events] == [
        ActorStarted(ref),
        ActorFailed(ref, error, error),
        ActorRestarted(ref, 1),
        ActorStopped(ref, ExitReason.SHUTDOWN, None),
        DeadLetter(ref, "unheard", "unsent"),
    ]


async def test_a_stream_has_only_the_events_it_asked_for_from_then_on_until_it_is_closed() -> None:
    async with soon(), ActorSystem() as system:
        await system.spawn(Silent)
        async with system.events.subscribe(ActorStarted) as stream:
            ref = await system.spawn(Silent)
            assert await anext(stream) == ActorStarted(ref)
        await system.spawn(Silent)
        assert [event async for event in stream] == []
        assert not system.events.wants(ActorStarted)


async def test_a_reader_waits_for_the_next_event_and_loses_none_when_it_is_cancelled() -> None:
    async with soon(), ActorSystem() as system:
        stream = system.events.subscribe(ActorStarted)
        for tick in range(4):
            reading = started(_next(stream))
            await ticks(1)
            ref = await system.spawn(Silent)
            await ticks(tick)
            reading.cancel()
            await asyncio.wait([reading])
            event = await anext(stream) if reading.cancelled() else reading.result()
            assert event == ActorStarted(ref)


async def _next(stream: Any) -> Any:
    return await anext(stream)


async def test_a_stream_that_is_not_read_drops_the_oldest_and_counts_them() -> None:
    async with soon(), ActorSystem() as system:
        stream = system.events.subscribe(ActorStarted, limit=2)
        refs = [await system.spawn(Silent) for _ in range(5)]
    assert [event.ref async for event in stream] == refs[3:]
    assert stream.dropped == 3


async def test_what_is_no_type_of_event_is_refused() -> None:
    async with soon(), ActorSystem() as system:
        for bad in (int, "DeadLetter", None):
            with pytest.raises(TypeError, match="not a type of event"):
                system.events.subscribe(bad)  # type: ignore[arg-type]


async def test_a_subscriber_that_leaves_while_it_is_told_disturbs_nobody() -> None:
    async with soon(), ActorSystem() as system:
        streams = [system.events.subscribe(ActorStarted) for _ in range(3)]
        reading = started(_next(streams[0]))
        await ticks(1)
        reading.add_done_callback(lambda _: streams[1].close())
        refs = [await system.spawn(Silent) for _ in range(2)]
        await reading
    assert [event.ref async for event in streams[2]] == refs


# -- snapshots -------------------------------------------------------------------------------------


async def test_a_snapshot_shows_the_tree_as_it_is() -> None:
    class Parent(Actor[Any]):
        async def on_start(self) -> None:
            for name in ("a", "b"):
                refs.append(await self.context.spawn(Held, valve, name=name))

    refs: list[ActorRef[Any]] = []
    async with soon(), ActorSystem("shop") as system:
        valve = Valve()
        await system.spawn(Parent, name="parent")
        await system.spawn(Silent, name="silent")
        for number in range(3):
            await refs[0].send(number)
        await valve.entered.wait()
        snapshot = system.snapshot()
        assert snapshot.name == "shop"
        assert [actor.path for actor in snapshot.walk()] == ["/parent", "/parent/a", "/parent/b", "/silent"]
        assert len(snapshot) == 4
        parent, _ = snapshot.actors
        assert parent.cls.endswith("Parent")
        assert [(one.state, one.incarnation, one.depth, one.handled) for one in parent.children] == [
            ("running", 0, 2, 0),
            ("running", 0, 0, 0),
        ]
        valve.open.set()


async def test_a_snapshot_of_a_deep_tree_does_not_recurse() -> None:
    class Deep(Actor[Any]):
        def __init__(self, depth: int) -> None:
            self.depth = depth

        async def receive(self, message: Any) -> None:
            await self.context.spawn(Deep, self.depth + 1, name="d")

    async with soon(), ActorSystem() as system:
        ref: ActorRef[Any] = await system.spawn(Deep, 0, name="d")
        depth = 2 * sys.getrecursionlimit()
        for _ in range(depth):
            await ref.ask("deeper")
            ref = next(iter(ref._cell.children.table.values())).ref  # type: ignore[union-attr]
        assert len(system.snapshot()) == depth + 1
        system.lookup("d").kill()


# -- shutdown --------------------------------------------------------------------------------------


async def test_shutdown_handles_what_was_accepted_and_is_idempotent() -> None:
    async with soon():
        async with ActorSystem() as system:
            seen: list[int] = []
            ref = await system.spawn(Recorder, seen)
            for number in range(100):
                ref.send_nowait(number)
            reports = [started(system.shutdown()) for _ in range(3)]
            report = await system.shutdown()
            assert seen == list(range(100))
            assert not ref.is_alive
            assert [await one for one in reports] == [report] * 3
            assert (report.abandoned, report.failed) == ((), ())
            assert isinstance(await outcome(system.spawn(Silent)), ActorStoppedError)
        assert await system.shutdown() == report


async def test_shutdown_from_a_handler_begins_the_end_and_does_not_wait_for_itself() -> None:
    class Ender(Actor[Any]):
        async def receive(self, message: Any) -> None:
            log.append(message)
            await self.context.system.shutdown()
            log.append("returned")

        async def on_stop(self, reason: ExitReason) -> None:
            log.append(reason)

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Ender)
        other = await system.spawn(Silent)
        await ref.send("end")
        await ref.send("accepted before")
        await ref.join()
        await other.join()
    assert log == ["end", "returned", "accepted before", "returned", ExitReason.NORMAL]


async def test_shutdown_stops_what_does_not_close_in_time() -> None:
    async with soon(), ActorSystem(shutdown_timeout=0.02) as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, shutdown=None)
        await ref.send(0)
        await valve.entered.wait()
        await system.shutdown()
        assert (await ref.join()).reason is ExitReason.KILLED


async def test_hooks_run_before_and_after_in_their_order_and_failures_are_reported() -> None:
    def fail(where: str) -> None:
        log.append(where)
        raise LookupError(where)

    async def slow(where: str) -> None:
        await ticks(3)
        log.append(where)

    class Logged(Actor[Any]):
        async def on_stop(self, reason: Any) -> None:
            log.append("actor")

    log: list[str] = []
    async with soon():
        async with ActorSystem() as system:
            await system.spawn(Logged)
            system.before_shutdown(fail, "before 1")
            system.before_shutdown(slow, "before 2")
            system.after_shutdown(slow, "after 1")
            system.after_shutdown(fail, "after 2")
        assert [str(error) for error in system.report.failed] == ["before 1", "after 2"]
    assert log == ["before 1", "before 2", "actor", "after 2", "after 1"]


async def test_a_hook_that_comes_while_the_system_ends_is_called_or_refused() -> None:
    def begin() -> None:
        system.before_shutdown(log.append, "before")
        system.after_shutdown(log.append, "after")

    def end() -> None:
        with pytest.raises(ActorStoppedError):
            system.before_shutdown(log.append, "too late")
        system.after_shutdown(log.append, "after all")

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        system.after_shutdown(end)
        system.before_shutdown(begin)
    assert log == ["before", "after", "after all"]
    assert system.report.failed == ()
    for add in (system.before_shutdown, system.after_shutdown):
        with pytest.raises(ActorStoppedError, match="the actor system has ended"):
            add(log.append, "too late")


async def test_top_level_actors_close_in_reverse_start_order_each_after_its_mail() -> None:
    class Stage(Actor[Any]):
        def __init__(self, following: ActorRef[Any] | None) -> None:
            self.following = following

        async def receive(self, message: Any) -> None:
            if self.following is not None:
                await self.following.send(message)
            log.append((self.context.name, message))

    log: list[tuple[str, int]] = []
    async with soon(), ActorSystem() as system:
        ref: ActorRef[Any] | None = None
        for name in ("sink", "middle", "head"):
            ref = await system.spawn(Stage, ref, name=name, mailbox=Mailbox(None))
        assert ref is not None
        for number in range(50):
            ref.send_nowait(number)
    for name in ("sink", "middle", "head"):
        assert [number for who, number in log if who == name] == list(range(50))


# -- signals ---------------------------------------------------------------------------------------

SIGNALLED = """
import asyncio, os, signal, sys
from actorio import Actor, ActorSystem

class Logged(Actor):
    async def on_start(self):
        if {stubborn}:
            await self.context.ref.send("wait")

    async def receive(self, message):
        print("ready", flush=True)
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                print("cancelled", flush=True)
                if {swallow}:
                    continue
                raise

    async def on_stop(self, reason):
        print(self.context.name, reason.value, flush=True)

async def main():
    async with ActorSystem(handle_signals=True, shutdown_timeout=60) as system:
        for name in "ab":
            await system.spawn(Logged, name=name, shutdown=None)
        if not {stubborn}:
            print("ready", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print("body ends", flush=True)

asyncio.run(main())
"""


class Program:
    """A program in a process of its own that says when it is ready for the next signal."""

    def __init__(self, *, stubborn: bool = False, swallow: bool = False) -> None:
        source = SIGNALLED.format(stubborn=stubborn, swallow=swallow)
        self.process = subprocess.Popen(
            [sys.executable, "-c", source],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, *lines: str) -> None:
        assert self.process.stdout is not None
        for line in lines:
            assert self.process.stdout.readline().strip() == line

    def end(self) -> tuple[int, list[str]]:
        out, _ = self.process.communicate(timeout=20)
        return self.process.returncode, out.splitlines()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_the_first_signal_ends_all_in_order(number: int, status: int) -> None:
    program = Program()
    program.wait_for("ready")
    program.process.send_signal(number)
    assert program.end() == (status, ["body ends", "b shutdown", "a shutdown"])


def test_the_second_signal_kills() -> None:
    program = Program(stubborn=True)
    program.wait_for("ready", "ready")
    program.process.send_signal(signal.SIGTERM)
    program.wait_for("body ends")
    program.process.send_signal(signal.SIGTERM)
    status, lines = program.end()
    assert (status, sorted(lines)) == (143, ["cancelled", "cancelled"])


def test_the_third_signal_exits_the_process_at_once() -> None:
    program = Program(stubborn=True, swallow=True)
    program.wait_for("ready", "ready")
    program.process.send_signal(signal.SIGTERM)
    program.wait_for("body ends")
    program.process.send_signal(signal.SIGTERM)
    program.wait_for("cancelled", "cancelled")
    program.process.send_signal(signal.SIGTERM)
    status, _ = program.end()
    assert status == 143


async def test_signals_are_as_before_when_the_block_is_left() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with soon(), ActorSystem(handle_signals=True):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
    assert signal.getsignal(signal.SIGTERM) == before[1]


async def test_a_signal_ends_the_block_by_its_exception() -> None:
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem(handle_signals=True) as system:
            await system.spawn(Silent)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
    assert caught.value.code == 128 + signal.SIGTERM


def test_handling_signals_needs_the_main_thread() -> None:
    async def main() -> None:
        async with ActorSystem(handle_signals=True):
            pass

    def work() -> None:
        try:
            asyncio.run(main())
        except ActorError as error:
            errors.append(error)

    errors: list[ActorError] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])
