"""Sources, interleaved calls, pipes, stash and silences of actors that call each other, in simulation with faults."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorRef, ActorSystem, Mailbox, Supervision, interleave
from actorio.testing import Faults, InjectedCrash, SimulationSettings, explore
from tests.cell.owned.test_source import Numbers
from tests.guarantees.actors import outcome, started

SEEDS = range(60)


class Busy(Actor[Any]):
    """Does everything at once."""

    async def on_start(self) -> None:
        incarnation = self.context.incarnation
        self.context.add_source(Numbers(10), item=lambda number: (incarnation, number), end=lambda: "end")
        self.context.when_idle(0.004, "idle")

    async def receive(self, message: Any) -> Any:
        match message:
            case "stash":
                self.context.stash(message)
                self.context.send_after(0.002, "unstash")
                return None
            case "unstash":
                self.context.unstash_all()
            case (incarnation, _):
                assert incarnation == self.context.incarnation, "an item of an earlier incarnation"
        await asyncio.sleep(0.001)
        return message

    async def pipe(self) -> None:
        self.context.pipe(asyncio.sleep(0.002, "piped"))

    @interleave
    async def look(self, other: ActorRef["Busy"] | None = None) -> int:
        await asyncio.sleep(0.002)
        return 1 if other is None else await other.call(Busy.look)

    @interleave
    def glance(self) -> int:
        return 2


class Parent(Actor[str]):
    """Has actors that may fail as often as they like."""

    supervision = Supervision(max_restarts=1_000_000)

    async def receive(self, message: str) -> Any:
        return await self.context.spawn(Busy, mailbox=Mailbox(3), name=message)


async def _talk(ref: ActorRef[Busy], other: ActorRef[Busy]) -> list[Any]:
    work = []
    for number in range(5):
        calls = ref.call(Busy.look, other), ref.call(Busy.glance), ref.call(Busy.pipe), ref.ask(number)
        work += [started(outcome(call)) for call in calls]
        work.append(started(outcome(_brief(ref.call(Busy.look, other)))))
        await outcome(ref.cast(Busy.look, other))
        await outcome(ref.send("stash" if number == 2 else number))
    return [await done for done in work]


async def _brief(call: Any) -> Any:
    async with asyncio.timeout(0.003):
        return await call


async def _all_at_once() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Parent, name="top")
        spawned = [await outcome(parent.ask(name)) for name in ("one", "two")]
        refs = [ref for ref in spawned if isinstance(ref, ActorRef)]
        talks = [started(_talk(ref, refs[number - 1])) for number, ref in enumerate(refs)]
        said = [reply for talk in talks for reply in await talk]
        failures = [reply for reply in said if isinstance(reply, Exception)]
        assert all(reply in (None, *range(5)) for reply in said if reply not in failures)
        assert all(isinstance(failure, (ActorError, TimeoutError, InjectedCrash)) for failure in failures)
        await asyncio.sleep(0.05)
        if refs:
            refs[0].kill()


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"full": 0.5},
        {"crash": 0.02},
        {"cancel": 0.02},
        {"kill": 0.01},
        {"crash": 0.01, "cancel": 0.01, "kill": 0.01, "slow": 0.02, "full": 0.3},
    ],
    ids=lambda faults: " ".join(faults) or "none",
)
def test_guarantees_hold_of_all_of_it_at_once(faults: dict[str, float]) -> None:
    settings = SimulationSettings(faults=Faults(**faults, paths="/top/*"), max_steps=50_000)
    assert explore(_all_at_once, seeds=SEEDS, settings=settings).distinct == len(SEEDS)
