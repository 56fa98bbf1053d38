"""The inputs of a replay come in their order and at their times, from the start or from a checkpoint."""

import asyncio
from pathlib import Path
from typing import Any

from actorio import Actor, ActorSystem
from actorio.capsule import read
from actorio.observability import Recorder
from actorio.testing import SimulationSettings, replay
from tests.testing.test_replaying import TYPES, Sink, _sink, failing, record


async def _gather(system: ActorSystem, recorder: Recorder) -> None:
    ref = await system.spawn(Sink, name="sink")
    for number in range(5):
        await ref.ask(number)
    await recorder.write(ref)


def test_a_capsule_by_hand_has_no_failure_and_replays_to_the_same_state(tmp_path: Path) -> None:
    (capsule,) = record(_gather, tmp_path)
    content = read(capsule)
    assert (content["reason"], content["error"], content["state"]["seen"]) == (
        "manual",
        None,
        [0, 1, 2, 3, 4],
    )
    again = replay(capsule, types=[Sink])
    assert (again.error, again.reproduced, again.expected) == (None, False, None)


def test_o16_the_clock_begins_at_the_first_input_and_inputs_come_at_their_times(tmp_path: Path) -> None:
    class Watch(Actor[Any]):
        async def receive(self, message: Any) -> None:
            now = asyncio.get_running_loop().time()
            if message is None:
                raise ValueError(f"{now - self.began:.2f}")
            self.began = now

    async def program(system: ActorSystem, recorder: Recorder) -> None:
        ref = await system.spawn(Watch, name="watch")
        await ref.send(1)
        await asyncio.sleep(0.05)
        await ref.send(None)
        await failing(ref)

    (capsule,) = record(program, tmp_path)
    content = read(capsule)
    again = replay(content, types=[Watch])
    assert str(again.error) == content["error"]["text"]
    assert again.result.elapsed >= content["inputs"][0]["at"]
    assert replay(content, types=[Watch], settings=SimulationSettings()).reproduced


def test_an_actor_that_was_there_before_the_recorder_begins_at_a_checkpoint(tmp_path: Path) -> None:
    async def main() -> list[Path]:
        async with ActorSystem() as system:
            ref = await _sink(system)
            for number in range(5):
                await ref.ask(number)
            async with Recorder(system, tmp_path, every=0) as recorder:
                await ref.send("boom")
                await failing(ref)
            return recorder.capsules

    (capsule,) = asyncio.run(main())
    content = read(capsule)
    assert (content["begins"], content["checkpoint"]["seen"]) == ("checkpoint", [0, 1, 2, 3, 4])
    again = replay(capsule, types=TYPES)
    assert again.reproduced
    assert str(again.error) == "boom after 6: 1 True"
