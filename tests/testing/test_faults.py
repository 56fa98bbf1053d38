"""Faults happen where they are placed or drawn, are replayed, and are shrunk away where not needed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorStoppedError, ActorSystem, Restart
from actorio.testing import (
    Fault,
    Faults,
    InjectedCrash,
    SimulationFailed,
    SimulationSettings,
    explore,
    explore_places,
    simulate,
)

Main = Callable[[], Coroutine[Any, Any, Any]]


class Steps(Actor[Any]):
    """Writes down each of its steps, with awaits between."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary

    async def on_start(self) -> None:
        self.diary.append("start")

    async def receive(self, message: Any) -> Any:
        self.diary.append(("begin", message))
        try:
            await asyncio.sleep(0)
            self.diary.append(("end", message))
        finally:
            await asyncio.sleep(0)
            self.diary.append(("finally", message))
        return message


def stage(*messages: Any) -> tuple[list[Any], Main]:
    diary: list[Any] = []

    async def main() -> list[Any]:
        diary.clear()
        async with ActorSystem() as system:
            try:
                ref = await system.spawn(Steps, diary, name="steps", restart=Restart.PERMANENT)
            except InjectedCrash:
                return list(diary)
            for message in messages:
                try:
                    await ref.send(message)
                except ActorStoppedError:
                    break
            ref.close()
            await ref.join()
        return list(diary)

    return diary, main


def run(main: Main, **faults: Any) -> Any:
    return simulate(main, policy="fifo", settings=SimulationSettings(faults=Faults(**faults)))


def by_hand(**fault: Any) -> dict[str, Any]:
    return {"by_hand": (Fault(path="/steps", **fault),)}


def test_what_was_injected_is_in_the_result_and_in_the_story() -> None:
    _, main = stage("a")
    result = run(main, **by_hand(kind="crash", wait=1))
    assert result.faults == (Fault(kind="crash", path="/steps", wait=1),)
    assert any("fault: crash in /steps at its await 1" in line for line in result.story)


def test_drawn_faults_are_on_the_tape() -> None:
    _, main = stage(*range(20))
    settings = SimulationSettings(faults=Faults(crash=0.05, cancel=0.05, slow=0.1, most=None))
    result = simulate(main, seed=5, settings=settings)
    assert {fault.kind for fault in result.faults} >= {"crash", "slow"}
    again = simulate(main, tape=result.tape, settings=settings)
    assert (again.digest, again.faults) == (result.digest, result.faults)


def test_faults_have_a_limit_and_spare_who_does_not_match() -> None:
    _, main = stage(*range(20))
    assert len(run(main, slow=1.0, most=2).faults) == 2
    spared = run(main, slow=1.0, paths="/other*")
    assert (spared.faults, spared.missed) == ((), ("/other*",))


def test_an_exploration_names_the_faults_that_no_run_had_an_actor_for() -> None:
    _, main = stage("a")
    for faults, missed in (
        (Faults(slow=0.1, paths="/typo*"), r"/typo\*"),
        (Faults(by_hand=(Fault(kind="slow", path="/typo", wait=1),)), "/typo"),
        (Faults(paths="/st*", by_hand=(Fault(kind="slow", path="/other", wait=1),)), "/other"),
    ):
        with pytest.raises(ValueError, match=f"faults are for {missed}, and no run had such an actor"):
            explore(main, seeds=range(3), settings=SimulationSettings(faults=faults))


def test_an_actor_that_only_some_runs_have_is_enough() -> None:
    runs: list[None] = []

    async def main() -> None:
        runs.append(None)
        async with ActorSystem() as system:
            await system.spawn(Steps, [], name="rare" if len(runs) == 2 else "steps")

    for _ in range(2):
        runs.clear()
        faults = Faults(slow=0.1, paths="/rare")
        assert explore(main, seeds=range(3), settings=SimulationSettings(faults=faults)).runs == 3


def test_shrinking_leaves_only_the_fault_that_the_failure_needs() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref: ActorRef[Any] = await system.spawn(Steps, [], name="steps", restart=Restart.TEMPORARY)
            for number in range(5):
                await ref.send(number)

    settings = SimulationSettings(faults=Faults(crash=0.1, slow=0.3, most=None))
    with pytest.raises(SimulationFailed) as caught:
        explore(main, seeds=range(200), settings=settings)
    assert [fault.kind for fault in caught.value.shrunk.faults] == ["crash"]
    assert "faults: crash in /steps at" in str(caught.value)


def test_every_place_is_tried_in_turn() -> None:
    _, main = stage("a", "b")
    assert explore_places(main, "/steps") == 3 + 4  # turns: on_start, a, b; awaits: two for each message


def test_another_fault_at_the_place_that_is_tried_gives_way() -> None:
    _, main = stage("a", "b")
    settings = SimulationSettings(faults=Faults(by_hand=(Fault(kind="slow", path="/steps", wait=1),)))
    assert explore_places(main, "/steps", settings=settings) == 3 + 4


def test_an_actor_without_a_place_is_not_passed_over() -> None:
    _, main = stage("a")
    with pytest.raises(ValueError, match="'/typo': no actor"):
        explore_places(main, "/typo")
    spare = SimulationSettings(faults=Faults(paths="/other"))
    with pytest.raises(ValueError, match="'/steps': no actor that faults may hit"):
        explore_places(main, "/steps", settings=spare)


def test_the_place_at_which_it_fails_is_named() -> None:
    diary, main = stage("a", "b")

    async def balanced() -> None:
        await main()
        begun = [step for step in diary if step[0] == "begin"]
        assert len(begun) == len([step for step in diary if step[0] == "finally"])

    with pytest.raises(SimulationFailed) as caught:
        explore_places(balanced, "/steps")
    assert caught.value.result.faults == (Fault(kind="crash", path="/steps", wait=2),)


@pytest.mark.parametrize(
    "bad",
    [
        {"crash": -0.1},
        {"kill": 0.0004},
        {"crash": 1.1},
        {"crash": 0.6, "kill": 0.6},
        {"slowest": -1.0},
        {"most": -1},
    ],
)
def test_shares_are_checked(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Faults(**bad)


def test_a_place_has_one_fault() -> None:
    slow, crash = (Fault(kind=kind, path="/steps", message=1) for kind in ("slow", "crash"))
    with pytest.raises(ValueError, match="two faults at one place"):
        Faults(by_hand=(slow, crash))
    assert Faults(by_hand=(slow, Fault(kind="crash", path="/steps", wait=1))).by_hand


@pytest.mark.parametrize("bad", [{}, {"message": 1, "wait": 1}, {"message": 0}, {"kind": "burn", "wait": 1}])
def test_places_are_checked(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"message|wait|kind"):
        Fault(**{"kind": "crash", "path": "/a", **bad})
