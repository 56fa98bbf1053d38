"""Faults get into turns: at their beginning, at each of their awaits, in their clean-up."""

import asyncio
import gc
import weakref
from typing import Any

import anyio
import pytest

from actorio import Actor, ActorSystem, AskCancelledError, Restart, interleave
from actorio.testing import (
    Faults,
    InjectedCrash,
    SimDeadlock,
    SimulationSettings,
    explore_places,
    simulate,
)
from tests.testing.test_faults import Steps, by_hand, run, stage

SECOND = 1.0  # of virtual time


def test_a_crash_at_a_message_leaves_it_unhandled_and_the_rest_is_handled_after_the_restart() -> None:
    _, main = stage("a", "b")
    seen = run(main, **by_hand(kind="crash", message=2)).unwrap()  # the first turn is on_start
    assert seen[:2] == ["start", "start"]
    assert [step for step in seen if step[0] == "end"] == [("end", "b")]


def test_a_crash_at_an_await_runs_the_finally() -> None:
    _, main = stage("a")
    seen = run(main, **by_hand(kind="crash", wait=1)).unwrap()
    assert seen[:3] == ["start", ("begin", "a"), ("finally", "a")]


def test_a_crash_in_a_finally_cuts_it_short() -> None:
    _, main = stage("a")
    seen = run(main, **by_hand(kind="crash", wait=2)).unwrap()
    assert seen[:3] == ["start", ("begin", "a"), ("end", "a")]
    assert ("finally", "a") not in seen


def test_a_kill_takes_effect_at_the_next_await() -> None:
    _, main = stage("a", "b")
    seen = run(main, **by_hand(kind="kill", message=2)).unwrap()
    assert seen == ["start", ("begin", "a"), ("finally", "a")]


def test_a_slow_turn_takes_time() -> None:
    _, main = stage("a")
    assert run(main, **by_hand(kind="slow", message=2, seconds=60.0)).elapsed >= 60
    assert run(main, **by_hand(kind="slow", wait=1, seconds=60.0)).elapsed >= 60


@pytest.mark.parametrize(("kind", "error"), [("crash", InjectedCrash), ("cancel", AskCancelledError)])
def test_an_ask_is_answered_by_the_fault_and_the_actor_fails(kind: Any, error: type[Exception]) -> None:
    async def main() -> int:
        async with ActorSystem() as system:
            ref = await system.spawn(Steps, [], name="steps")
            with pytest.raises(error):
                await ref.ask("a")
            assert await ref.ask("b") == "b"
            return ref.statistics().restarts

    assert run(main, **by_hand(kind=kind, message=2)).unwrap() == 1


def test_a_full_mailbox_makes_senders_wait() -> None:
    async def main() -> tuple[int, int]:
        async with ActorSystem() as system:
            ref = await system.spawn(Steps, [], name="steps")
            sendings = [ref.send(number) for number in range(10)]
            depth = ref.statistics().depth
            for sending in sendings:
                await sending
            return depth, len(sendings)

    depths = {
        simulate(main, seed=seed, settings=SimulationSettings(faults=Faults(full=0.5))).unwrap()[0]
        for seed in range(40)
    }
    assert depths == {1, 2, 3, 10}


@pytest.mark.parametrize("turn", ["message", "wait"])
def test_a_crash_in_an_interleaved_call_answers_it_and_fails_the_actor(turn: str) -> None:
    class Beside(Actor[Any]):
        @interleave
        async def work(self) -> None:
            await asyncio.sleep(1)

    async def main() -> int:
        async with ActorSystem() as system:
            ref = await system.spawn(Beside, name="steps")
            with pytest.raises(InjectedCrash):
                await ref.call(Beside.work)
            await ref.call(Beside.work)
            return ref.statistics().restarts

    assert run(main, **by_hand(kind="crash", **{turn: 1})).unwrap() == 1


@pytest.mark.parametrize("group", ["asyncio", "anyio"])
def test_no_crash_leaves_the_tasks_of_a_group_behind(group: str) -> None:
    ended: list[str] = []

    class Grouped(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if group == "asyncio":
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._work())
            else:
                async with anyio.create_task_group() as tasks:  # type: ignore[assignment]
                    tasks.start_soon(self._work)  # type: ignore[attr-defined]
            ended.append("turn")

        async def _work(self) -> None:
            await asyncio.sleep(1)
            ended.append("work")

    async def main() -> None:
        ended.clear()
        async with ActorSystem() as system:
            await (await system.spawn(Grouped, name="steps", restart=Restart.PERMANENT)).send("go")
            await asyncio.sleep(2 * SECOND)
        assert ended in ([], ["work", "turn"])

    assert explore_places(main, "/steps") >= 1


def test_a_deadlock_under_faults_names_where_the_handler_waits() -> None:
    class Stuck(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await asyncio.Event().wait()

    async def main() -> None:
        async with ActorSystem() as system:
            await (await system.spawn(Stuck, name="steps")).ask("go")

    error = run(main, slow=0.001).error
    assert isinstance(error, SimDeadlock)
    assert "Stuck.receive" in str(error)
    assert "Event.wait" in str(error)


def test_a_class_that_a_run_has_made_goes_with_it() -> None:
    classes: list[weakref.ref[Any]] = []

    async def main() -> None:
        class Local(Actor[Any]):
            async def receive(self, message: Any) -> None: ...

        classes.append(weakref.ref(Local))
        async with ActorSystem() as system:
            await system.spawn(Local)

    assert run(main, slow=0.001).error is None
    gc.collect()
    assert [made() for made in classes] == [None]
