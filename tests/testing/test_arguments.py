"""An argument of the wrong kind is refused at the call, by an error that names what was expected."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from actorio import ActorRef, ActorSystem
from actorio.testing import (
    Fault,
    Faults,
    Harness,
    Probe,
    SimulationSettings,
    Tape,
    explore,
    explore_places,
    run_in_virtual_time,
    settled,
    shrink,
    simulate,
    until,
)
from actorio.testing.hypothesis import tapes
from tests.arguments import Entry, options, refuses, refuses_at_once, table
from tests.guarantees.actors import Silent


@dataclass
class Stage:
    """What there is to call."""

    system: ActorSystem
    ref: ActorRef[Silent]
    probe: Probe


async def _main() -> None:
    """Do nothing, in simulation."""


FAULTS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("crash", "cancel", "kill", "slow", "full"), ("share", "must be")),
    "slowest": ("seconds", "slowest must"),
    "most": ("count or None", "most must"),
    "paths": ("text", "paths must be a str"),
    "by_hand": ("iterable of instances", "by_hand"),
}
SETTINGS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("quantum", "step_cost", "thread_delay"), ("seconds", "must be")),
    "max_steps": ("count from 1", "max_steps must"),
    "pct_depth": ("count from 1", "pct_depth must"),
    "faults": ("instance or None", "faults must be a Faults"),
}
SEED = ("whole number", "seed must")
CONDITIONS = ("instance or None", "settings must be a SimulationSettings")
MAIN = ("function", "takes a function")


def _fault(**options: Any) -> Fault:
    place = {} if {"message", "wait"} & options.keys() else {"message": 1}
    return Fault(**{"kind": "crash", "path": "/it", **place, **options})


SIMULATION = [
    *options(
        "simulate",
        lambda _, **given: simulate(**{"main": _main, **given}).unwrap(),
        {
            "main": MAIN,
            "seed": SEED,
            "policy": ("instance", "policy"),
            "tape": ("tape or None", "tape"),
            "settings": CONDITIONS,
        },
    ),
    *options(
        "explore",
        lambda _, **given: explore(**{"main": _main, "seeds": [0], **given}),
        {
            "main": MAIN,
            "seeds": ("iterable of numbers", "seeds must|seed must"),
            "policies": ("iterable of instances", "polic"),
            "settings": CONDITIONS,
            "shrink_runs": ("count", "shrink_runs must"),
        },
    ),
    *options(
        "explore_places",
        lambda _, **given: explore_places(**{"main": _main, "path": "/it", **given}),
        {
            "main": MAIN,
            "path": ("text", "path must"),
            "kind": ("instance", "kind must"),
            "seconds": ("seconds", "seconds must"),
            "seed": SEED,
            "policy": ("instance", "policy"),
            "settings": CONDITIONS,
        },
    ),
    Entry("shrink", "instance", "failed must be a SimulationResult", lambda _, value: shrink(_main, value)),
    *options(
        "Fault",
        lambda _, **given: _fault(**given),
        {
            "kind": ("instance", "kind must"),
            "path": ("text", "path must"),
            "message": ("count from 1", "message|place"),
            "wait": ("count from 1", "wait|place"),
            "seconds": ("seconds", "seconds must"),
        },
    ),
    *options("Faults", lambda _, **given: Faults(**given), FAULTS),
    *options("SimulationSettings", lambda _, **given: SimulationSettings(**given), SETTINGS),
    Entry("Tape.parse", "tape", "tape", lambda _, value: Tape.parse(value)),
    Entry("run_in_virtual_time", *MAIN, lambda _, value: run_in_virtual_time(value)),
    *options(
        "tapes",
        lambda _, **given: tapes(**given),
        {
            "lanes": ("iterable of instances", "lanes must"),
            "steps": ("count", "steps must"),
            "largest": ("count", "largest must"),
        },
    ),
]

IN_THE_LOOP = [
    *options(
        "expect",
        lambda stage, **given: stage.probe.expect(1, **given),
        {"timeout": ("seconds", "timeout must")},
    ),
    Entry("expect_none", "seconds", "within must", lambda stage, value: stage.probe.expect_none(value)),
    Entry("fish", "plain function", "wanted must", lambda stage, value: stage.probe.fish(value, timeout=0)),
    *options(
        "fish",
        lambda stage, **given: stage.probe.fish(int, **given),
        {"timeout": ("seconds", "timeout must")},
    ),
    Entry(
        "expect_terminated", "instance", "ActorRef", lambda stage, value: stage.probe.expect_terminated(value)
    ),
    Entry(
        "answer_with", "plain function", "answer must", lambda stage, value: stage.probe.answer_with(value)
    ),
    Entry(
        "Probe.spawn", "instance", "system must be an ActorSystem", lambda stage, value: Probe.spawn(value)
    ),
    Entry("until", "plain function", "condition must", lambda stage, value: until(value, timeout=0)),
    *options("until", lambda stage, **given: until(bool, **given), {"timeout": ("seconds", "timeout must")}),
    Entry(
        "settled", "instance", "system must be an ActorSystem", lambda stage, value: settled(value, timeout=0)
    ),
    *options(
        "settled",
        lambda stage, **given: settled(stage.system, **given),
        {"timeout": ("seconds", "timeout must")},
    ),
]

HARNESS = [
    Entry("Harness.advance", "seconds", "seconds must", lambda harness, value: harness.advance(value)),
    Entry("Harness.stub", "name", "name must", lambda harness, value: harness.stub(value)),
    Entry(
        "Harness.stub(answer)",
        "function",
        "stub takes a function",
        lambda harness, value: harness.stub("stub", value),
    ),
    Entry(
        "Harness.call",
        "function",
        "call takes a function|not a method",
        lambda harness, value: harness.call(value),
    ),
]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    """A system with an actor and a probe."""
    async with ActorSystem() as system:
        yield Stage(system, await system.spawn(Silent), await Probe.spawn(system))


@table(IN_THE_LOOP)
@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_wrong_argument_is_refused(entry: Entry, stage: Stage) -> None:
    await refuses(entry, stage)


@table(SIMULATION)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_wrong_argument_of_a_simulation_is_refused(entry: Entry) -> None:
    refuses_at_once(entry, None)


@table(HARNESS)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_wrong_argument_of_a_harness_is_refused(entry: Entry) -> None:
    with Harness() as harness:
        harness.start(Silent)
        refuses_at_once(entry, harness)
