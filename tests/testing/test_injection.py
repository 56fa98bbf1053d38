"""Faults get into turns: at their beginning, at each of their awaits, in their clean-up."""

from typing import Any

import pytest

from actorio import ActorSystem, AskCancelledError
from actorio.testing import (
    Faults,
    InjectedCrash,
    SimulationSettings,
    simulate,
)
from tests.testing.test_faults import Steps, by_hand, run, stage


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
