"""Guarantee 13: `on_stop` runs once for each incarnation whose `on_start` began, shielded, in its time."""

import asyncio
import time
from typing import Any

import pytest

from actorio import Actor, ActorFailed, ActorSystem, ExitReason, Restart, Supervision
from actorio._cell.state import KILL_GRACE
from tests.stage import NEVER, Boom, Diary, Gate, Puppet, in_virtual_time, now, spawn_children, ticks, until


class Stops(Puppet):
    """Writes down when its stop hook begins and when it has ended."""

    def __init__(self, diary: Diary, steps: int = 3) -> None:
        super().__init__(diary)
        self.steps = steps

    async def on_stop(self, reason: ExitReason) -> None:
        self.note("begins to stop", reason)
        for _ in range(self.steps):
            await asyncio.sleep(0)
        self.note("has stopped")


def stops(diary: Diary) -> list[Any]:
    return [entry[1] for entry in diary if "stop" in str(entry[1])]


ONCE = ["begins to stop", "has stopped"]


@pytest.mark.parametrize("end", ["close", "stop", "leave", "crash for good"])
async def test_guarantee_13_once_however_it_ends(end: str) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Stops, diary, restart=Restart.TEMPORARY)
        match end:
            case "leave":
                await actor.send(lambda me: me.context.stop())
            case "crash for good":
                await actor.send(Boom())
            case _:
                getattr(actor, end)()
        await actor.join()
        actor.stop()
    assert stops(diary) == ONCE


async def test_guarantee_13_not_after_a_kill() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Stops, diary)
        actor.kill()
        await actor.join()
    assert stops(diary) == []


async def test_guarantee_13_once_for_each_incarnation() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Stops, diary)
        for _ in range(3):
            actor.send_nowait(Boom())
        await actor.ask("up")
    assert stops(diary) == ONCE * 4


async def test_guarantee_13_also_when_on_start_has_failed() -> None:
    diary: Diary = []

    class Fails(Stops):
        async def on_start(self) -> None:
            raise Boom

    async with ActorSystem() as system:
        with pytest.raises(Boom):
            await system.spawn(Fails, diary)
    assert stops(diary) == ONCE


async def test_guarantee_13_not_when_the_constructor_has_failed() -> None:
    diary: Diary = []

    class Fails(Stops):
        def __init__(self) -> None:
            raise Boom

    async with ActorSystem() as system:
        with pytest.raises(Boom):
            await system.spawn(Fails)
        assert len(system.snapshot()) == 0
    assert stops(diary) == []


async def test_guarantee_13_also_when_it_is_stopped_before_its_first_message() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Stops, diary)
        actor.stop()
    assert stops(diary) == ONCE


@pytest.mark.parametrize("cancels", range(1, 6))
async def test_guarantee_13_cancels_of_the_actors_task_do_not_reach_it(cancels: int) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        actor = await system.spawn(Stops, diary, cancels + 3)
        (task,) = await actor.ask(lambda _: [asyncio.current_task()])
        actor.stop()
        await until(lambda: stops(diary))
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
        assert (await actor.join()).reason is ExitReason.SHUTDOWN
    assert stops(diary) == ONCE


async def test_guarantee_13_cancels_of_the_block_make_it_a_stop_and_then_a_kill() -> None:
    """Two cancels do not cut a stop hook short; it is the third that kills."""
    diary: Diary = []

    async def block() -> None:
        async with ActorSystem() as system:
            await system.spawn(Stops, diary, 30)
            await asyncio.sleep(NEVER)

    task = asyncio.ensure_future(block())
    await ticks(5)
    task.cancel()
    await until(lambda: stops(diary))
    await asyncio.wait([task])
    assert task.cancelled()
    assert stops(diary) == ONCE


@in_virtual_time
async def test_guarantee_13_a_hook_that_takes_too_long_is_cancelled_and_reported() -> None:
    class Slow(Actor[Any]):
        async def on_stop(self, reason: ExitReason) -> None:
            await asyncio.sleep(NEVER)

    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        actor = await system.spawn(Slow, shutdown=2.0)
        actor.close()
        ended = await actor.join()
        assert now() == 2.0
        assert isinstance((await anext(failures)).error, TimeoutError)
    assert ended.reason is ExitReason.CRASHED
    assert "longer than shutdown=2 s" in str(ended.error)


@in_virtual_time
async def test_guarantee_13_without_a_limit_it_takes_the_time_it_takes() -> None:
    slept: list[float] = []

    class Slow(Actor[Any]):
        async def on_stop(self, reason: ExitReason) -> None:
            await asyncio.sleep(NEVER)
            slept.append(now())

    async with ActorSystem() as system:
        await system.spawn(Slow, shutdown=None)
    assert slept == [NEVER]


@in_virtual_time
async def test_guarantee_13_a_kill_ends_the_wait_for_it() -> None:
    diary: Diary = []

    class Slow(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            try:
                self.note("stop")
                await asyncio.sleep(NEVER)
            except asyncio.CancelledError:
                self.note("cancelled")
                raise

    async with ActorSystem() as system:
        actor = await system.spawn(Slow, diary, name="a", shutdown=None)
        actor.stop()
        await until(lambda: ("a", "stop") in diary)
        actor.kill()
        ended = await actor.join()
    assert (ended.reason, ended.error) == (ExitReason.KILLED, None)
    assert diary[1:] == [("a", "stop"), ("a", "cancelled")]


@in_virtual_time
async def test_guarantee_13_a_kill_leaves_it_the_grace_to_clean_up_in() -> None:
    diary: Diary = []

    class Tidy(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            try:
                self.note("stop")
                await asyncio.sleep(NEVER)
            finally:
                await asyncio.sleep(KILL_GRACE / 2)
                self.note("clean")

    async with ActorSystem() as system:
        actor = await system.spawn(Tidy, diary, name="a", shutdown=None)
        actor.stop()
        await until(lambda: ("a", "stop") in diary)
        actor.kill()
        ended = await actor.join()
    assert (ended.reason, ended.error) == (ExitReason.KILLED, None)
    assert diary[1:] == [("a", "stop"), ("a", "clean")]


async def test_guarantee_13_a_failing_hook_is_reported_and_is_the_error_of_an_orderly_end() -> None:
    class Fails(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            raise Boom("at the end")

    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        actor = await system.spawn(Fails)
        actor.close()
        ended = await actor.join()
        error = (await anext(failures)).error
    assert (ended.reason, ended.error) == (ExitReason.CRASHED, error)
    assert str(error) == "at the end"


async def test_guarantee_13_a_failing_hook_of_one_child_does_not_keep_the_others_from_stopping() -> None:
    diary: Diary = []

    class Fails(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            self.note("stop", reason)
            raise Boom

    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, diary, name="p")
        await spawn_children(parent, "a", diary=diary)
        await parent.ask(lambda me: me.context.spawn(Fails, diary, name="bad"))
        await spawn_children(parent, "z", diary=diary)
    assert [entry[0] for entry in diary if entry[1] == "stop"] == ["z", "bad", "a", "p"]


async def test_guarantee_13_the_hook_runs_after_timers_and_background_tasks_are_gone() -> None:
    seen: list[Any] = []

    async def background() -> None:
        try:
            await asyncio.sleep(NEVER)
        finally:
            await asyncio.sleep(0)
            seen.append("background has ended")

    class Busy(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            seen.append("on_stop")

    async with ActorSystem() as system:
        actor = await system.spawn(Busy)
        await actor.ask(lambda me: me.context.start_soon(background) and None)
        await ticks()
    assert seen == ["background has ended", "on_stop"]


async def test_guarantee_13_a_task_that_the_hook_starts_ends_with_it() -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    async def background() -> None:
        begun.set()
        try:
            await asyncio.sleep(NEVER)
        finally:
            ended.append("background")

    class Late(Puppet):
        async def on_stop(self, reason: ExitReason) -> None:
            self.context.start_soon(background)
            await begun.wait()

    async with ActorSystem() as system:
        actor = await system.spawn(Late)
        actor.stop()
        await actor.join()
        assert ended == ["background"]


async def test_guarantee_13_on_undelivered_comes_before_it_and_neither_after_a_kill() -> None:
    diary: Diary = []

    class Keeps(Puppet):
        async def on_undelivered(self, messages: Any, reason: ExitReason) -> None:
            self.note("undelivered", list(messages))

    for end in ("stop", "kill"):
        async with ActorSystem() as system:
            actor, gate = await system.spawn(Keeps, diary, name=end), Gate()
            for message in (gate.hold, 1, 2):
                actor.send_nowait(message)
            await gate.reached()
            getattr(actor, end)()
            gate.open()
            await actor.join()
    assert diary == [
        ("stop", "start"),
        ("stop", "undelivered", [1, 2]),
        ("stop", "stop", ExitReason.SHUTDOWN),
        ("kill", "start"),
    ]


async def test_guarantee_13_not_for_the_next_incarnation_when_a_restart_is_called_off() -> None:
    """An actor that is stopped between two incarnations has no instance to stop."""
    diary: Diary = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(max_restarts=0))
        child = await parent.ask(lambda me: me.context.spawn(Stops, diary))
        child.send_nowait(Boom())
        await child.join()
    assert stops(diary) == ONCE


@pytest.mark.parametrize("end", ["close", "stop", "leave", "crash", "shutdown of the system"])
async def test_guarantee_13_with_no_time_for_it_no_last_hook_runs(end: str) -> None:
    """A stop of an actor that was spawned with `shutdown=0` is a kill; any other end merely skips the hooks."""
    diary: Diary = []
    ends = {
        "close": ExitReason.NORMAL,
        "stop": ExitReason.KILLED,
        "leave": ExitReason.NORMAL,
        "crash": ExitReason.CRASHED,
        "shutdown of the system": ExitReason.NORMAL,
    }
    async with ActorSystem() as system:
        actor = await system.spawn(Undelivered, diary, shutdown=0, restart=Restart.TEMPORARY)
        match end:
            case "leave":
                await actor.send(lambda me: me.context.stop())
            case "crash":
                await actor.send(Boom())
            case "shutdown of the system":
                await system.shutdown()
            case _:
                getattr(actor, end)()
        notice = await actor.join()
    assert notice.reason is ends[end]
    assert isinstance(notice.error, Boom if end == "crash" else type(None))
    assert stops(diary) == []
    assert ("Undelivered-1", "undelivered") not in diary


async def test_guarantee_13_a_stop_by_hand_with_no_time_interrupts_the_current_message() -> None:
    gate, diary = Gate(), Diary()
    async with ActorSystem() as system:
        actor = await system.spawn(Undelivered, diary, shutdown=0)
        await actor.send(gate.hold)
        await gate.reached()
        actor.stop()
        notice = await actor.join()
        assert (notice.reason, notice.error) == (ExitReason.KILLED, None)


class Undelivered(Stops):
    """Writes down what was left."""

    async def on_undelivered(self, messages: Any, reason: ExitReason) -> None:
        self.note("undelivered", *messages)


@pytest.mark.parametrize("left", [0, 2])
@pytest.mark.parametrize("asks", [0, 1])
async def test_guarantee_13_on_undelivered_is_called_only_with_something(left: int, asks: int) -> None:
    gate, diary = Gate(), Diary()
    async with ActorSystem() as system:
        actor = await system.spawn(Undelivered, diary, name="it")
        await actor.send(gate.hold)
        await gate.reached()
        for number in range(left):
            await actor.send(number)
        results = [actor.submit(int) for _ in range(asks)]
        actor.stop()
        gate.open()
        await actor.join()
        assert all(result.exception() is not None for result in results)
    told = [entry for entry in diary if entry[1] == "undelivered"]
    assert told == ([("it", "undelivered", 0, 1)] if left else [])


async def test_guarantee_13_a_hook_is_given_up_only_after_it_could_hear_of_its_cancel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the loop was blocked, the end of its time, the cancel and the end of patience come at once."""

    class Patient(Actor[Any]):
        async def on_stop(self, reason: ExitReason) -> None:
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                heard.append("cancelled")
                raise

    class Busy(Actor[Any]):
        async def on_start(self) -> None:
            self.context.send_every(0.001, "tick")

        async def receive(self, message: Any) -> None:
            return None

    heard: list[str] = []
    for module in ("ending", "last_hooks"):
        monkeypatch.setattr(f"actorio._cell.{module}.KILL_GRACE", 0.005)
    async with ActorSystem() as system:
        await system.spawn(Busy)
        ref = await system.spawn(Patient, shutdown=0.01)
        ref.stop()
        await asyncio.sleep(0)
        time.sleep(0.04)  # noqa: ASYNC251 (somebody holds up the loop)
        await ref.join()
        assert system.report.abandoned == ()
    assert heard in ([], ["cancelled"])  # uvloop may ring in another order
